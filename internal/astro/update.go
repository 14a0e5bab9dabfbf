package astro

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Update is what became of a replacement of roles.
type Update struct {
	Before    Token  // as read right before the first write that may have been applied
	Written   bool   // Astro has taken Sent
	Sent      []Role // the last set that was sent
	After     Token  // as read after the write where it was read again, else as read before it with the roles Sent
	Confirmed bool   // Astro showed the Workspace and Deployment roles of Sent, and none of those that it took out
	Attempted bool   // some write may have been applied, even if an error came back
	// Accessors is where Astro put an accessor role of its own in the place of one that was taken out, since the token holds
	// roles further inside. No write can take it away.
	Accessors []RoleKey
}

// Attempt is one set that was sent, and what became of it. It is told at once, and once more where Astro has taken the set,
// did not show it in its answer, and shows it when it is read again.
type Attempt struct {
	RequestID string // as Astro names the request; empty: it does not
	Err       error  // nil: Astro has taken the set
	Uncertain bool   // there is an error, and the set may have been applied all the same
	Confirmed bool   // Astro shows what was sent
	Again     bool   // it was told of before, as not confirmed
	Accessors []RoleKey
}

const (
	readBacks     = 2
	readBackPause = 200 * time.Millisecond
	// freshFor is how old a read may be that is written from. Only a process that was stopped in between takes so long.
	freshFor = time.Second
)

// UpdateRoles replaces the role set of a token by what decide makes of it as it is now. Astro's write takes no
// precondition, so all that keeps a foreign change from being overwritten is how little time lies between read and
// write: the slot of the write is taken first, the token is read, and the write follows at once. After a write whose
// fate is not known, or one that was throttled, all of it is done again, the read above all, and decide is asked anew.
// Each of tell is called with every set that was sent, before anything else is done.
func (c *Client) UpdateRoles(ctx context.Context, id string, decide func(Token) ([]Role, bool), tell ...func(Attempt)) (Update, error) {
	w := &roleWrite{client: c, id: id, op: "update roles of token " + clean(id), decide: decide, tell: tell}
	if err := validID(w.op, id); err != nil {
		return w.Update, err
	}
	for attempt := 1; ; attempt++ {
		err := w.once(ctx)
		if err == nil || !c.again(ctx, err, attempt) {
			return w.Update, err
		}
	}
}

// roleWrite is one UpdateRoles under way.
type roleWrite struct {
	Update

	client *Client
	id, op string
	decide func(Token) ([]Role, bool)
	tell   []func(Attempt)
	looked Token // what the last look after the write showed
}

func (w *roleWrite) once(ctx context.Context) error {
	writes := w.client.limiter.writes
	if err := w.client.slot(ctx, call{op: w.op}, writes); err != nil {
		return err
	}
	now, err := w.read(ctx)
	if err != nil {
		writes.giveBack()
		return w.unread(err)
	}
	seen := time.Now()
	if !w.Attempted {
		w.Before = now
	}
	roles, write := w.decide(now.clone())
	if !write || len(roles) == 0 {
		writes.giveBack()
		return w.unwritten(now, write)
	}
	if err := w.hindered(seen); err != nil {
		writes.giveBack()
		return err
	}
	return w.write(ctx, now, roles)
}

// hindered says why the write must not follow the read: the read grew old, or somebody else may be the one to write.
func (w *roleWrite) hindered(seen time.Time) error {
	if age := elapsedSince(seen); age > freshFor {
		return &Error{Op: w.op, Message: fmt.Sprintf("the read before it is %s old", age.Round(time.Millisecond)), kind: ErrUnreachable, unsent: true}
	}
	if err := w.client.opts.Fence(); err != nil {
		return &Error{Op: w.op, Message: clean(err.Error()), kind: ErrUnreachable, final: true, unsent: true}
	}
	return nil
}

// elapsedSince is the time since then by whichever clock saw more of it: only one of them goes on while a machine sleeps, and
// the other may be set.
func elapsedSince(then time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// read is the read before a write. It goes before other reads and is made once: a second try would let the slot of the
// write grow old.
func (w *roleWrite) read(ctx context.Context) (Token, error) {
	var t Token
	k := w.client.tokenCall(w.id)
	k.urgent = true
	if err := w.client.getOnce(ctx, k, intoToken(&t, w.id)); err != nil {
		return t, err
	}
	if !t.RolesKnown {
		return t, incomplete(w.op, "Astro answered without the token's roles")
	}
	return t, w.client.admit(w.op, t)
}

// unread is why the token could not be read before a write. Where an earlier write had no answer, that is still so, whatever Astro
// says to the read: a refusal would tell of a write that it never had.
func (w *roleWrite) unread(err error) error {
	if !w.Attempted || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrThrottled) || errors.Is(err, ErrUnauthorized) {
		return err
	}
	return &Error{Op: w.op, Message: text.Clip("a write had no answer, and then "+err.Error(), maxErrorText), kind: ErrUnreachable, final: true}
}

