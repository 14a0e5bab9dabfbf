package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

var (
	errUnreachable = fmt.Errorf("no answer: %w", astro.ErrUnreachable)
	errInvalid     = fmt.Errorf("refused: %w", astro.ErrInvalid)
	errForbidden   = fmt.Errorf("refused: %w", astro.ErrForbidden)
	errJournal     = errors.New("the journal cannot be written")
)

// advance asks for the next effect and makes it the one that is performed. A slot in which nothing is written is given back.
func (s *state) advance(r *run, p decision.Progress) {
	next := *r
	next.steps++
	next.at, next.partial, next.patched, next.errs, next.ops = 0, "", decision.Patched{}, nil, nil
	for {
		next.effect = decision.Next(p)
		_, post := next.effect.(decision.Post)
		if _, ask := next.effect.(decision.MayRevoke); !next.slot || post || ask {
			break
		}
		p, next.slot = decision.Close(p), false
	}
	next.progress = p
	if next.effect == nil {
		s.finish(&next)
		return
	}
	if report, is := next.effect.(decision.Report); is {
		next.ops = reportOps(report)
	}
	s.proc.run = &next
}

// after takes in the result of the effect that is performed. what stands for the result in the run's hash.
func (s *state) after(r run, result any, what code) {
	s.afterEffect(r, r.effect, result, what)
}

func (s *state) afterEffect(r run, e decision.Effect, result any, what code) {
	r.code = hashOf(r.code[:], what)
	s.advance(&r, decision.After(r.progress, e, result))
}

// step performs the effect, or the next piece of it. how is the way in which it goes.
func (s *state) step(how uint8) error {
	r := *s.proc.run
	if r.steps > maxSteps {
		return errors.New("a reconcile does not come to its end")
	}
	switch e := r.effect.(type) {
	case decision.Read:
		s.read(r, how, false)
	case decision.ReadForWrite:
		s.read(r, how, true)
	case decision.AddFinalizers:
		s.addFinalizer(r, e)
	case decision.WriteJournal:
		return s.writeJournal(r, e, how)
	case decision.Withdraw:
		s.withdraw(r, e, how)
	case decision.Clear:
		s.proc.clear(e.Bindings...)
		s.after(r, decision.Stored{}, code{how})
	case decision.MayRevoke:
		s.mayRevoke(r, e, how)
	case decision.Post:
		return s.post(r, e, how)
	case decision.Diagnose:
		known := []astro.CustomRole{{Name: roles[2]}, {Name: roles[roleBroken]}}
		s.after(r, decision.Findings{Roles: known, RolesKnown: true}, code{how})
	case decision.Report:
		return s.report(r)
	default:
		return fmt.Errorf("an effect that nobody knows: %T", e)
	}
	return nil
}

// read reads the token by id, in a write slot after a look at the bindings.
func (s *state) read(r run, how uint8, inSlot bool) {
	result := decision.TokenRead{Now: s.now()}
	what := code{how, s.tick}
	if inSlot {
		result.Bindings = s.refresh(r.progress.Situation.Bindings)
		for i := range result.Bindings {
			what.text(string(result.Bindings[i].Object.UID) + result.Bindings[i].Object.ResourceVersion)
		}
	}
	if how == operatorReadFails {
		s.budget[budgetRead]--
		result.Err, r.slot = errUnreachable, false
		s.after(r, result, what)
		return
	}
	if how == operatorReadsPart {
		s.budget[budgetPart]--
		r.shown, r.given, r.slot = roleSet{}, s.given, inSlot
		result.Token = r.shown.token()
		result.Token.Roles = nil
		s.after(r, result, what)
		return
	}
	r.shown, r.given, r.slot = s.look(how == operatorReadsLagging), s.given, inSlot
	what.roleSet(r.shown)
	result.Token = r.shown.token()
	s.after(r, result, what)
}

