package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	// clients apply side by side what is applied at once.
	clients = 10
	// liveRatio is how many times the bound of Astro's limit what is applied at once may take, and liveWrites how many times
	// one write a token.
	liveRatio, liveWrites = 1.5, 1.5
	// afterLast is what the last of those that are applied one after another may take, unless the bound takes longer.
	afterLast, afterRatio = 3 * time.Second, 1.3
)

// live measures what users do while the operator runs: several clients apply, edit and delete everything at once, and one
// client applies one binding after another.
func (b *bench) live(ctx context.Context) error {
	var faults []error
	for _, s := range b.liveSizes {
		fmt.Fprintf(b.figures.out, "# %s while the operator runs\n", s)
		for _, part := range []struct {
			name    string
			measure func(context.Context, *tenant, size) error
		}{{"several clients", b.severalClients}, {"one client", b.oneClient}} {
			err := b.within(ctx, func(w *world) error {
				t, err := w.running(ctx, s)
				if err != nil {
					return err
				}
				return part.measure(ctx, t, s)
			})
			if err != nil {
				faults = append(faults, fmt.Errorf("%s, %s: %w", s, part.name, err))
			}
		}
	}
	return errors.Join(append(faults, b.sharedCredential(ctx))...)
}

// running is a tenant whose operator is at rest, with nothing declared yet.
func (w *world) running(ctx context.Context, s size) (*tenant, error) {
	org, err := w.newOrganization(s)
	if err != nil {
		return nil, err
	}
	t, err := w.newTenant(ctx, "bench", org)
	if err != nil {
		return nil, err
	}
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	return t, t.connected(ctx)
}

// severalClients create, edit and delete all bindings.
func (b *bench) severalClients(ctx context.Context, t *tenant, s size) error {
	for _, step := range []struct {
		name string
		do   func(context.Context, grant) error
		role string
	}{
		{"live_apply", func(ctx context.Context, g grant) error { return t.kube.Create(ctx, t.binding(g)) }, role},
		{"live_edit", t.editRole, otherRole},
	} {
		t.declared = slices.Clone(t.org.grants)
		for i := range t.declared {
			t.declared[i].role = step.role
		}
		applied := time.Duration(0)
		it, err := t.spend(ctx, func() (time.Duration, error) {
			seen, err := t.watchReadiness(ctx)
			if err != nil {
				return 0, err
			}
			defer seen.stop()
			start := time.Now()
			if err := parallel(ctx, t.declared, clients, step.do); err != nil {
				return 0, err
			}
			applied = time.Since(start)
			last, err := seen.all(ctx, t.declared, t.patience)
			return last.Sub(start), err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		t.printLive(step.name, s, it, applied)
		t.nothingLost(step.name+"_"+s.suffix(), t)
	}
	return t.deleteAll(ctx, s)
}

// deleteAll deletes all bindings and waits until the last is gone.
func (t *tenant) deleteAll(ctx context.Context, s size) error {
	applied := time.Duration(0)
	it, err := t.spend(ctx, func() (time.Duration, error) {
		start := time.Now()
		err := parallel(ctx, t.declared, clients, func(ctx context.Context, g grant) error { return t.kube.Delete(ctx, t.binding(g)) })
		if err != nil {
			return 0, err
		}
		applied = time.Since(start)
		err = poll(ctx, seldom, t.patience, func() (bool, error) {
			var left v1alpha1.ScopedTokenBindingList
			err := t.kube.List(ctx, &left, client.InNamespace(t.namespace))
			return err == nil && len(left.Items) == 0, err
		})
		return time.Since(start), err
	})
	if err != nil {
		return fmt.Errorf("live_delete: %w", err)
	}
	t.printLive("live_delete", s, it, applied)
	left := len(t.declared) - t.org.lost(t.declared)
	t.declared = nil
	t.figures.mustBeZero("left_live_delete_"+s.suffix(), left, "roles")
	t.nothingLost("live_delete_"+s.suffix(), t)
	return nil
}

func (b *bench) printLive(name string, s size, it spent, applied time.Duration) {
	b.printSpent(name, s, it, expectation{
		time: throttled(s), timeGoal: time.Duration(liveRatio * float64(throttled(s))), posts: new(float64(s.tokens)), postsGoal: new(liveWrites * float64(s.tokens)),
		patches: new(float64(s.bindings)), notes: []string{fmt.Sprintf("clients=%d", clients), listed("applied_in", applied)},
	})
}

// oneClient applies one binding after another, as a server-side apply of a folder does: those of a token together.
func (b *bench) oneClient(ctx context.Context, t *tenant, s size) error {
	grants := slices.Clone(t.org.grants)
	slices.SortFunc(grants, func(a, b grant) int { return strings.Compare(a.token.name+a.name, b.token.name+b.name) })
	t.declared = grants
	var applied, after time.Duration
	it, err := t.spend(ctx, func() (time.Duration, error) {
		seen, err := t.watchReadiness(ctx)
		if err != nil {
			return 0, err
		}
		defer seen.stop()
		start := time.Now()
		for _, g := range grants {
			if err := t.serverSideApply(ctx, g); err != nil {
				return 0, err
			}
		}
		applied = time.Since(start)
		last, err := seen.all(ctx, grants, t.patience)
		after = last.Sub(start) - applied
		return last.Sub(start), err
	})
	if err != nil {
		return err
	}
	b.printSpent("live_one_client", s, it, expectation{time: max(applied, throttled(s)), posts: new(float64(s.tokens)), notes: []string{listed("applied_in", applied)}})
	goal := max(afterLast, time.Duration(afterRatio*float64(throttled(s)))-applied)
	b.figures.print(figure{name: "live_one_client_" + s.suffix() + "_after_last_s", value: after.Seconds(), unit: "s", goal: seconds(goal)})
	t.nothingLost("live_one_client_"+s.suffix(), t)
	return nil
}

func (t *tenant) serverSideApply(ctx context.Context, g grant) error {
	o := t.binding(g)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.ScopedTokenBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ScopedTokenBinding"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: o.Name}, Spec: o.Spec,
	})
	if err != nil {
		return err
	}
	delete(content, "status")
	applied := &unstructured.Unstructured{Object: content}
	return t.kube.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("bench"))
}

