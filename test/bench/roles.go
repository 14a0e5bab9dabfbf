package main

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// changeRole edits the role of every binding of one token, all at once, and measures until all are Ready with it.
func (m *measurement) changeRole(ctx context.Context) error {
	var edited []grant
	for i, g := range m.declared {
		if g.token == m.org.tokens[0] {
			m.declared[i].role = otherRole
			edited = append(edited, m.declared[i])
		}
	}
	it, err := m.spend(ctx, func() (time.Duration, error) {
		seen, err := m.watchReadiness(ctx)
		if err != nil {
			return 0, err
		}
		defer seen.stop()
		start := time.Now()
		if err := parallel(ctx, edited, workers, m.editRole); err != nil {
			return 0, err
		}
		last, err := seen.all(ctx, edited, m.patience)
		return last.Sub(start), err
	})
	if err != nil {
		return err
	}
	m.printSpent("role", m.size, it, expectation{
		time: 2 * m.latency, gets: new(1.0), posts: new(1.0), postsGoal: new(2.0), patches: new(float64(len(edited))),
		notes: []string{"bindings=" + number(float64(len(edited)))},
	})
	m.nothingLost("role_"+m.size.suffix(), m.tenant)
	return nil
}

func (t *tenant) editRole(ctx context.Context, g grant) error {
	var b v1alpha1.ScopedTokenBinding
	if err := t.kube.Get(ctx, client.ObjectKey{Namespace: t.namespace, Name: g.name}, &b); err != nil {
		return err
	}
	before := b.DeepCopy()
	b.Spec.Role = g.role
	return t.kube.Patch(ctx, &b, client.MergeFrom(before))
}
