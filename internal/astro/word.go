package astro

import (
	"context"
	"slices"
)

// word is what somebody who knows has said, to be taken at the next listing.
type trustRequest int

const (
	noTrustRequest trustRequest = iota
	trustOwnRoles               // the credential is meant to have the roles it has
	trustListing                // and what the listing lacks is gone
)

// say takes down what somebody said, for listings that begin after it.
func (t *trust) addRequest(w trustRequest, number int) {
	t.request, t.requestedAfter, t.lasting = max(t.request, w), number, false
}

// TrustRoles takes the own roles of the credential as the next listing shows them. The connection's controller calls it
// after it has proven a credential that was put there on purpose; not at routine proofs, which a credential with fewer
// rights passes as well.
func (d *Directory) TrustRoles() { d.requestTrust(trustOwnRoles) }

// Trust takes the next listing as it is: the own roles of the credential, how many tokens there are, and that those which
// are bound and not listed are gone. The connection's controller calls it once somebody has said so.
func (d *Directory) Trust() { d.requestTrust(trustListing) }

func (d *Directory) requestTrust(w trustRequest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trust.addRequest(w, d.begun)
}

// Doubt is why the last complete listing is no evidence that what it lacks is gone; empty if it is.
func (d *Directory) Doubt() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trust.distrust
}

// OwnRoles are the roles of the credential that listings are measured by, as Rights spells them; nil before the first.
func (d *Directory) OwnRoles() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.trust.ownRights)
}

// bound asks which tokens are bound, if there is anybody to ask.
func (d *Directory) bound(ctx context.Context) ([]string, error) {
	if d.opts.Bound == nil {
		return nil, nil
	}
	ids, err := d.opts.Bound(ctx)
	return slices.Compact(slices.Sorted(slices.Values(ids))), err
}
