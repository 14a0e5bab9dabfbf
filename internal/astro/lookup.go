package astro

import (
	"context"
	"errors"
	"time"
)

// ProveGone looks for proof that a token is gone: Astro answers 404 to its id, and a complete and trusted listing that
// began after the call does not hold it. Anything else proves nothing, a 403 least of all; why then says what was seen.
// Callers at the same time share the listing.
func (d *Directory) ProveGone(ctx context.Context, id string) (gone bool, why string, err error) {
	d.mu.Lock()
	begun := d.begun
	d.mu.Unlock()
	at := d.now()
	switch _, err := d.reread(ctx, id); {
	case err == nil:
		return false, "Astro still has the token", nil
	case errors.Is(err, ErrForbidden):
		return false, "Astro does not let this credential see the token, which does not mean that it is gone", nil
	case !errors.Is(err, ErrNotFound):
		return false, "the token could not be looked at", err
	}
	if distrust := d.lastingDistrust(); distrust != "" {
		return false, noEvidence + distrust, nil
	}
	l, err := d.awaitAfter(ctx, begun)
	if err != nil {
		return false, "there is no complete listing of tokens to look in", err
	}
	if !l.sweep.Trusted {
		return false, noEvidence + l.sweep.Reason, nil
	}
	if _, there := l.ids[id]; there || d.seenSince(id, l) {
		return false, "Astro still lists the token", nil
	}
	d.Forget(id, at)
	return true, "", nil
}

const noEvidence = "the listing of tokens is no evidence: "

// lastingDoubt is what the last listing had against it and the next one will have too: it is not made for each of many
// tokens that seem gone at the same time.
func (d *Directory) lastingDistrust() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.trust.lasting {
		return ""
	}
	return d.trust.distrust
}

// seenSince is true if somebody else read or wrote the token by id since the listing began.
func (d *Directory) seenSince(id string, l *tokenListing) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, known := d.rows[id]
	return known && !r.gone && r.newerThan(l)
}

// Token is the newest row of a token; listed is false if the token is not among them. It makes a call only if there
// never was a listing.
func (d *Directory) Token(ctx context.Context, id string) (t Token, listed bool, err error) {
	if err := d.ensureListed(ctx); err != nil {
		return Token{}, false, err
	}
	t, listed = d.Known(id)
	return t, listed, nil
}

// All is every token, the oldest first, and when their listing began.
func (d *Directory) All(ctx context.Context) ([]Token, time.Time, error) {
	if err := d.ensureListed(ctx); err != nil {
		return nil, time.Time{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.matching(func(Token) bool { return true }), d.listed, nil
}

// Named finds the tokens of a scope by their exact name. Of Workspace tokens only those made in home count, and one
// whose roles the listing did not show is read by id for it.
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
// A target that was found by its id is kept for TargetTTL, one that was found by its name for some seconds; that there is
// none, or more than one, is kept until the next listing.
func (d *Directory) Targets(ctx context.Context, q TargetQuery) ([]Target, error) {
	return d.targets.lookUp(ctx, q)
}

// ForgetTarget forgets what was found for one query.
func (d *Directory) ForgetTarget(q TargetQuery) { d.targets.forget(q) }

// ExpireTargets forgets all that Targets found, and what it is about to find.
func (d *Directory) ExpireTargets() { d.targets.expire() }
