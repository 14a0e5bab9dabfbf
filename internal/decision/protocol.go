package decision

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Effect is one thing to be done for a token. A shell performs it and gives the result to After.
type Effect any

// The effects, in the order in which a reconcile needs them. Their results are the fields of the type in parentheses.
type (
	// Read reads the token by id through a connection (TokenRead).
	Read struct{ Through string }
	// AddFinalizers adds the finalizer to bindings (Patched).
	AddFinalizers struct{ Bindings []types.UID }
	// WriteJournal stores the claims that are about to be written to Astro (Stored).
	WriteJournal struct{ Claims map[types.UID]pin.Claim }
	// ReadForWrite waits for a write slot of the connection's credential, looks at the bindings again and reads the token,
	// to write to it at once (TokenRead). If what Next asks for then is no MayRevoke or Post, the slot is given back (Close).
	ReadForWrite struct{ Through string }
	// MayRevoke asks the revocation limit of the connection about removals (Permitted).
	MayRevoke struct {
		Through string
		Targets []roleset.Target
	}
	// Post replaces the role set of the token and looks whether Astro shows it (Replaced).
	Post struct {
		Through string
		Changes []Change // none: the set is written as it was read, to see whether the credential may
		Roles   []astro.Role
	}
	// Diagnose looks for the cause of a refusal (Findings).
	Diagnose struct {
		Through  string
		Changes  []Change
		Dangling bool // look for roles on targets that are gone as well
	}
	// Withdraw takes claims out of the journal, of which nothing was given (Stored).
	Withdraw struct{ Bindings []types.UID }
	// Report writes statuses, takes finalizers off and records events (Reported).
	Report struct{ Statements []Statement }
	// Clear takes claims out of the journal that the statuses hold by now (Stored).
	Clear struct{ Bindings []types.UID }
)

// The results of effects.
type (
	// TokenRead is the token as it was read by id, and, for ReadForWrite, the bindings as they are after the wait.
	TokenRead struct {
		Token        astro.Token
		Bindings     []Binding // nil: as before; with CredentialOf and Protected as in Observation otherwise
		CredentialOf []string
		Protected    bool
		Now          time.Time
		Err          error
	}
	// Patched is what became of each binding's patch. A binding that is missing in both was patched.
	Patched struct {
		Objects map[types.UID]Binding
		Gone    map[types.UID]bool
		Errs    map[types.UID]error
	}
	// Stored says whether the journal took it.
	Stored struct{ Err error }
	// Permitted are the removals that the revocation limit lets through.
	Permitted struct{ Targets map[roleset.Target]bool }
	// Replaced is what became of a Post. Update counts where Err is nil.
	Replaced struct {
		Update astro.Update
		Now    time.Time
		Err    error
	}
	// Findings are what may be the cause of a refusal.
	Findings struct {
		Roles      []astro.CustomRole // the custom roles; nil: not looked up
		RolesKnown bool
		Missing    map[roleset.Target]bool // targets that Astro no longer shows
		Dead       []astro.Role            // roles nobody declared, on targets that are gone
	}
	// Reported is what became of each statement; those that are missing were written. That an object is gone, or another
	// one by now, is an error where a status was to be written: what it was to hold nobody knows then.
	Reported struct{ Errs map[types.UID]error }
)

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
	forbidden int  // changes that it forbade by themselves
	searched  bool // dangling roles were looked for
	slots     int  // slots that were waited for

	withdrawn map[types.UID]bool
	reported  map[types.UID]bool // bindings that were told
	unwritten map[types.UID]bool // statements that could not be written
	cleared   bool
}

// refusedPart are changes that Astro refused together, where splitting them is no use or not possible.
type refusedPart struct {
	changes []Change
	err     error
}

// maxClaims is how many new claims one journal write and one Post carry at most.
const maxClaims = 250

// maxSlots keeps a token that never comes to rest from occupying its worker for ever.
const maxSlots = 64

// Begin starts the work on a token. Where a user asks for another try, what stands in its way is forgotten.
func Begin(s Situation) Progress {
	for i := range s.Bindings {
		if b := &s.Bindings[i]; b.Requested() && !b.Deleting() {
			target, _ := b.target()
			s.Memory = s.Memory.requested(b, b.entry(target))
		}
	}
	if s.Token.ByID && s.Token.At.IsZero() {
		s.Token.At = s.Now
	}
	return Progress{Situation: s}.retryLookups().decide()
}