// addFinalizer adds the finalizer to the next of the bindings.
func (s *state) addFinalizer(r run, e decision.AddFinalizers) {
	uid := e.Bindings[r.at]
	before := bindingOf(&r.progress.Situation, uid).Object
	name := slices.Index(names[:], before.Name)
	live := s.server[name]
	r.patched = decision.Patched{Objects: maps.Clone(r.patched.Objects), Gone: maps.Clone(r.patched.Gone), Errs: maps.Clone(r.patched.Errs)}
	var came string
	switch {
	case live == nil || live.UID != uid:
		set(&r.patched.Gone, uid, true)
		came = "gone"
	case live.ResourceVersion != before.ResourceVersion:
		set(&r.patched.Errs, uid, conflict(before))
		came = "conflict"
	default:
		o := s.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = []string{v1alpha1.FinalizerRevoke} })
		s.proc.own[name] = o
		b := *bindingOf(&r.progress.Situation, uid)
		b.Object = o.ScopedTokenBinding
		set(&r.patched.Objects, uid, b)
		came = o.ResourceVersion
	}
	r.at++
	r.partial += string(uid) + came
	if r.at < len(e.Bindings) {
		s.proc.run = &r
		return
	}
	s.after(r, r.patched, code(r.partial))
}

func set[V any](m *map[types.UID]V, uid types.UID, v V) {
	if *m == nil {
		*m = map[types.UID]V{}
	}
	(*m)[uid] = v
}

var resource = schema.GroupResource{Resource: "scopedtokenbindings"}

func conflict(b *v1alpha1.ScopedTokenBinding) error {
	return apierrors.NewConflict(resource, b.Name, errors.New("it was written meanwhile"))
}

func bindingOf(s *decision.Situation, uid types.UID) *decision.Binding {
	i := slices.IndexFunc(s.Bindings, func(b decision.Binding) bool { return b.Object.UID == uid })
	return &s.Bindings[i]
}

// writeJournal stores claims. One write that fails may have been stored all the same.
func (s *state) writeJournal(r run, e decision.WriteJournal, how uint8) error {
	before := s.proc.journal
	uids := slices.Sorted(maps.Keys(e.Claims))
	for _, uid := range uids {
		b := bindingOf(&r.progress.Situation, uid)
		if claims(b.Object) {
			return fmt.Errorf("%s is entered in the journal although its status holds a claim", b.ID())
		}
		s.proc.enter(known{entry: entryFor(b.Object, e.Claims[uid]), recovered: int8(s.tick)})
	}
	switch how {
	case operatorJournalFails, operatorJournalUnsure:
		s.budget[budgetJournal]--
		if how == operatorJournalUnsure {
			s.flush()
		}
		s.proc.journal = before
		s.after(r, decision.Stored{Err: errJournal}, code{how})
	default:
		s.flush()
		s.after(r, decision.Stored{}, code{how})
	}
	return nil
}

func entryFor(b *v1alpha1.ScopedTokenBinding, claim pin.Claim) entry {
	return entry{uid: b.UID, name: slices.Index(names[:], b.Name), conn: connOf(b), claim: claim, retain: mayStay(b)}
}

// withdraw takes entries back. They are gone from memory even if the journal cannot be written now.
func (s *state) withdraw(r run, e decision.Withdraw, how uint8) {
	s.proc.clear(e.Bindings...)
	if how == operatorJournalFails {
		s.budget[budgetJournal]--
		s.after(r, decision.Stored{Err: errJournal}, code{how})
		return
	}
	s.flush()
	s.after(r, decision.Stored{}, code{how})
}

// journalOrphan enters an orphan, so that a crash does not lose it.
func (s *state) journalOrphan(how uint8) {
	at := s.unjournaled()
	o := s.proc.orphans[at].object
	if how == operatorJournalFails {
		s.budget[budgetJournal]--
		s.proc.orphans = slices.Clone(s.proc.orphans)
		s.proc.orphans[at].tried = true
		return
	}
	e := entryFor(o.ScopedTokenBinding, *pin.Claimed(o.ScopedTokenBinding))
	e.leaving = true
	s.proc.enter(known{entry: e, recovered: given})
	s.flush()
}

func (s *state) mayRevoke(r run, e decision.MayRevoke, how uint8) {
	answer := decision.Permitted{}
	for _, t := range e.Targets {
		setTarget(&answer, t, how != operatorLimited)
	}
	if how == operatorLimited {
		s.budget[budgetLimit]--
	}
	s.after(r, answer, code{how})
}