// sharedCredential applies fifty bindings of five tokens at once through three connections, two of which use one API token.
func (b *bench) sharedCredential(ctx context.Context) error {
	return b.within(ctx, func(w *world) error {
		org, err := w.newOrganization(baselineSize)
		if err != nil {
			return err
		}
		second := org.sim.Credential(org.sim.AddOrganizationToken(org.id, "second operator", "ORGANIZATION_OWNER"))
		var tenants []*tenant
		for i, secret := range []string{org.secret, org.secret, second} {
			t, err := w.newTenantWith(ctx, fmt.Sprint("bench-", i), org, secret)
			if err != nil {
				return err
			}
			tenants = append(tenants, t)
		}
		if err := w.start(ctx); err != nil {
			return err
		}
		for _, t := range tenants {
			if err := t.connected(ctx); err != nil {
				return err
			}
		}
		parts := slices.Collect(slices.Chunk(org.grants, (len(org.grants)+2)/3))
		err = parallel(ctx, []int{0, 1, 2}, 3, func(ctx context.Context, i int) error {
			_, took, err := tenants[i].applyAndWait(ctx, parts[i])
			if err == nil {
				b.figures.print(figure{name: fmt.Sprintf("shared_credential_%d_s", i), value: took.Seconds(), unit: "s", goal: seconds(atOnceGoal)})
			}
			return err
		})
		if err != nil {
			return err
		}
		b.figures.print(figure{
			name: "shared_credential_writes_per_token_and_credential_max", value: float64(org.mostWritesBy()), unit: "writes", bound: new(1.0), goal: new(2.0),
		})
		w.nothingLost("shared_credential", tenants...)
		return nil
	})
}
