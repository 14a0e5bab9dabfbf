package astro

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// DirectoryOptions make a Directory.
type DirectoryOptions struct {
	SelfID      string           // the token that the client's credential is
	OwnRoles    []string         // its roles as an earlier process found them (OwnRoles); none: as they are first seen
	Clock       func() time.Time // none: time.Now
	TargetTTL   time.Duration    // how long a target that was found by its id is kept: 10 minutes
	BatchWindow time.Duration    // how long lookups of targets wait for others to share a call: 10 ms

	// Bound tells the tokens on which something hangs here, so that many of them missing from a listing is noticed.
	Bound func(context.Context) ([]string, error)
}

// Directory is the shared listing of tokens of one credential, with what was read or written by id laid over it. What it
// hands out belongs to the caller.
type Directory struct {
	client  *Client
	opts    DirectoryOptions
	now     func() time.Time
	targets *targetCache

	mu       sync.Mutex
	rows     map[string]tokenRow
	changed  map[string]struct{} // changed since a Refresh was last answered
	listed   time.Time           // when the last complete listing began; zero: there was none
	current  *tokenListing       // the listing under way
	lastDone *tokenListing       // the one that ended last
	begun    int                 // begun so far
	trust    trust
}

// row is what is known of one token.
type tokenRow struct {
	token    Token
	gone     bool      // seen to be gone; kept until a listing begins after that
	recorded bool      // read or written by id, not listed
	at       time.Time // when it was recorded, or its listing began
}

// NewDirectory makes an empty directory; it lists when first asked.
func NewDirectory(c *Client, opts DirectoryOptions) *Directory {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	return &Directory{
		client: c, opts: opts, now: opts.Clock, rows: map[string]tokenRow{}, changed: map[string]struct{}{},
		trust:   trust{selfID: opts.SelfID, ownRights: slices.Clone(opts.OwnRoles)},
		targets: newTargetCache(c, opts.Clock, cmp.Or(opts.TargetTTL, 10*time.Minute), cmp.Or(opts.BatchWindow, 10*time.Millisecond)),
	}
}

// Known is Token without any call: where there never was a listing, nothing is known.
func (d *Directory) Known(id string) (t Token, listed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.rows[id]
	if !ok || r.gone {
		return Token{}, false
	}
	return r.token.clone(), true
}

func (d *Directory) matching(wanted func(Token) bool) []Token {
	var found []Token
	for _, r := range d.rows {
		if !r.gone && wanted(r.token) {
			found = append(found, r.token.clone())
		}
	}
	slices.SortFunc(found, func(a, b Token) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return found
}

// Record lays a row read or written by id over the listing. It stands against every listing that began before at, which
// may have read the token earlier than that.
func (d *Directory) Record(t Token, at time.Time) {
	d.put(t.ID, tokenRow{token: t.clone(), recorded: true, at: at})
}

// Amend is Record for a row that another credential has read. It says nothing of a token that is not listed here, since
// this credential may not see it.
func (d *Directory) Amend(t Token, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, known := d.rows[t.ID]; known && !old.gone && !old.at.After(at) {
		d.rows[t.ID] = tokenRow{token: t.clone(), recorded: true, at: at}
	}
}

// Forget says that a token was seen to be gone, as Record says what it was seen to be.
func (d *Directory) Forget(id string, at time.Time) {
	d.put(id, tokenRow{gone: true, recorded: true, at: at})
}

func (d *Directory) put(id string, r tokenRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.rows[id].at.After(r.at) {
		d.rows[id] = r
	}
}

// Sweep is what one complete listing showed.
type Sweep struct {
	Changed []string // ids of tokens that changed, appeared or vanished since a Refresh was last answered
	Total   int
	First   bool
	Trusted bool   // good enough as evidence that a token is gone
	Reason  string // why not Trusted
	Lasting bool   // and the same will be said of the next listing, until somebody who knows has a word
}

// flight is one listing under way, shared by all who wait for it. Its context is its own: one who gives up does not
// fail the others.
type tokenListing struct {
	number  int
	started time.Time
	sweeps  int // callers of Refresh that wait for it
	done    chan struct{}

	// Set when done.
	sweep Sweep
	ids   map[string]struct{} // what the listing held, whatever was recorded meanwhile
	err   error
}

// standsAgainst is true for a row recorded since the listing began, which may have read the token before that.
func (r tokenRow) newerThan(l *tokenListing) bool { return r.recorded && !r.at.Before(l.started) }

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