// unwritten ends an update that has nothing (more) to write. If a write before it was left without an answer, the token
// as read now tells what became of it.
func (w *roleWrite) unwritten(now Token, write bool) error {
	w.After = now
	if write {
		return invalid(w.op, "a token cannot be left without any role")
	}
	if w.Attempted {
		w.Written = shows(rolesByKey(now.Roles), w.Before.Roles, w.Sent)
		w.Confirmed = w.Written
	}
	if w.Written {
		w.client.opts.Recency.wrote(w.client.recentKey(w.id), w.Before, w.Sent, nil)
	}
	return nil
}

// write sends the set. Once it is on its way it is waited for, even if the process is told to stop: whoever writes next has
// to know what became of it.
func (w *roleWrite) write(ctx context.Context, now Token, roles []Role) error {
	w.Sent = roles
	var answer subjectRoles
	var requestID string
	k := call{
		op: w.op, endpoint: "token_roles", path: w.client.tokenCall(w.id).path + "/roles", body: rolesBody(roles),
		timeout: w.client.opts.WriteTimeout, requestID: &requestID,
	}
	err := w.client.exchange(context.WithoutCancel(ctx), k, w.client.limiter.writes, func(body io.Reader) error { return into(&answer)(body) })
	if err != nil {
		if mayBeApplied(err) {
			w.Attempted = true
			w.client.opts.Recency.doubt(w.client.recentKey(w.id), now, roles)
		}
		err = setRefused(err)
		w.told(Attempt{RequestID: requestID, Err: err, Uncertain: mayBeApplied(err)})
		return err
	}
	w.Attempted, w.Written, w.After = true, true, now
	w.After.Roles = roles
	w.Confirmed = answer.says() && shows(answer.byKey(), w.Before.Roles, roles)
	w.told(Attempt{RequestID: requestID, Confirmed: w.Confirmed})
	if !w.Confirmed {
		w.confirm(ctx, requestID)
	}
	w.client.opts.Recency.wrote(w.client.recentKey(w.id), now, roles, w.otherwise(now, answer))
	return nil
}

// confirm looks again at a set that Astro has taken and did not show in its answer.
func (w *roleWrite) confirm(ctx context.Context, requestID string) {
	for i := 0; i < readBacks && !w.Confirmed; i++ {
		w.readBack(ctx)
	}
	if !w.Confirmed {
		w.concede()
	}
	if w.Confirmed {
		w.told(Attempt{RequestID: requestID, Confirmed: true, Again: true, Accessors: w.Accessors})
	}
}

func (w *roleWrite) told(a Attempt) {
	for _, tell := range w.tell {
		tell(a)
	}
}

// otherwise are the places where Astro says that it holds another role than was sent: it spells a role in its own way, or
// has put one of its own there. An answer that shows a place as it was before the write is old, and says nothing of it.
func (w *roleWrite) otherwise(before Token, answer subjectRoles) map[RoleKey]bool {
	other := map[RoleKey]bool{}
	for _, k := range w.Accessors {
		other[k] = true
	}
	if !answer.says() || w.Confirmed {
		return other
	}
	shown, sent := answer.byKey(), rolesByKey(w.Sent)
	for _, k := range changedPlaces(before, w.Sent) {
		old := shown[k] == before.RoleOn(k) && shown[k] != accessors[k.EntityType]
		if shown[k] != sent[k] && !old {
			other[k] = true
		}
	}
	return other
}

// readBack looks again, since the answer may be empty or late. It failing is no failure of the write.
func (w *roleWrite) readBack(ctx context.Context) {
	if !pause(ctx, readBackPause) {
		return
	}
	var t Token
	err := w.client.getOnce(ctx, w.client.tokenCall(w.id), intoToken(&t, w.id))
	if err != nil || !t.RolesKnown {
		return
	}
	w.client.opts.Recency.saw(w.client.recentKey(w.id), t)
	if w.looked = t; shows(rolesByKey(t.Roles), w.Before.Roles, w.Sent) {
		w.After, w.Confirmed = t, true
	}
}

// concede takes the write for confirmed if all that Astro shows otherwise are accessor roles where a role was taken out.
func (w *roleWrite) concede() {
	shown := rolesByKey(w.looked.Roles)
	accessors := accessorsFor(shown, w.Before.Roles, w.Sent)
	for _, k := range accessors {
		delete(shown, k)
	}
	if len(accessors) > 0 && shows(shown, w.Before.Roles, w.Sent) {
		w.After, w.Confirmed, w.Accessors = w.looked, true, accessors
	}
}

// mayBeApplied is false only where Astro refused the write or it never left.
func mayBeApplied(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.unsent {
		return !ok
	}
	for _, refusal := range []error{ErrInvalid, ErrNotFound, ErrForbidden, ErrUnauthorized, ErrThrottled} {
		if errors.Is(err, refusal) {
			return false
		}
	}
	return true
}

// setRefused makes invalid of a 404 to a write. The token itself was read a moment ago; what Astro does not find is
// something that the set names. Should the token have gone in that moment, the next read says so.
func setRefused(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && errors.Is(err, ErrNotFound) {
		e.kind = ErrInvalid
	}
	return err
}
