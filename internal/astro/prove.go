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
	begun := d.flights
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
	if doubt := d.lastingDoubt(); doubt != "" {
		return false, noEvidence + doubt, nil
	}
	f, err := d.flyAfter(ctx, begun)
	if err != nil {
		return false, "there is no complete listing of tokens to look in", err
	}
	if !f.sweep.Trusted {
		return false, noEvidence + f.sweep.Reason, nil
	}
	if _, there := f.ids[id]; there || d.seenSince(id, f) {
		return false, "Astro still lists the token", nil
	}
	d.Forget(id, at)
	return true, "", nil
}

const noEvidence = "the listing of tokens is no evidence: "

// lastingDoubt is what the last listing had against it and the next one will have too: it is not made for each of many
// tokens that seem gone at the same time.
func (d *Directory) lastingDoubt() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.trust.lasting {
		return ""
	}
	return d.trust.doubt
}

// seenSince is true if somebody else read or wrote the token by id since the listing began.
func (d *Directory) seenSince(id string, f *flight) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, known := d.rows[id]
	return known && !r.gone && r.standsAgainst(f)
}