// retryLookups asks for another reconcile where something could not be looked up.
func (p Progress) retryLookups() Progress {
	s := &p.Situation
	errs := []error{s.Token.Err}
	for i := range s.Bindings {
		errs = append(errs, s.Bindings[i].Target.Err)
		if s.Bindings[i].LabelsErr != nil {
			p = p.retry(s.Bindings[i].LabelsErr)
		}
	}
	for _, err := range errs {
		if err != nil && fault.FromAstroError("", "", err).Transient {
			p = p.retry(err)
		}
	}
	return p
}

// decide decides on the present situation, and sets out what is tried next.
func (p Progress) decide() Progress {
	p.Situation = p.Situation.withRoles()
	p.Situation.Bindings = p.Situation.withoutLapsed()
	p.Decision = Decide(p.Situation)
	p.parts = p.nextParts()
	return p
}

// nextParts drops what needs not be tried any more, and once a connection's changes are through, takes up those of the
// next. Changes that Astro refused before come after the others, each by itself, so that they keep nobody waiting.
func (p Progress) nextParts() [][]roleset.Target {
	tried := map[roleset.Target]Change{}
	for _, c := range p.Decision.Changes {
		if c.Refused == nil {
			tried[c.Target] = c
		}
	}
	for at, part := range p.parts {
		for _, t := range part {
			if _, wanted := tried[t]; wanted {
				return p.parts[at:]
			}
		}
	}
	if len(tried) == 0 {
		return nil
	}
	return p.freshParts()
}

// freshParts sets out the changes that can be written with one credential, and after them those that are tried by themselves.
func (p Progress) freshParts() (parts [][]roleset.Target) {
	first, news := -1, 0
	var part []roleset.Target
	var alone [][]roleset.Target
	for _, c := range p.Decision.Changes {
		switch {
		case c.Refused != nil:
		case c.Alone:
			alone = append(alone, []roleset.Target{c.Target})
		case first < 0 || p.Situation.shareCredential(first, c.Owner):
			first = c.Owner
			if news += p.newClaims(c); news > maxClaims && len(part) > 0 {
				return append(parts, part)
			}
			part = append(part, c.Target)
		}
	}
	if len(part) > 0 {
		return append(parts, part)
	}
	return alone
}

// newClaims counts the claims that a change would need in the journal.
func (p Progress) newClaims(c Change) (n int) {
	for _, id := range c.Claims {
		if p.Situation.Bindings[p.Decision.byID[id]].Claim == nil {
			n++
		}
	}
	return n
}

// Next says what is to be done now; nil once everything is done.
func Next(p Progress) Effect {
	s, d := &p.Situation, p.Decision
	switch {
	case p.sending != nil:
		return *p.sending
	case p.refused != nil:
		return p.diagnosis()
	case len(d.ReadFirst) > 0:
		return Read{Through: s.Bindings[d.ReadFirst[0]].Connection.ID}
	case len(d.Finalizers) > 0:
		return AddFinalizers{Bindings: s.uids(d.Finalizers)}
	}
	if part := p.part(); len(part) > 0 && p.slots < maxSlots {
		return p.nextOf(part)
	}
	if through := p.toChallenge(); through != "" {
		return p.nextChallenge(through)
	}
	if len(d.Looks) > 0 {
		return Read{Through: s.Bindings[d.Looks[0]].Connection.ID}
	}
	return p.ending()
}

// Writes is the connection through which the token is to be written next; empty if it is not. Before a write, claims and
// finalizers come first, so that it is known as soon as they are.
func (p Progress) Writes() string {
	if part := p.part(); len(part) > 0 {
		return p.through(part)
	}
	if first := p.Decision.ReadFirst; len(first) > 0 {
		return p.Situation.Bindings[first[0]].Connection.ID
	}
	return p.toChallenge()
}

// part are the changes that are tried together now, all with one credential.
func (p Progress) part() (part []Change) {
	if len(p.parts) == 0 {
		return nil
	}
	in := map[roleset.Target]bool{}
	for _, t := range p.parts[0] {
		in[t] = true
	}
	for _, c := range p.Decision.Changes {
		if in[c.Target] && c.Refused == nil && (len(part) == 0 || p.Situation.shareCredential(part[0].Owner, c.Owner)) {
			part = append(part, c)
		}
	}
	return part
}

func (p Progress) through(part []Change) string {
	return p.Situation.Bindings[part[0].Owner].Connection.ID
}

// nextOf brings a part of the changes to Astro: what it gives is in the journal before the slot is waited for, and is
// what is decided again on the read in the slot.
func (p Progress) nextOf(part []Change) Effect {
	if missing := p.unjournaled(part); len(missing) > 0 {
		return WriteJournal{Claims: missing}
	}
	through := p.through(part)
	if !p.slot {
		return ReadForWrite{Through: through}
	}
	if limit := p.unpermitted(part); len(limit.Targets) > 0 {
		return limit
	}
	return Post{Through: through, Changes: part, Roles: p.roles(part)}
}

