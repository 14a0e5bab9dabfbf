package astro

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
)

// Token is the newest row of a token; listed is false if there is none. It makes a call only before the first listing.
func (d *Directory) Token(ctx context.Context, id string) (t Token, listed bool, err error) {
	if err := d.ensureListed(ctx); err != nil {
		return Token{}, false, err
	}
	t, listed = d.Known(id)
	return t, listed, nil
}

// On returns the tokens that hold a role in the place, and those of which it is not known what they hold, the oldest first.
func (d *Directory) On(ctx context.Context, place RoleKey) ([]Token, error) {
	if err := d.ensureListed(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.matching(func(t Token) bool { return !t.RolesKnown || t.RoleOn(place) != "" }), nil
}

// Named finds the tokens of a scope by their exact name. Of Workspace tokens only those made in home count. One whose
// roles the listing did not show is read by id, because its home follows from its roles.
func (d *Directory) Named(ctx context.Context, scope Scope, home, name string) ([]Token, error) {
	if err := d.ensureListed(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	found := d.matching(func(t Token) bool { return t.Scope == scope && t.Name == name })
	d.mu.Unlock()
	if scope == ScopeOrganization {
		return found, nil
	}
	var athome []Token
	for _, t := range found {
		if !t.RolesKnown {
			var err error
			if t, err = d.reread(ctx, t.ID); err != nil {
				return nil, err
			}
		}
		if home != "" && t.Home() == home && t.Scope == scope && t.Name == name {
			athome = append(athome, t)
		}
	}
	return athome, nil
}

func (d *Directory) reread(ctx context.Context, id string) (Token, error) {
	at := d.now()
	t, err := d.client.GetToken(ctx, id)
	if err == nil {
		d.Record(t, at)
	}
	return t, err
}

// Targets looks up Workspaces and Deployments: none, one, or, by a name, several. Callers at the same time share calls.
// A target that was found is cached for TargetTTL, which is some seconds: a name may pass to another target, and a
// Deployment to another Workspace. Any other answer is cached until the next listing, or until ForgetMiss.
func (d *Directory) Targets(ctx context.Context, q TargetQuery) ([]Target, error) {
	return d.targets.lookUp(ctx, q)
}

// ExpectTarget notes that a target will be looked up soon. It makes no call: once others are looked up and their call has room,
// this one is looked up with them.
func (d *Directory) ExpectTarget(q TargetQuery) { d.targets.expect(q) }

// Successors are the targets that a query by name finds beside the one with the id, which is not found any more. A cached
// answer that still has that one is from before, and is asked again.
func (d *Directory) Successors(ctx context.Context, byName TargetQuery, gone string) ([]Target, error) {
	isGone := func(t Target) bool { return t.ID == gone }
	found, err := d.Targets(ctx, byName)
	if slices.ContainsFunc(found, isGone) {
		d.ForgetTarget(byName)
		found, err = d.Targets(ctx, byName)
	}
	return slices.DeleteFunc(found, isGone), err
}

// ForgetTarget removes the answer to one query from the cache. An answer that is under way is not cached either.
func (d *Directory) ForgetTarget(q TargetQuery) { d.targets.forget(q) }

// ForgetTargetBefore removes the answer to one query from the cache if Astro was asked for it before that time. An answer that is
// under way since then is not cached either.
func (d *Directory) ForgetTargetBefore(q TargetQuery, since time.Time) {
	d.targets.forgetBefore(q, since)
}

// ForgetMiss removes the answer to one query from the cache if it is not exactly one target and not younger than age, and if it
// may, which it asks only then. It is true if the cache keeps such an answer.
func (d *Directory) ForgetMiss(q TargetQuery, age time.Duration, may func() bool) (kept bool) {
	return d.targets.forgetMiss(q, age, may)
}

// ExpireTargets empties the cache. Answers that are under way are not cached either.
func (d *Directory) ExpireTargets() { d.targets.expire() }

// ProveGone looks for proof that a token is gone: Astro answers 404 to its id, and a complete and trusted listing that
// began after the call does not hold it. Nothing else is proof, and a 403 is none; why then tells what was seen. Callers at
// the same time share the listing. One that does not wait for its end gets an error, and may use it the next time, unless the token
// was seen in between.
func (d *Directory) ProveGone(ctx context.Context, id string) (gone bool, why string, err error) {
	d.mu.Lock()
	begun := d.begun
	d.mu.Unlock()
	at := d.now()
	switch _, err := d.reread(ctx, id); {
	case errors.Is(err, ErrNotFound):
		begun = d.firstMissed(id, begun)
	case err == nil:
		d.forgetMissed(id)
		return false, "Astro still has the token", nil
	case errors.Is(err, ErrForbidden):
		d.forgetMissed(id)
		return false, "Astro does not let this credential see the token, which does not mean that it is gone", nil
	default:
		return false, "the token could not be looked at", err
	}
	if d.distrustLasts() {
		d.forgetMissed(id)
		return false, NoEvidence, nil
	}
	l, err := d.awaitAfter(ctx, begun)
	if l != nil || err == nil {
		d.forgetMissed(id) // else the listing goes on, and is there the next time
	}
	if err != nil {
		return false, "there is no complete listing of tokens to look in", err
	}
	if !l.sweep.Trusted {
		return false, NoEvidence, nil
	}
	if _, there := l.ids[id]; there || d.seenSince(id, l) {
		return false, "Astro still lists the token", nil
	}
	d.Forget(id, at)
	return true, "", nil
}

// firstMissed is how many listings had begun when the token was first missed, which is now unless it was before, for no longer than a
// listing may take: an older one is no proof of what is missed now.
func (d *Directory) firstMissed(id string, begun int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	maps.DeleteFunc(d.missed, func(_ string, m miss) bool { return now.Sub(m.at) > listingTimeout })
	if _, known := d.missed[id]; !known {
		d.missed[id] = miss{at: now, begun: begun}
	}
	return d.missed[id].begun
}

func (d *Directory) forgetMissed(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.missed, id)
}

// NoEvidence is the why of ProveGone where a listing is no evidence. Doubt has more: ids of tokens, and the credential's own roles,
// which are not for everybody who asks for a token of theirs.
const NoEvidence = "the listing of tokens is no evidence for now"

// distrustLasts reports whether the next listing will not be trusted either. It saves a listing for each of many tokens that seem
// gone at the same time.
func (d *Directory) distrustLasts() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trust.lasting && d.trust.distrust != ""
}

