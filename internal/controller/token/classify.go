package token

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// lookups is how many members of a group are looked up side by side. They share calls, so that more of them cost less.
const lookups = 128

// classify decides for every member how much say its claim has: whether it is wanted, on hold, leaving, or none, and
// what stands in its way. Lookups of targets are made side by side, so that they share calls.
func (r *Reconciler) classify(ctx context.Context, g *group) {
	var work errgroup.Group
	work.SetLimit(lookups)
	for _, m := range g.members {
		work.Go(func() error {
			m.class, m.fault = r.judge(ctx, g, m)
			return nil
		})
	}
	_ = work.Wait() // judge has no errors: what goes wrong is the member's fault
}

// judge classifies one member.
func (r *Reconciler) judge(ctx context.Context, g *group, m *member) (roleset.Class, *fault) {
	if m.leaving() {
		return r.judgeLeaver(ctx, g, m)
	}
	if f := r.obstacle(ctx, g, m); f != nil {
		if f.withdrawn && m.losesByWithdrawal() {
			return roleset.Leave, f
		}
		return m.onHold(), f
	}
	if m.observes() {
		return roleset.None, nil
	}
	if m.requested() {
		r.memory.truce(g.key, m.binding.UID, m.entry())
	}
	drifted := g.presence == present && g.token.RoleOn(m.entry().Key()) != m.role()
	if drifted && r.memory.fought(g.key, m.binding.UID, m.binding.Generation, r.Clock()) {
		return m.onHold(), foughtOver(g, m)
	}
	return roleset.Want, nil
}

// obstacle is the first thing that keeps a member that stays from being wanted, in the order in which a user has to
// mend them. The rules come before anything that would tell whether token or target exist.
func (r *Reconciler) obstacle(ctx context.Context, g *group, m *member) *fault {
	if f := g.unreachable(m); f != nil {
		return f
	}
	lookup := r.findTarget(ctx, g, m)
	if f := cmp.Or(lookup, g.outcome.look); f != nil && f.passing {
		return f // it says nothing of what exists, and the rules cannot be asked about what nobody could look up
	}
	if f := r.forbidden(ctx, g, m); f != nil {
		return f
	}
	if m.binding.Spec.Suspend {
		return not(v1alpha1.ConditionSynced, v1alpha1.ReasonSuspended,
			"spec.suspend is true: the role is neither written nor removed until it is false")
	}
	if g.credential {
		return not(v1alpha1.ConditionAccepted, v1alpha1.ReasonSelfProtected,
			"the token is the credential of a connection, whose roles the operator never changes; bind another token")
	}
	if f := r.tokenFault(ctx, g, m); f != nil {
		return f
	}
	if lookup != nil {
		return lookup
	}
	return outside(g, m)
}

// losesByWithdrawal reports whether the member's role is taken away when the rules allow it no more.
func (m *member) losesByWithdrawal() bool {
	return m.conn.Object.ConnectionSpec().OnWithdrawal == v1alpha1.WithdrawalRevoke && !m.binding.Spec.Suspend && !m.observes() && m.mayRevoke()
}

// onHold is the class of a member that may not be worked on now: what it holds is not touched, and what it never held
// does not count. The annotation alone does not say that it holds anything, since anybody who may edit the object could
// have written it: the rules or the status have to bear it out.
func (m *member) onHold() roleset.Class {
	if m.held == nil || (m.observes() && !m.leaving()) || (!m.allowed && !m.borneOut()) {
		return roleset.None
	}
	return roleset.Hold
}

// judgeLeaver classifies a member that is being deleted. Its finalizer goes when its role is known to be gone, or is to
// stay; whatever stands in the way is said, and waited for.
func (r *Reconciler) judgeLeaver(ctx context.Context, g *group, m *member) (roleset.Class, *fault) {
	if !controllerutil.ContainsFinalizer(m.binding, v1alpha1.FinalizerRevoke) {
		return roleset.None, nil
	}
	if m.mayStay() {
		m.release = true
		return roleset.None, nil
	}
	if m.held == nil {
		return roleset.None, not(v1alpha1.ConditionResolved, v1alpha1.ReasonPinLost,
			"the annotation %s is gone or was changed, so nobody knows which role to revoke; revoke it by hand if need be, then set the annotation %s to \"true\"",
			v1alpha1.AnnotationHeld, v1alpha1.AnnotationRelease)
	}
	if f := g.unreachable(m); f != nil {
		return m.onHold(), f
	}
	return r.judgeRevocation(ctx, g, m)
}

// judgeRevocation classifies a leaver whose role is to be revoked. A claim that the status does not bear out is put to
// the rules before anything is said or asked of token and target.
func (r *Reconciler) judgeRevocation(ctx context.Context, g *group, m *member) (roleset.Class, *fault) {
	if !m.borneOut() {
		if f := r.mayNotRevoke(ctx, g, m); f != nil {
			return m.onHold(), f
		}
	}
	switch g.presenceTo(m) {
	case gone:
		m.release = true
		return roleset.None, nil
	case unseen, absent:
		return m.onHold(), g.notSeen(m)
	case present:
	}
	if g.credential {
		return m.onHold(), not(v1alpha1.ConditionAccepted, v1alpha1.ReasonSelfProtected,
			"the token is the credential of a connection, whose roles the operator never changes")
	}
	if m.mayRevoke() || m.allowed {
		return roleset.Leave, nil
	}
	if f := r.mayNotRevoke(ctx, g, m); f != nil {
		return m.onHold(), f
	}
	return roleset.Leave, nil
}

// mayNotRevoke asks the rules about a role that the operator did not give by its own word.
func (r *Reconciler) mayNotRevoke(ctx context.Context, g *group, m *member) *fault {
	_ = r.findTarget(ctx, g, m) // the rules speak of the Workspace of a Deployment, if it can still be found
	return r.forbidden(ctx, g, m)
}

// mayStay reports whether the role is to stay in Astro when the binding goes.
func (m *member) mayStay() bool {
	return m.binding.Annotations[v1alpha1.AnnotationRelease] == "true" ||
		m.binding.Spec.DeletionPolicy == v1alpha1.DeletionRetain || m.observes()
}
