package decision

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// afterFinalizers takes in the patched objects. A binding that is gone, or that could not be patched, takes no part in
// what follows.
func (p Progress) afterFinalizers(r Patched) Progress {
	p.slot = false
	bindings := make([]Binding, len(p.Situation.Bindings))
	copy(bindings, p.Situation.Bindings)
	claims := map[types.UID]pin.Claim{}
	for _, i := range p.Decision.Finalizers {
		uid := bindings[i].Object.UID
		switch {
		case r.Gone[uid]:
			p = p.out(uid)
		case r.Errs[uid] != nil:
			p = p.notStored(finalizerFault(r.Errs[uid]), r.Errs[uid], uid)
		default:
			bindings[i].Object = withFinalizer(bindings[i].Object, r.Objects[uid].Object)
			if claim, takes := p.Decision.claims[i]; takes {
				claims[uid] = claim
			}
		}
	}
	p.Situation.Bindings = bindings
	p = p.pend(slices.Collect(maps.Keys(claims)), func(uid types.UID, n *Pending) {
		if !n.Journaled { // else it is what the journal holds, and is written there anew where it has to be another one
			n.Claim = claims[uid]
		}
	})
	return p.decide()
}

// withFinalizer is the object as it was patched, or, where the patch did not give it back, as it must be by now.
func withFinalizer(object, patched *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	if patched != nil {
		return patched
	}
	patched = object.DeepCopy()
	controllerutil.AddFinalizer(patched, v1alpha1.FinalizerRevoke)
	return patched
}

// finalizerFault is what a binding says of whose finalizer could not be added: what Kubernetes has against it. That it was
// written at the same time is not worth a word.
func finalizerFault(err error) *fault.Fault {
	if f := fault.FromKubernetesError(v1alpha1.ConditionSynced, finalizerRefused, err); f != nil {
		return f
	}
	f := fault.CouldNotCheck(v1alpha1.ConditionSynced, v1alpha1.ReasonPending, "add the finalizer: %v", err)
	f.Silent = true
	return f
}

// finalizerRefused is the message of a binding whose finalizer Kubernetes refuses.
const finalizerRefused = "no role is given or changed before the binding has the operator's finalizer, which Kubernetes refuses"

// afterJournal takes in that the journal holds the claims. Where it cannot be written, nothing new is given.
func (p Progress) afterJournal(e Effect, r Stored) Progress {
	p.slot = false
	switch e := e.(type) {
	case WriteJournal:
		return p.journaled(e, r.Err)
	case Withdraw:
		withdrawn := maps.Clone(p.withdrawn)
		if withdrawn == nil {
			withdrawn = map[types.UID]bool{}
		}
		for _, uid := range e.Bindings {
			withdrawn[uid] = true
		}
		p.withdrawn = withdrawn
	case Clear:
		p.cleared = true
	}
	return p
}

func (p Progress) journaled(e WriteJournal, err error) Progress {
	if err == nil {
		at := p.Situation.byUID()
		p = p.pend(slices.Collect(maps.Keys(e.Claims)), func(uid types.UID, n *Pending) {
			n.Claim, n.Journaled, n.Retain = e.Claims[uid], true, p.Situation.Bindings[at[uid]].Retains()
		})
		return p.decide()
	}
	f := fault.CouldNotCheck(v1alpha1.ConditionSynced, v1alpha1.ReasonJournalUnwritable,
		"the operator cannot write down what it is about to give, so nothing new is given: %v", err)
	f.Transient = true
	return p.notStored(f, err, slices.Collect(maps.Keys(e.Claims))...).decide()
}

// toldPlaces are those of which every status tells what they have come to: it was written, or said so already.
func (p Progress) toldPlaces(e Report, at map[types.UID]int) []roleset.Target {
	if len(p.Situation.Memory.Untold) == 0 {
		return nil
	}
	told := map[roleset.Target]bool{}
	for _, st := range e.Statements {
		i := at[st.UID]
		place, tells := p.Situation.entry(&p.Decision, i), !p.unwritten[st.UID] && (st.Write || st.Release || p.Decision.Rulings[i].Fault == nil)
		before, another := told[place]
		told[place] = tells && (before || !another)
	}
	maps.DeleteFunc(told, func(_ roleset.Target, tells bool) bool { return !tells })
	return slices.Collect(maps.Keys(told))
}

