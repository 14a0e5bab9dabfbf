package token

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// report tells every member its own result: leavers are let go, and a status is written where it differs.
func (r *Reconciler) report(ctx context.Context, g *group) {
	var work errgroup.Group
	for _, m := range g.members {
		g.finish(m)
		if m.unchanged() {
			continue
		}
		work.Go(func() error {
			if err := r.tell(ctx, g, m); err != nil {
				g.outcome.unwritten(fmt.Errorf("report on %s: %w", m.id(), err))
			}
			return nil
		})
	}
	_ = work.Wait() // errors are in the outcome
}

// unchanged reports whether the status is left as it is. While Astro or the connection is out of reach that goes for
// every member that was settled: the trouble shows on the connection, not as a status write a binding.
func (m *member) unchanged() bool {
	if m.release {
		return false
	}
	if m.fault == nil {
		return m.leaving() && m.class == roleset.None
	}
	return m.fault.silent || (m.fault.passing && m.settled())
}

// finish turns the planner's verdict on a member into what is to be done and said.
func (g *group) finish(m *member) {
	if m.fault == nil || m.class == roleset.Leave {
		if f := g.verdictFault(m); f != nil {
			m.fault = f
		}
	}
	undone := g.undoneFor(m)
	if undone != nil {
		m.fault = undone
	}
	if m.class == roleset.Leave && undone == nil && g.fresh && (m.verdict.Outcome == roleset.Gone || m.verdict.Outcome == roleset.Kept) {
		m.release = true
	}
	if m.leaving() && m.class == roleset.Leave && !m.release && m.fault == nil {
		m.fault = not(v1alpha1.ConditionSynced, v1alpha1.ReasonRevoking, "the role is not yet known to be gone; the operator looks again")
		g.outcome.after(lookAgain)
	}
	m.tellWayOut()
}

// undoneFor is what became of the change to the member's role if Astro did not make it. Who lost the role to another
// binding, or leaves it to one, has no part in that change.
func (g *group) undoneFor(m *member) *fault {
	if m.class != roleset.Want && m.class != roleset.Leave {
		return nil
	}
	switch m.verdict.Outcome {
	case roleset.Conflict, roleset.ExistingRole, roleset.Kept, roleset.Held, roleset.Waiting:
		return nil
	case roleset.Gone:
		if len(g.wanting(m.entry())) > 0 {
			return nil
		}
	}
	return g.failures[m.entry()]
}

// wanting are the members that want a role in this place.
func (g *group) wanting(t roleset.Target) (all []*member) {
	for _, m := range g.members {
		if m.class == roleset.Want && m.entry() == t {
			all = append(all, m)
		}
	}
	return all
}

// tellWayOut adds to what keeps a leaver from going how it can go all the same. The fault may be shared by others.
func (m *member) tellWayOut() {
	if !m.leaving() || m.fault == nil || m.fault.reason == v1alpha1.ReasonRevoking || m.fault.reason == v1alpha1.ReasonPinLost {
		return
	}
	own := *m.fault
	own.message += "; the role is not revoked until then: " + orRelease
	m.fault = &own
}

func (r *Reconciler) tell(ctx context.Context, g *group, m *member) error {
	if m.ghost {
		return r.layToRest(ctx, g, m)
	}
	if m.release {
		return r.releaseMember(ctx, g, m)
	}
	return r.patchStatus(ctx, g, m)
}

// haunting is how long to wait before what kept a ghost from going is looked at again.
const haunting = time.Minute

// layToRest lets a ghost go once its role is revoked. There is no object to tell anything, so what is in the way is logged.
func (r *Reconciler) layToRest(ctx context.Context, g *group, m *member) error {
	logger := log.FromContext(ctx).WithValues("namespace", m.binding.Namespace, "name", m.binding.Name)
	if !m.release {
		logger.Info("the role of a binding that vanished with its claim is not revoked yet", "target", m.targetID())
		g.outcome.after(haunting)
		return nil
	}
	logger.Info("revoked the role of a binding that vanished with its claim", "target", m.held.Target)
	r.ghosts.rest(g.key, m.binding.UID)
	return nil
}

// releaseMember lets a leaver go. A member that stays although its claim was withdrawn is told so.
func (r *Reconciler) releaseMember(ctx context.Context, g *group, m *member) error {
	held := m.held
	if err := r.letGo(ctx, g, m); err != nil {
		return err
	}
	r.eventReleased(m, held)
	if m.leaving() {
		r.echoes.forget(m.binding.UID)
		r.ghosts.told(m.binding.UID)
		return nil
	}
	m.held, m.release = nil, false
	return r.patchStatus(ctx, g, m)
}

// patchStatus writes the status if it differs, and tells of changes by event. It is for the very object that was looked
// at: another one may have been made under its name meanwhile, and would take the ids in the status for its own.
func (r *Reconciler) patchStatus(ctx context.Context, g *group, m *member) error {
	before, now := statusOnly(m.binding, m.binding.Status), statusOnly(m.binding, g.statusOf(m))
	if equality.Semantic.DeepEqual(before.Status, now.Status) {
		return nil
	}
	defer r.patches.turn(r.waitedFor(g))()
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, now, patch); err != nil {
		return client.IgnoreNotFound(err)
	}
	m.binding = now
	if m.vouched() {
		r.ghosts.told(m.binding.UID)
	}
	r.echoes.expect(m.binding, !m.forgets()) // one that spells its token again is worked on under another key
	r.eventReported(before, m)
	return nil
}

// conditionTrue reports whether the binding's condition is True.
func conditionTrue(b *v1alpha1.ScopedTokenBinding, condition string) bool {
	for _, c := range b.Status.Conditions {
		if c.Type == condition {
			return c.Status == "True"
		}
	}
	return false
}
