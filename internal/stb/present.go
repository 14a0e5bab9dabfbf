package stb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// present is what is declared in the cluster, as far as the user may see it.
func (s *session) present(ctx context.Context, c cluster, set *manifestSet) (plan.World, error) {
	w := plan.World{Now: s.clock()}
	if c.offline {
		return w, nil
	}
	bindings, partial, err := c.bindings(ctx)
	if err != nil {
		return w, err
	}
	s.tellPartial(c, partial)
	if partial {
		more, err := c.bindingsIn(ctx, set.namespaces())
		if err != nil {
			return w, err
		}
		bindings = append(bindings, more...)
	}
	for i := range bindings {
		w.Bindings = append(w.Bindings, &bindings[i])
	}
	w.Connections, err = c.connectionsOf(ctx, w.Bindings, set)
	return w, err
}

// bindingsIn are those of the namespaces, but for the cluster's own, which are known.
func (c cluster) bindingsIn(ctx context.Context, namespaces map[string]bool) (all []v1alpha1.ScopedTokenBinding, err error) {
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		if namespace == c.namespace {
			continue
		}
		var list v1alpha1.ScopedTokenBindingList
		err := c.List(ctx, &list, client.InNamespace(namespace))
		if apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("you may not list the bindings of namespace %s, so what is declared there is not known", namespace)
		}
		if err != nil {
			return nil, fmt.Errorf("list bindings of namespace %s: %w", namespace, err)
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

// connectionsOf are the connections that the user may list, and those to which bindings refer. One that the user may not get
// is missed only where the manifests refer to it and do not bring it along.
func (c cluster) connectionsOf(ctx context.Context, bindings []*v1alpha1.ScopedTokenBinding, set *manifestSet) (all []v1alpha1.Connection, err error) {
	all, err = c.everyConnection(ctx)
	if err != nil {
		return nil, err
	}
	needed := set.connectionsNeeded()
	for _, b := range bindings {
		if key := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef); !needed[key] {
			needed[key] = false
		}
	}
	for _, o := range all {
		delete(needed, ref.KeyOf(o))
	}
	for key, must := range needed {
		o, err := c.connection(ctx, key)
		switch {
		case err == nil:
			all = append(all, o)
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err) && !must:
		default:
			return nil, fmt.Errorf("get %s: %w", key.Words(), err)
		}
	}
	return all, nil
}

// everyConnection are the connections that the user may list.
func (c cluster) everyConnection(ctx context.Context) (all []v1alpha1.Connection, err error) {
	var own v1alpha1.AstroConnectionList
	var shared v1alpha1.ClusterAstroConnectionList
	if err := c.List(ctx, &own); err != nil && !apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	if err := c.List(ctx, &shared); err != nil && !apierrors.IsForbidden(err) {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	for i := range own.Items {
		all = append(all, &own.Items[i])
	}
	for i := range shared.Items {
		all = append(all, &shared.Items[i])
	}
	return all, nil
}

// readPlanned reads one Organization: tokens, targets, the custom roles, and what became of tokens that bindings stand for and that
// are not listed.
func (s *session) readPlanned(ctx context.Context, reader *reading, into *plan.Organization, bindings []*v1alpha1.ScopedTokenBinding) error {
	o, err := readOrganization(ctx, reader.Client, reader.through.ConnectionSpec())
	if err != nil {
		return err
	}
	into.Targets = slices.Collect(maps.Values(o.targets))
	if into.Tokens, err = withTheirRoles(ctx, reader.Client, o.tokens); err != nil {
		return err
	}
	into.Roles, err = reader.ListRoles(ctx)
	if into.RolesKnown = err == nil; errors.Is(err, astro.ErrForbidden) {
		fmt.Fprintln(s.ErrOut, "Astro does not let the API token list roles: that a custom role does not exist is not noticed.")
	} else if err != nil {
		return fmt.Errorf("read Astro: %w", err)
	}
	return findMissing(ctx, astro.NewDirectory(reader.Client, astro.DirectoryOptions{SelfID: reader.self}), o.id, into, bindings)
}

// withTheirRoles reads those tokens by id that were listed without their roles.
func withTheirRoles(ctx context.Context, reader *astro.Client, tokens []astro.Token) (all []astro.Token, err error) {
	for _, t := range tokens {
		if !t.RolesKnown {
			if t, err = reader.GetToken(ctx, t.ID); err == nil && !t.RolesKnown {
				err = fault.ErrRolesUnknown
			}
			if err != nil {
				return nil, fmt.Errorf("read the roles of token %s: %w", t.ID, err)
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// findMissing finds out whether the tokens that bindings stand for, and that are not listed, are gone.
func findMissing(ctx context.Context, d *astro.Directory, organization string, into *plan.Organization, bindings []*v1alpha1.ScopedTokenBinding) error {
	known := map[string]bool{"": true}
	for _, t := range into.Tokens {
		known[t.ID] = true
	}
	for _, b := range bindings {
		id := pin.TokenID(b)
		if known[id] || b.Status.OrganizationID != "" && b.Status.OrganizationID != organization {
			continue
		}
		known[id] = true
		gone, why, err := d.ProveGone(ctx, id)
		if err != nil {
			return fmt.Errorf("read Astro: %w", err)
		}
		if why == astro.NoEvidence { // who makes a plan has the credential
			why += ": " + d.Doubt()
		}
		into.Missing[id] = plan.Missing{Gone: gone, Why: why}
	}
	return nil
}
