package astro

import (
	"context"
	"errors"
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
func (d *Directory) seenSince(id string, l *listing) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, known := d.rows[id]
	return known && !r.gone && r.newerThan(l)
}