// unpermitted are removals about which the revocation limit of their connection was not asked yet, one connection at a time.
func (p Progress) unpermitted(part []Change) (ask MayRevoke) {
	for _, c := range part {
		through := p.Situation.Bindings[c.Owner].Connection.ID
		if _, asked := p.permitted[c.Target]; c.To == "" && !asked && (ask.Through == "" || ask.Through == through) {
			ask.Through, ask.Targets = through, append(ask.Targets, c.Target)
		}
	}
	return ask
}

// unjournaled are the claims for which a part of the changes is made, and that the journal does not hold as they are.
func (p Progress) unjournaled(part []Change) map[types.UID]pin.Claim {
	missing := map[types.UID]pin.Claim{}
	for _, c := range part {
		for _, id := range c.Claims {
			i := p.Decision.byID[id]
			claim, takes := p.Decision.claims[i]
			uid := p.Situation.Bindings[i].Object.UID
			if pending := p.Situation.Pending[uid]; takes && (!pending.Journaled || pending.Claim != claim) {
				missing[uid] = claim
			}
		}
	}
	return missing
}

// roles is the set to be written.
func (p Progress) roles(part []Change) []astro.Role {
	changes := make([]roleset.Change, 0, len(part))
	for _, c := range part {
		changes = append(changes, c.Change)
	}
	var kept []astro.Role
	for _, r := range roleset.Apply(p.Situation.Token.Token.Roles, changes) {
		if !p.Situation.Drop[r.Key()] {
			kept = append(kept, r)
		}
	}
	return kept
}

// toChallenge is the connection whose credential has to show that it may write the token; empty if there is none.
func (p Progress) toChallenge() string {
	if p.Situation.Token.Presence != Present || p.slots >= maxSlots {
		return ""
	}
	return p.Situation.challenge(p.Decision)
}

func (p Progress) nextChallenge(through string) Effect {
	if !p.slot {
		return ReadForWrite{Through: through}
	}
	return Post{Through: through, Roles: p.Situation.Token.Token.Roles}
}

// diagnosis looks for the cause of a refusal; for dangling roles only if a single change is refused, once, and as long as
// Astro has taken no write of this token.
func (p Progress) diagnosis() Effect {
	return Diagnose{
		Through: p.through(p.refused.changes), Changes: p.refused.changes,
		Dangling: len(p.refused.changes) == 1 && !p.searched && p.accepted == 0,
	}
}

// ending reports, between taking out of the journal what was not given and what the statuses hold. Bindings that leave come
// last: what they held may be another one's by then.
func (p Progress) ending() Effect {
	if idle := p.notGiven(); len(idle) > 0 {
		return Withdraw{Bindings: idle}
	}
	for _, leaving := range []bool{false, true} {
		if due := p.untold(leaving); len(due) > 0 {
			return Report{Statements: due}
		}
	}
	if told := p.told(); len(told) > 0 && !p.cleared {
		return Clear{Bindings: told}
	}
	return nil
}

// untold are the statements that were not reported yet, of bindings that stay or that leave.
func (p Progress) untold(leaving bool) (due []Statement) {
	for i, st := range p.statements() {
		if (p.Decision.Rulings[i].Class == roleset.Leave) == leaving && !p.reported[st.UID] {
			due = append(due, st)
		}
	}
	return due
}

// notGiven are the bindings whose claim is in the journal although nothing was sent for it.
func (p Progress) notGiven() (all []types.UID) {
	for i := range p.Situation.Bindings {
		b := &p.Situation.Bindings[i]
		uid, lapsed := b.Object.UID, b.Journaled && b.Claim == nil
		if pending := p.Situation.Pending[uid]; (pending.Journaled && !b.Journaled || lapsed) && !pending.Sent && !p.withdrawn[uid] {
			all = append(all, uid)
		}
	}
	return all
}

// told are the bindings whose claim the journal holds and need not any more: it stands in the status now, or is left.
func (p Progress) told() (all []types.UID) {
	for i, st := range p.statements() {
		b := &p.Situation.Bindings[i]
		pending := p.Situation.Pending[st.UID]
		journaled := b.Journaled || pending.Journaled && !p.withdrawn[st.UID]
		if journaled && !p.unwritten[st.UID] && (st.Release || st.holds()) {
			all = append(all, st.UID)
		}
	}
	return all
}

func (s *Situation) uids(at []int) []types.UID {
	all := make([]types.UID, 0, len(at))
	for _, i := range at {
		all = append(all, s.Bindings[i].Object.UID)
	}
	return all
}
