package stb

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// touched are the connections of the bindings that the manifests declare or delete, those that they change, and those whose rules
// go by the labels of a namespace that the manifests have: a label alone may give and take every role of that namespace.
func (o *overlaid) touched(set *manifestSet) (all []v1alpha1.Connection) {
	declared, labelled := map[ref.Key]bool{}, map[ref.Key]bool{}
	for _, b := range o.Bindings {
		key := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)
		if _, is := o.declared[b.UID]; is {
			declared[key] = true
		}
		if _, is := set.labels[b.Namespace]; is {
			labelled[key] = true
		}
	}
	changed := map[string]bool{}
	for _, item := range o.connectionItems {
		changed[item.Connection] = true
	}
	for _, c := range o.Connections {
		key := ref.KeyOf(c)
		if set.only(key) && (declared[key] || changed[keyWords(key)] || labelled[key] && policy.GoesByLabels(c)) {
			all = append(all, c)
		}
	}
	return all
}

// readOrganizations reads what Astro shows of the Organizations that the manifests touch.
func (s *session) readOrganizations(
	ctx context.Context, c cluster, now *plan.World, then *overlaid, set *manifestSet,
) (map[plan.OrganizationKey]*plan.Organization, error) {
	p := newProgress(s.ErrOut)
	defer p.stop()
	all, touched := map[plan.OrganizationKey]*plan.Organization{}, then.touched(set)
	for _, one := range touched {
		at := plan.KeyOf(one)
		if all[at] != nil {
			continue
		}
		all[at] = &plan.Organization{Missing: map[string]plan.Missing{}}
		candidates, err := s.readThrough(at, touched, now, then)
		if err != nil {
			return nil, err
		}
		if len(candidates) == 0 {
			continue
		}
		reader, err := s.reachFirst(ctx, c, candidates, p)
		if err != nil {
			return nil, err
		}
		if err := s.readPlanned(ctx, reader, all[at], append(slices.Clone(now.Bindings), then.Bindings...)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readThrough are the connections through which an Organization may be read, the best first: those that the manifests touch, whose
// credential shows what the operator sees through them, and of these those that it is known to work through. They are connections
// of the cluster, as they are there: whoever writes a manifest, for somebody else to plan, does not choose which Secret is read.
func (s *session) readThrough(at plan.OrganizationKey, touched []v1alpha1.Connection, now *plan.World, then *overlaid) ([]v1alpha1.Connection, error) {
	if there := usable(now.Connections, at, touched); len(there) > 0 {
		return there, nil
	}
	planned := usable(then.Connections, at, touched)
	own, err := s.ownCredential()
	if err != nil {
		return nil, err
	}
	if len(planned) > 0 && own == "" {
		return nil, fmt.Errorf("set %s: only the manifests have %s, and no Secret is read because a manifest names it", credentialVariable, qualified(planned[0]))
	}
	return planned, nil
}

// usable are the connections to the Organization that the operator works through, or has not looked at.
func usable(all []v1alpha1.Connection, at plan.OrganizationKey, touched []v1alpha1.Connection) (found []v1alpha1.Connection) {
	order := map[ref.Key]int{}
	for _, c := range touched {
		order[ref.KeyOf(c)] -= 2
	}
	for _, c := range all {
		looked := meta.FindStatusCondition(c.ConnectionStatus().Conditions, v1alpha1.ConditionReady) != nil
		if plan.KeyOf(c) != at || looked && !plan.Works(c) {
			continue
		}
		if looked {
			order[ref.KeyOf(c)]--
		}
		found = append(found, c)
	}
	slices.SortStableFunc(found, func(a, b v1alpha1.Connection) int { return cmp.Compare(order[ref.KeyOf(a)], order[ref.KeyOf(b)]) })
	return found
}

// reading is a client of one Organization, the API token that it works with, and the connection through which it was found.
type reading struct {
	*astro.Client

	self    string
	through v1alpha1.Connection
}

// reachFirst makes a client through the first of the connections whose Secret the user may read, which with a credential of the
// user's own is the first.
func (s *session) reachFirst(ctx context.Context, c cluster, candidates []v1alpha1.Connection, p *progress) (*reading, error) {
	var first error
	for _, through := range candidates {
		reader, self, err := s.reach(ctx, c, through, p)
		if err == nil {
			return &reading{Client: reader, self: self, through: through}, nil
		}
		first = cmp.Or(first, err)
		if !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
			break
		}
	}
	return nil, first
}
