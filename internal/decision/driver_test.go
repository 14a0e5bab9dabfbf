package decision

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// driver performs effects against an Astro and a Kubernetes that are a few maps, and writes down what it was asked for.
type driver struct {
	t     *testing.T
	astro astro.Token
	// What a case makes of it: nil is as everything goes well.
	read    func(n int) error                 // before the n-th read of the token; it may change the token
	refuse  func(roles []astro.Role) error    // what Astro has against a set
	answer  func(n int) error                 // the n-th answer to a set that Astro took, which is lost
	update  func(u astro.Update) astro.Update // what Astro shows of a set that it took
	finding Findings
	patched func(uid types.UID) error
	stored  error
	told    func(uid types.UID) error
	limit   map[roleset.Target]bool     // removals that the limit holds back
	through string                      // the API token with which the slot is used
	look    func(s Situation) []Binding // the bindings as they are in the slot
	check   func(p Progress) TokenRead  // what their connections say right before the write
	later   time.Time                   // when the slot comes

	effects    []string
	audit      []string // what the audit log would say
	statements map[types.UID]Statement
	journal    map[types.UID]pin.Claim
	posts      []Post
	reads      int
	progress   Progress
}

// most is how many effects a reconcile may ask for before it is taken to go on for ever.
const most = 2000

// drive works on the situation from beginning to end. Astro holds what the situation says unless a case says otherwise.
func drive(t *testing.T, s Situation, edits ...func(*driver)) *driver {
	t.Helper()
	w := &driver{t: t, astro: s.Token.Token, statements: map[types.UID]Statement{}, journal: map[types.UID]pin.Claim{}}
	for _, edit := range edits {
		edit(w)
	}
	w.finish(Begin(s))
	return w
}

func (w *driver) finish(p Progress) {
	w.t.Helper()
	for range most {
		e := Next(p)
		if e == nil {
			w.progress = p
			return
		}
		w.effects = append(w.effects, w.words(p, e))
		p = w.perform(p, e)
	}
	w.t.Fatalf("no end after %d effects, the last of them %v", most, w.effects[most-8:])
}

// perform does as the shell does, the slot that is given back among it.
func (w *driver) perform(p Progress, e Effect) Progress {
	if post, is := e.(Post); is {
		p = Sending(p, post)
		became := w.post(post)
		u := became.Update
		w.log(p.Audit(post, astro.Attempt{
			Err: became.Err, Confirmed: u.Confirmed, Accessors: u.Accessors, Uncertain: errors.Is(became.Err, astro.ErrUnreachable),
		})...)
		return After(p, e, became)
	}
	if report, is := e.(Report); is {
		said := p.AuditReport(report)
		for _, st := range report.Statements {
			if entry, is := said[st.UID]; is {
				w.log(entry)
			}
		}
	}
	p = After(p, e, w.result(p, e))
	if _, slot := e.(ReadForWrite); slot {
		if next := Next(p); w.check != nil && (isA[Post](next) || isA[MayRevoke](next)) {
			p = After(p, e, w.check(p))
		}
		switch Next(p).(type) {
		case Post, MayRevoke:
		default:
			p = Close(p)
		}
	}
	return p
}

func isA[E any](e Effect) bool {
	_, is := e.(E)
	return is
}

// log notes entries of the audit log as one reads them: the place, what becomes of its role and why, and for whom.
func (w *driver) log(entries ...audit.Entry) {
	for _, e := range entries {
		role := cmp.Or(e.From, "none")
		if e.From != e.To {
			role += " to " + cmp.Or(e.To, "none")
		}
		words := fmt.Sprintf("%s: %s, %s, %s for", e.Target.ID, role, e.Cause, e.Outcome)
		for _, b := range e.Bindings {
			words += " " + b.Name
		}
		if e.Inventory != nil {
			words += " inventory " + e.Inventory.Name
		}
		w.audit = append(w.audit, words)
	}
}

