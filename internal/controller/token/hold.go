package token

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// hold lets the members whose claims are about to matter take them: one metadata patch each adds the finalizer and the
// annotation, before anything is written to Astro. A member that cannot take its claim is on hold, so that nobody who
// leaves takes its role along.
func (r *Reconciler) hold(ctx context.Context, g *group) {
	claims := map[*member]v1alpha1.HeldClaim{} // all of them before the first is taken, since each looks at the others
	for _, m := range g.members {
		if m.mustHold() || m.lostFinalizer() {
			claims[m] = g.claimFor(m, r)
		}
	}
	var work errgroup.Group
	for m, claim := range claims {
		work.Go(func() error {
			if err := r.take(ctx, g, m, claim); err != nil {
				m.class = roleset.Hold
				m.fault = unknown(v1alpha1.ConditionSynced, v1alpha1.ReasonPending, "take the claim: %v", err)
				m.fault.silent = true
				g.outcome.unwritten(fmt.Errorf("hold %s: %w", m.id(), err))
			}
			return nil
		})
	}
	_ = work.Wait() // what goes wrong is the member's fault
}

// mustHold reports whether the member's claim matters from here on and is not taken yet.
func (m *member) mustHold() bool {
	if m.class != roleset.Want || (m.held != nil && controllerutil.ContainsFinalizer(m.binding, v1alpha1.FinalizerRevoke)) {
		return false
	}
	switch m.verdict.Outcome {
	case roleset.InSync, roleset.Add, roleset.Update:
		return true
	default:
		return false
	}
}

// lostFinalizer reports whether a member on hold has its claim and not the finalizer any more. Nothing of it is worked on,
// and yet it must not go without its role.
func (m *member) lostFinalizer() bool {
	return m.class == roleset.Hold && m.held != nil && !m.leaving() && !controllerutil.ContainsFinalizer(m.binding, v1alpha1.FinalizerRevoke)
}

// claimFor is the claim that the member takes, given what the token was last seen to hold.
func (g *group) claimFor(m *member, r *Reconciler) v1alpha1.HeldClaim {
	if m.held != nil && !m.takes {
		return *m.held
	}
	origin, previous := g.originOf(m)
	return v1alpha1.HeldClaim{
		Host: g.key.Host, Organization: g.key.Organization,
		Token: g.key.Token, Scope: m.binding.Spec.Token.Scope,
		TargetKind: m.binding.Spec.Target.Kind, Target: m.targetID(),
		Role: m.role(), Origin: origin, PreviousRole: previous,
		Time: metav1.NewMicroTime(r.Clock()),
	}
}

// originOf says how the member comes by its role. Where another binding holds the role already, it is that binding's
// origin: the role came from a declaration, however it came there first.
func (g *group) originOf(m *member) (v1alpha1.Origin, string) {
	for _, other := range g.members {
		if other != m && other.held != nil && !other.takes && other.class != roleset.None && other.entry() == m.entry() {
			return other.held.Origin, other.held.PreviousRole
		}
	}
	if s := m.binding.Status; m.vouched() && s.OrganizationID == g.key.Organization {
		return s.Origin, s.PreviousRole
	}
	if role := g.token.RoleOn(m.entry().Key()); role != "" {
		return v1alpha1.OriginAdopted, role
	}
	return v1alpha1.OriginCreated, ""
}

// take writes the finalizer and the annotation, on the very object that was looked at.
func (r *Reconciler) take(ctx context.Context, g *group, m *member, claim v1alpha1.HeldClaim) error {
	value, err := pin.Encode(claim)
	if err != nil {
		return err
	}
	before := m.binding.DeepCopy()
	if m.binding.Annotations == nil {
		m.binding.Annotations = map[string]string{}
	}
	m.binding.Annotations[v1alpha1.AnnotationHeld] = value
	controllerutil.AddFinalizer(m.binding, v1alpha1.FinalizerRevoke)
	if err := r.patchMetadata(ctx, g, m, before); err != nil {
		return err
	}
	m.takes = m.takes || m.held == nil
	m.held = &claim
	return nil
}

// letGo takes the finalizer and the annotation away again. That the object is gone already is as good.
func (r *Reconciler) letGo(ctx context.Context, g *group, m *member) error {
	before := m.binding.DeepCopy()
	delete(m.binding.Annotations, v1alpha1.AnnotationHeld)
	controllerutil.RemoveFinalizer(m.binding, v1alpha1.FinalizerRevoke)
	if err := r.patchMetadata(ctx, g, m, before); client.IgnoreNotFound(err) != nil {
		return err
	}
	m.held, m.takes = nil, false
	return nil
}

// patchMetadata patches under the condition that nobody changed the object meanwhile, since a merge patch replaces the
// whole list of finalizers.
func (r *Reconciler) patchMetadata(ctx context.Context, g *group, m *member, before *v1alpha1.ScopedTokenBinding) error {
	defer r.patches.turn(r.waitedFor(g))()
	held := pin.Held(m.binding)
	told := held != nil && held.Token == g.key.Token // a claim on another token is taken up under its key
	if told {
		r.echoes.claim(m.binding)
		defer r.echoes.claimed(m.binding.UID)
	}
	now := metadataOf(m.binding)
	patch := client.MergeFromWithOptions(metadataOf(before), client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, now, patch); err != nil {
		m.binding = before
		return err
	}
	m.binding = now
	r.echoes.expect(m.binding, told)
	return nil
}

// shifted reports whether a fresh look at the token shows something else than the claims were taken on: a role that may
// not be taken over, or another origin. The claims are then taken anew before anything is written.
func (g *group) shifted() bool {
	return slices.ContainsFunc(g.members, g.claimShifted)
}

// claimShifted reports it for one member. What a member's own change has brought about is no shift. One that has no claim
// yet, since there was nothing for it to take before the look, has to take it first.
func (g *group) claimShifted(m *member) bool {
	if m.mustHold() {
		return true
	}
	if !m.takes || m.sent {
		return false
	}
	if m.verdict.Outcome == roleset.ExistingRole {
		return true
	}
	origin, previous := g.originOf(m)
	return origin != m.held.Origin || previous != m.held.PreviousRole
}

// retake mends the claims that a fresh look has shifted.
func (r *Reconciler) retake(ctx context.Context, g *group) error {
	for _, m := range g.members {
		if !g.claimShifted(m) {
			continue
		}
		act := func() error { return r.take(ctx, g, m, g.claimFor(m, r)) }
		if m.verdict.Outcome == roleset.ExistingRole {
			act = func() error { return r.letGo(ctx, g, m) }
		}
		if err := act(); err != nil {
			return fmt.Errorf("take the claim of %s anew: %w", m.id(), err)
		}
	}
	return nil
}