// seenSince is true if the token was read or written by id since the listing began.
func (d *Directory) seenSince(id string, l *tokenListing) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, known := d.rows[id]
	return known && !r.gone && r.newerThan(l)
}

// KnownTarget is what was last seen of the target with the id of the query, without a call: one target, or none that is
// there. known is false if nobody has looked, or the query has no id.
func (d *Directory) KnownTarget(q TargetQuery) (found []Target, known bool) {
	row, known := d.targets.rows.get(q.plain())
	if !known || q.ID == "" {
		return nil, false
	}
	if row.exists {
		found = []Target{row.target}
	}
	return found, true
}

// WouldSee reports whether Astro would show the target with the id to this credential if it were there: it has before, or the
// credential's own token is an Organization owner's, by roles that were trusted. To any other, what it may not see is as what
// there is not.
func (d *Directory) WouldSee(kind EntityType, id string) bool {
	if row, known := d.targets.rows.get(TargetQuery{Kind: kind, ID: id}); known && row.seen {
		return true
	}
	return d.SeesAll()
}

// SeesAll reports whether Astro hides nothing of the Organization from this credential: its own token is an Organization owner's,
// by roles that were trusted.
func (d *Directory) SeesAll() bool {
	return d.Doubt() == "" && slices.ContainsFunc(d.TrustedRoles(), ownsOrganization)
}

// Alike returns tokens of the scope whose name is another than the given one, but looks like it. Of Workspace tokens only
// those made in home count. It makes no call.
func (d *Directory) Alike(scope Scope, home, name string) (found []Token) {
	for _, id := range d.tokensLike(lookalike.Hash(name)) {
		t, listed := d.Known(id)
		athome := scope != ScopeWorkspace || home != "" && t.Home() == home
		if listed && t.Scope == scope && athome && t.Name != name {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, inOrder)
	return found
}

func (d *Directory) tokensLike(hash uint64) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := &d.alike
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tokens == nil || !a.listed.Equal(d.listed) {
		a.listed, a.tokens = d.listed, map[uint64][]string{}
		for id, r := range d.rows {
			if !r.gone {
				h := lookalike.Hash(r.token.Name)
				a.tokens[h] = append(a.tokens[h], id)
			}
		}
	}
	return a.tokens[hash]
}

// AlikeTargets returns targets whose name is another than the one that the query asks for, but looks like it. For that all
// targets of the kind are listed, once for all who ask between two listings of tokens. None where that fails.
func (d *Directory) AlikeTargets(ctx context.Context, q TargetQuery) (found []Target) {
	q = q.plain()
	if q.ID != "" || q.Kind != EntityWorkspace && q.Kind != EntityDeployment {
		return nil
	}
	names := d.namesOf(q.Kind)
	if d.client.await(ctx, "look up targets", names.done) != nil {
		return nil
	}
	for _, t := range names.byHash[lookalike.Hash(q.Name)] {
		within := q.WorkspaceID == "" || q.WorkspaceID == t.WorkspaceID
		if within && t.Name != q.Name {
			found = append(found, t)
		}
	}
	return found
}

// namesOf are the names of a kind, or those that are being listed.
func (d *Directory) namesOf(kind EntityType) *targetNames {
	d.mu.Lock()
	listed := d.listed
	d.mu.Unlock()
	a, now := &d.alike, d.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if known := a.targets[kind]; known != nil && (known.listed.Equal(listed) || now.Sub(known.at) < alikeAge) {
		return known
	}
	if a.targets == nil {
		a.targets = map[EntityType]*targetNames{}
	}
	a.drop(kind)
	names := &targetNames{at: now, listed: listed, held: holding{share: d.client.share()}, done: make(chan struct{})}
	a.targets[kind] = names
	go func() {
		names.list(d.client, kind)
		a.settle(kind, names)
	}()
	return names
}
