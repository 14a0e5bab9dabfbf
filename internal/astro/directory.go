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
	OwnRoles    []string         // its roles by which listings are measured, from before (OwnRoles); none: as they are first seen
	Successor   bool             // OwnRoles are those of another token, in the place of which this one is
	Clock       func() time.Time // none: time.Now
	TargetTTL   time.Duration    // how long a target that was found is cached: 10 seconds
	BatchWindow time.Duration    // how long lookups of targets wait for others to share a call: 10 ms

	// Bound returns the tokens that are bound. If many of them are missing, a listing is no evidence.
	Bound func(context.Context) ([]string, error)
}

// Directory is the shared listing of tokens of one credential, with newer rows that were read or written by id. What it
// returns belongs to the caller.
type Directory struct {
	client  *Client
	opts    DirectoryOptions
	now     func() time.Time
	targets *targetCache
	alike   alike

	mu       sync.Mutex
	rows     map[string]tokenRow
	size     int     // of all rows
	held     holding // for them, for the next listing, and for one under way
	closed   bool
	changed  map[string]struct{} // tokens that changed since Refresh last returned
	listed   time.Time           // when the last complete listing began; zero: there was none
	took     time.Duration       // how long that one took
	current  *tokenListing       // the listing under way
	lastDone *tokenListing       // the listing that ended last
	begun    int                 // the number of listings that have begun
	missed   map[string]miss     // tokens that were missed and are not proven to be gone
	trust    trust
}

// tokenRow is what is known of one token.
type tokenRow struct {
	token    Token
	gone     bool      // seen to be gone; kept until a later listing
	recorded bool      // read or written by id, not listed
	at       time.Time // when it was read or written, or when its listing began
}

// miss is when a token was first missed, and how many listings had begun by then.
type miss struct {
	at    time.Time
	begun int
}

// NewDirectory makes an empty directory. It lists when it is first asked.
func NewDirectory(c *Client, opts DirectoryOptions) *Directory {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	return &Directory{
		client: c, opts: opts, now: opts.Clock, rows: map[string]tokenRow{}, changed: map[string]struct{}{}, missed: map[string]miss{},
		trust:   trust{selfID: opts.SelfID, ownRights: slices.Clone(sight(opts.OwnRoles)), successor: opts.Successor && len(opts.OwnRoles) > 0},
		held:    holding{share: c.share()},
		targets: newTargetCache(c, opts.Clock, cmp.Or(opts.TargetTTL, targetTTL), cmp.Or(opts.BatchWindow, 10*time.Millisecond)),
	}
}

// Known is Token without a call: before the first listing nothing is known.
func (d *Directory) Known(id string) (t Token, listed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.rows[id]
	if !ok || r.gone {
		return Token{}, false
	}
	return r.token.clone(), true
}

// Each shows every token to visit, which must not keep it; it reports whether there was a listing yet.
func (d *Directory) Each(visit func(Token)) (listed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.rows {
		if !r.gone {
			visit(r.token)
		}
	}
	return !d.listed.IsZero()
}

func (d *Directory) matching(wanted func(Token) bool) []Token {
	var found []Token
	for _, r := range d.rows {
		if !r.gone && wanted(r.token) {
			found = append(found, r.token.clone())
		}
	}
	slices.SortFunc(found, inOrder)
	return found
}

// inOrder compares tokens by their age.
func inOrder(a, b Token) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

// Record keeps a row that was read or written by id. The row is newer than any listing that began before at, because such
// a listing may have read the token earlier.
func (d *Directory) Record(t Token, at time.Time) {
	d.put(t.ID, tokenRow{token: t.clone(), recorded: true, at: at})
}

// Amend is Record for a row that another credential has read. It does not add a token that is not listed here, because
// this credential may not be able to see it.
func (d *Directory) Amend(t Token, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, known := d.rows[t.ID]; known && !old.gone && !old.at.After(at) {
		d.record(t.ID, tokenRow{token: t.clone(), recorded: true, at: at})
	}
}

