package decision

import (
	"errors"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// soon is how long to wait for the cache where somebody else was first to write an object.
const soon = 100 * time.Millisecond

// lookAgain is how long to wait before a write that Astro took but does not show is looked at again.
const lookAgain = 5 * time.Second

// orphanAgain is how long to wait before what keeps an orphan's role from being revoked is looked at again, and other troubles that
// may be another's.
const orphanAgain = time.Minute

// maxSlots keeps a token that never comes to rest from occupying its worker for ever.
const maxSlots = 64

// Progress is how far the work on a token has come. It is a value: Next and After make another one.
type Progress struct {
	Situation Situation
	Decision  Decision

	// Wake is when to look again; zero: a change will tell. Errs are errors because of which to try again.
	Wake time.Duration
	Errs []error

	parts     [][]roleset.Target // changes that are tried together, the next first
	slot      bool               // the token was read in a write slot that is still ours
	permitted map[roleset.Target]bool
	sending   *Post
	refused   *refusedPart
	accepted  int  // writes that Astro took
	searched  bool // dangling roles were looked for
	inVain    int  // how many dead roles were left out for a change that was refused all the same
	slots     int  // slots that were waited for

	unsent     []types.UID // bindings that are gone since the journal took their claim, and for which nothing was sent
	withdrawn  map[types.UID]bool
	reported   map[types.UID]bool         // bindings that were told
	unwritten  map[types.UID]bool         // statements that could not be written
	unreleased map[types.UID]*fault.Fault // bindings whose finalizer Kubernetes does not let the operator take off, and its words
	cleared    bool
}

// refusedPart are changes that Astro refused together, where splitting them is no use or not possible.
type refusedPart struct {
	changes []Change
	err     error
}

// wake asks for another reconcile in a while; the soonest wish counts.
func (p Progress) wake(d time.Duration) Progress {
	if d > 0 && (p.Wake == 0 || d < p.Wake) {
		p.Wake = d
	}
	return p
}

// Retry asks for another reconcile because of an error: after the time Astro asks for, or with the queue's backoff. A
// credential that was refused is not tried again: the connection tells when it has another.
func (p Progress) Retry(err error) Progress {
	switch {
	case errors.Is(err, astro.ErrUnauthorized):
	case errors.Is(err, astro.ErrThrottled):
		return p.wake(max(astro.RetryAfter(err), time.Second))
	default:
		p.Errs = append(slices.Clip(p.Errs), err)
	}
	return p
}

// retryWrite asks for another reconcile because of a write to Kubernetes that failed. That somebody else was first, or
// that the object is gone, is no error: the next look starts from there.
func (p Progress) retryWrite(err error) Progress {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return p.wake(soon)
	}
	return p.Retry(err)
}

func (p Progress) lose(through string, f *fault.Fault) Progress {
	next := maps.Clone(p.Situation.Lost)
	if next == nil {
		next = map[string]*fault.Fault{}
	}
	next[through] = f
	credential := p.Situation.credential(through)
	for i := range p.Situation.Bindings { // what went wrong with a credential went wrong for all who use it
		if c := &p.Situation.Bindings[i].Connection; credential != "" && c.Credential == credential {
			next[c.ID] = f
		}
	}
	p.Situation.Lost, p.slot = next, false
	return p
}

// out takes bindings out of this reconcile: they are told nothing.
func (p Progress) out(uids ...types.UID) Progress {
	out := maps.Clone(p.Situation.Out)
	if out == nil {
		out = map[types.UID]*fault.Fault{}
	}
	for _, uid := range uids {
		out[uid] = fault.Quiet()
	}
	p.Situation.Out = out
	return p
}

// notStored takes bindings out of this reconcile because of a write to Kubernetes that failed. What the next one may do is waited for;
// what Kubernetes refuses may be refused for ever.
func (p Progress) notStored(f *fault.Fault, err error, uids ...types.UID) Progress {
	refused := fault.FromKubernetesError("", "", err)
	p.Situation = p.Situation.leftAlone(f, refused == nil || refused.Transient, uids...)
	return p.retryWrite(err)
}

// pend changes what is known of the claims that bindings are taking.
func (p Progress) pend(uids []types.UID, change func(types.UID, *Pending)) Progress {
	if len(uids) == 0 {
		return p
	}
	next := maps.Clone(p.Situation.Pending)
	if next == nil {
		next = map[types.UID]Pending{}
	}
	for _, uid := range uids {
		n := next[uid]
		change(uid, &n)
		next[uid] = n
	}
	p.Situation.Pending = next
	return p
}

// claimants are the bindings for which changes are made.
func (p Progress) claimants(changes []Change) (all []types.UID) {
	for _, c := range changes {
		for _, i := range p.Decision.indices(c.Claims) {
			all = append(all, p.Situation.Bindings[i].Object.UID)
		}
	}
	return all
}

// refusals are why changes are not made, by their place.
func (p Progress) refusals() map[roleset.Target]*fault.Fault {
	refused := map[roleset.Target]*fault.Fault{}
	for _, c := range p.Decision.Changes {
		if c.Refused != nil {
			refused[c.Target] = c.Refused
		}
	}
	return refused
}
