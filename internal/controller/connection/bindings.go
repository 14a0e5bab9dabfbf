package connection

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// usage is who refers to a connection.
type usage struct {
	bindings int
	// unfinished is how many roles need the connection although no binding says so: the binding is gone, or its status does
	// not tell yet what it is being given.
	unfinished int
	// holders are the bindings that need the connection to revoke their roles, as namespace/name in order.
	holders []string
	// deleting are those that are to lose their role and have not yet.
	deleting []string
}

// bindingsOf are the bindings that refer to the connection. They are the cache's, and not to be changed.
func (d *dependencies) bindingsOf(ctx context.Context, key Key) ([]v1alpha1.ScopedTokenBinding, error) {
	var list v1alpha1.ScopedTokenBindingList
	err := d.Client.List(ctx, &list, client.MatchingFields{index.BindingConnection: key.String()}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list bindings of %s: %w", key, err)
	}
	return list.Items, nil
}

// usageOf finds out who refers to the connection.
func (d *dependencies) usageOf(ctx context.Context, key Key) (usage, error) {
	bindings, err := d.bindingsOf(ctx, key)
	if err != nil {
		return usage{}, err
	}
	u := usage{bindings: len(bindings), unfinished: d.Registry.unfinished(key)}
	for i := range bindings {
		b := &bindings[i]
		if pin.Claimed(b) != nil { // a finalizer, which anybody may write, is no claim
			u.holders = append(u.holders, b.Namespace+"/"+b.Name)
		}
		if measure.WaitsForRevocation(b, d.Clock()) {
			u.deleting = append(u.deleting, b.Namespace+"/"+b.Name)
		}
	}
	slices.Sort(u.holders)
	slices.Sort(u.deleting)
	return u, nil
}

// nameSome names the first three, and counts the others.
func nameSome(names []string) string {
	first := strings.Join(names[:min(len(names), 3)], ", ")
	if more := len(names) - 3; more > 0 {
		return fmt.Sprintf("%s and %d more", first, more)
	}
	return first
}

// boundTokens tells the ids of the tokens of the Organization on which bindings of the connection hold a claim, for the directory
// to miss them. What a connection of the same name was granted in another Organization is not to be found in this one.
func (d *dependencies) boundTokens(key Key, organization string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		bindings, err := d.bindingsOf(ctx, key)
		if err != nil {
			return nil, err
		}
		var ids []string
		for i := range bindings {
			b := &bindings[i]
			if id := boundTo(b); id != "" && b.Status.OrganizationID == organization && !expired(b, d.Clock()) {
				ids = append(ids, id)
			}
		}
		return ids, nil
	}
}

// claimedTargets are the targets of the Organization which bindings and inventories of the connection have found, each once.
func (d *dependencies) claimedTargets(ctx context.Context, key Key, organization string) ([]astro.TargetQuery, error) {
	bindings, err := d.bindingsOf(ctx, key)
	if err != nil {
		return nil, err
	}
	var inventories v1alpha1.TargetInventoryList
	err = d.Client.List(ctx, &inventories, client.MatchingFields{index.InventoryConnection: key.String()}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list inventories of %s: %w", key, err)
	}
	seen := map[astro.TargetQuery]struct{}{}
	for i := range bindings {
		if s := &bindings[i].Status; s.Target.ID != "" && s.OrganizationID == organization {
			seen[astro.TargetQuery{Kind: resolve.Entities[s.Target.Kind], ID: s.Target.ID}] = struct{}{}
		}
	}
	for i := range inventories.Items {
		s := &inventories.Items[i].Status // one that the rules refuse has the id that its user wrote
		if t := &s.Target; t.ID != "" && meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionResolved) {
			seen[astro.TargetQuery{Kind: resolve.Entities[t.Kind], ID: t.ID}] = struct{}{}
		}
	}
	return slices.Collect(maps.Keys(seen)), nil
}

// expired reports whether the binding's token is known to have expired. Astro may leave such a token out of its lists.
func expired(b *v1alpha1.ScopedTokenBinding, now time.Time) bool {
	at := b.Status.Token.ExpiresAt
	return at != nil && !at.After(now)
}

// boundTo is the id of the token on which the binding holds a claim; empty if it holds none, or was told already that
// the token is gone. It goes by the status, which nobody but the operator writes, so that no user casts doubt on the listings of
// others.
func boundTo(b *v1alpha1.ScopedTokenBinding) string {
	if pin.Claimed(b) == nil {
		return ""
	}
	lost := []string{v1alpha1.ReasonTokenNotFound, v1alpha1.ReasonTokenReplaced}
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionResolved && slices.Contains(lost, c.Reason) {
			return ""
		}
	}
	return b.Status.Token.ID
}