// Forget records that a token was seen to be gone.
func (d *Directory) Forget(id string, at time.Time) {
	d.put(id, tokenRow{gone: true, recorded: true, at: at})
}

// ForgetRoles records that it is not known any more what a token holds that is listed.
func (d *Directory) ForgetRoles(id string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, known := d.rows[id]; known && !r.gone && !r.at.After(at) {
		r.token.Roles, r.token.RolesKnown, r.recorded, r.at = nil, false, true, at
		d.set(id, r)
	}
}

func (d *Directory) put(id string, r tokenRow) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.rows[id].at.After(r.at) {
		d.record(id, r)
	}
}

// record lays a row over what was known. If there is no memory for its roles, it is not known any more what the token holds, and
// whoever needs that reads it by id; the token itself stays known, so that no other is taken for it.
func (d *Directory) record(id string, r tokenRow) {
	d.set(id, r)
	if d.closed || d.held.reach(d.size) {
		return
	}
	r.token.Roles, r.token.RolesKnown = nil, false
	d.set(id, r)
	d.held.set(max(d.held.bytes, d.size))
}

func (d *Directory) set(id string, r tokenRow) {
	d.drop(id)
	d.rows[id], d.size = r, d.size+r.token.size()
}

func (d *Directory) drop(id string) {
	if r, known := d.rows[id]; known {
		delete(d.rows, id)
		d.size -= r.token.size()
	}
}

// Close gives back the memory that the directory holds, or has it given back once a listing under way ends. Who still asks a closed
// directory gets answers; nobody is to keep it.
func (d *Directory) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.current == nil {
		d.held.set(0)
	}
	d.alike.close()
}

// Sweep is what one complete listing showed.
type Sweep struct {
	Changed []string // ids of tokens that changed, appeared or vanished since Refresh last returned
	Total   int
	First   bool
	Trusted bool   // good enough as evidence that a token is gone
	Reason  string // why not Trusted
	Lasting bool   // the next listing will not be trusted either, without TrustRoles or Trust
}

// tokenListing is one listing under way, shared by all callers who wait for it. It has a context of its own, so a caller
// who gives up does not fail the others.
type tokenListing struct {
	number  int
	started time.Time
	sweeps  int // callers of Refresh that wait for it
	done    chan struct{}

	// Set when done.
	sweep Sweep
	ids   map[string]struct{} // the tokens of the listing, whatever was recorded meanwhile
	err   error
}

// newerThan is true for a row that was recorded after the listing began, which may have read the token before.
func (r tokenRow) newerThan(l *tokenListing) bool { return r.recorded && !r.at.Before(l.started) }

// TrustRoles accepts the credential's own roles as the next listing shows them. It is meant for a new credential that was
// put there on purpose and proven, not for routine proofs: a credential with fewer rights passes those as well.
func (d *Directory) TrustRoles() { d.requestTrust(trustOwnRoles) }

// Trust accepts the next listing as it is: the credential's own roles, the number of tokens, and that bound tokens which it
// lacks are gone. It is meant for when a user has confirmed that.
func (d *Directory) Trust() { d.requestTrust(trustListing) }

func (d *Directory) requestTrust(r trustRequest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trust.addRequest(r, d.begun)
}

// Doubt is why the last complete listing is no evidence that a token which it lacks is gone; empty if it is evidence. It has ids of
// tokens and the credential's own roles, and so is for those alone who look after the credential.
func (d *Directory) Doubt() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.trust.distrust
}

// TrustedRoles are OwnRoles where a listing of this credential was trusted; nil before the first.
func (d *Directory) TrustedRoles() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trust.total == 0 {
		return nil
	}
	return slices.Clone(d.trust.ownRights)
}

// OwnRoles are the credential's own roles that listings are measured by, as Rights lists them; nil before the first.
func (d *Directory) OwnRoles() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.trust.ownRights)
}