// afterReport keeps what could not be written for the next reconcile.
func (p Progress) afterReport(e Effect, r Reported) Progress {
	reported, unwritten := maps.Clone(p.reported), maps.Clone(p.unwritten)
	if reported == nil {
		reported, unwritten = map[types.UID]bool{}, map[types.UID]bool{}
	}
	at, refused := p.Situation.byUID(), p.refusals()
	for _, st := range e.(Report).Statements { //nolint:forcetypeassert // nothing else is reported
		reported[st.UID] = true
		if err := r.Errs[st.UID]; err != nil {
			unwritten[st.UID] = true
			p = p.retryWrite(err)
			if p = p.releaseRefused(st, err); p.unreleased[st.UID] != nil && st.Release {
				reported[st.UID] = false // its status is to say so
			}
		}
		p = p.wakeFor(at[st.UID], st, refused)
	}
	p.reported, p.unwritten = reported, unwritten
	p.Situation.Memory = p.Situation.Memory.told(p.toldPlaces(e.(Report), at)...) //nolint:forcetypeassert // nothing else is reported
	p = p.untilExpiry()
	if p.Situation.Token.Presence == Present {
		p = p.wake(p.Situation.nextWarning()) // no listing shows as a change that time has passed
	}
	return p
}

// untilExpiry asks for a look at the time at which a binding expires: no event tells of it.
func (p Progress) untilExpiry() Progress {
	now := p.Situation.Now
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		if at := b.Object.Spec.ExpiresAt; at != nil && !b.Deleting() && !b.expired(now) {
			p = p.wake(at.Sub(now))
		} else if at != nil && !b.Deleting() && b.Claim == nil && p.Situation.Pending[b.Object.UID].Given {
			p = p.wake(soon) // it was given its role when its time was all but over
		}
	}
	return p
}

// releaseRefused takes in that a binding which is deleted cannot be let go, because Kubernetes refuses to have its finalizer taken off.
func (p Progress) releaseRefused(st Statement, err error) Progress {
	if !st.Release || st.Left {
		return p
	}
	words := "the role is gone from Astro"
	if st.Stays {
		words = "the role is left in Astro as it is"
	}
	words += ", but the operator's finalizer stays on the binding, since Kubernetes refuses its removal"
	f := fault.FromKubernetesError(v1alpha1.ConditionSynced, words, err)
	if f == nil {
		return p
	}
	refused := maps.Clone(p.unreleased)
	if refused == nil {
		refused = map[types.UID]*fault.Fault{}
	}
	refused[st.UID] = f
	p.unreleased = refused
	return p
}

// rests reports whether a removal is refused until somebody changes something, or a sweep tries it again.
func (p Progress) rests(i int, refused map[roleset.Target]*fault.Fault) bool {
	f := refused[p.Situation.entry(&p.Decision, i)]
	return f != nil && f.Stalls()
}

// wakeFor asks for another look where no event tells that a binding has to be looked at again.
func (p Progress) wakeFor(i int, st Statement, refused map[roleset.Target]*fault.Fault) Progress {
	r := p.Decision.Rulings[i]
	switch v := r.Verdict.Outcome; {
	case r.Retarget && p.Situation.leavesClaim(&p.Situation.Bindings[i], p.concluded(i, nil)):
		return p.wake(soon) // it looks for its name now
	case p.mayArrive(i) && p.Situation.arrives(i) <= 0 && p.Situation.partial(p.Situation.entry(&p.Decision, i)):
		return p.wake(orphanAgain) // no write arrives any more, and no read tells whether one did
	case p.mayArrive(i) && (p.Situation.arrives(i) > 0 || p.Situation.Token.ByID): // else nobody can read it: an event or a sweep tells
		return p.wake(max(p.Situation.arrives(i), soon))
	case st.holds() && !st.Release && p.Situation.Bindings[i].entersFirst():
		return p.wake(soon)
	case st.Orphan && !st.Release, r.Overruled && !st.Release, r.Class == roleset.Leave && r.Verdict.Outcome == roleset.Kept && p.unproven(i),
		p.Situation.unasked(&p.Situation.Bindings[i]):
		p = p.wake(orphanAgain)
	case st.Release:
	case r.Class == roleset.Leave && v != roleset.Blocked && !p.rests(i, refused), v == roleset.Waiting && !r.withheld():
		p = p.wake(lookAgain)
	}
	if r.Class == roleset.Want && pendingChange(r.Verdict.Outcome) && refused[p.Situation.entry(&p.Decision, i)] == nil {
		p = p.wake(lookAgain) // else it is known not to be tried again for now
	}
	return p
}