func (w *driver) result(p Progress, e Effect) any {
	switch e := e.(type) {
	case Read:
		return w.readToken(nil)
	case ReadForWrite:
		return w.readToken(&p.Situation)
	case AddFinalizers:
		return w.patch(p.Situation, e)
	case WriteJournal:
		if w.stored == nil {
			maps.Copy(w.journal, e.Claims)
		}
		return Stored{w.stored}
	case Withdraw:
		return w.drop(e.Bindings)
	case Clear:
		return w.drop(e.Bindings)
	case MayRevoke:
		permitted := Permitted{map[roleset.Target]bool{}}
		for _, t := range e.Targets {
			permitted.Targets[t] = !w.limit[t]
		}
		return permitted
	case Diagnose:
		found := w.finding
		if !e.Dangling {
			found.Dead, found.Lapsed, found.Retired, found.Unlisted = nil, nil, nil, nil
		}
		return found
	case Report:
		return w.report(e)
	}
	w.t.Fatalf("no such effect: %T", e)
	return nil
}

func (w *driver) readToken(s *Situation) TokenRead {
	w.reads++
	var err error
	if w.read != nil {
		err = w.read(w.reads)
	}
	r := TokenRead{Token: w.astro, Err: err, Now: w.later}
	r.Token.Roles = slices.Clone(w.astro.Roles)
	if s != nil && w.look != nil {
		r.Credential, r.Bindings = w.through, w.look(*s)
	}
	return r
}

func (w *driver) post(e Post) Replaced {
	w.posts = append(w.posts, e)
	if w.refuse != nil {
		if err := w.refuse(e.Roles); err != nil {
			return Replaced{Err: err}
		}
	}
	w.astro.Roles = slices.Clone(e.Roles)
	if w.answer != nil {
		if err := w.answer(len(w.posts)); err != nil {
			return Replaced{Err: err}
		}
	}
	u := astro.Update{Written: true, Confirmed: true, Sent: e.Roles, After: w.astro}
	if w.update != nil {
		u = w.update(u)
	}
	return Replaced{Update: u}
}

func (w *driver) patch(s Situation, e AddFinalizers) Patched {
	r := Patched{Objects: map[types.UID]Binding{}, Gone: map[types.UID]bool{}, Errs: map[types.UID]error{}}
	at := s.byUID()
	for _, uid := range e.Bindings {
		if w.patched != nil {
			if err := w.patched(uid); err != nil {
				r.Errs[uid] = err
				continue
			}
		}
		b := s.Bindings[at[uid]]
		b.Object = b.Object.DeepCopy()
		controllerutil.AddFinalizer(b.Object, v1alpha1.FinalizerRevoke)
		r.Objects[uid] = b
	}
	return r
}

func (w *driver) drop(uids []types.UID) Stored {
	for _, uid := range uids {
		delete(w.journal, uid)
	}
	return Stored{}
}

func (w *driver) report(e Report) Reported {
	r := Reported{Errs: map[types.UID]error{}}
	for _, st := range e.Statements {
		w.statements[st.UID] = st
		if w.told != nil {
			if err := w.told(st.UID); err != nil {
				r.Errs[st.UID] = err
			}
		}
	}
	return r
}

// next is the situation in which the next reconcile finds everything, after a while: objects and journal as this one left
// them. A claim that only the journal has was recovered.
func (w *driver) next(later time.Duration, parts ...part) Situation {
	s := Situation{
		Key: w.progress.Situation.Key, Now: w.progress.Situation.Now.Add(later), Memory: w.progress.Situation.Memory,
		Token: Observation{Presence: Present, Token: w.astro},
	}
	for _, b := range w.progress.Situation.Bindings {
		st := w.statements[b.Object.UID]
		if st.Release && b.Deleting() {
			continue
		}
		b.Object = b.Object.DeepCopy()
		if st.Write {
			b.Object.Status = st.Status
		}
		if st.Release {
			controllerutil.RemoveFinalizer(b.Object, v1alpha1.FinalizerRevoke)
		}
		b.Claim, b.Recovered, b.Journaled = pin.Claimed(b.Object), time.Time{}, false
		if entry, journaled := w.journal[b.Object.UID]; journaled && entry.ClaimedAt.After(pin.LastClaimed(b.Object)) {
			b.Claim, b.Recovered, b.Journaled = &entry, s.Now, true
		}
		s.Bindings = append(s.Bindings, b)
	}
	for _, p := range parts {
		p.into(&s)
	}
	return s
}
