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
	rows     map[string]row
	changed  map[string]struct{} // changed since a Refresh was last answered
	listed   time.Time           // when the last complete listing began; zero: there was none
	current  *listing            // the listing under way
	lastDone *listing            // the one that ended last
	begun    int                 // begun so far
	trust    trust
}

// row is what is known of one token.
type row struct {
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
		client: c, opts: opts, now: opts.Clock, rows: map[string]row{}, changed: map[string]struct{}{},
		trust:   trust{selfID: opts.SelfID, ownRights: slices.Clone(opts.OwnRoles)},
		targets: newTargetCache(c, opts.Clock, cmp.Or(opts.TargetTTL, 10*time.Minute), cmp.Or(opts.BatchWindow, 10*time.Millisecond)),
	}
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
	d.put(t.ID, row{token: t.clone(), recorded: true, at: at})
}

// Amend is Record for a row that another credential has read. It says nothing of a token that is not listed here, since
// this credential may not see it.
func (d *Directory) Amend(t Token, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old, known := d.rows[t.ID]; known && !old.gone && !old.at.After(at) {
		d.rows[t.ID] = row{token: t.clone(), recorded: true, at: at}
	}
}

// Forget says that a token was seen to be gone, as Record says what it was seen to be.
func (d *Directory) Forget(id string, at time.Time) {
	d.put(id, row{gone: true, recorded: true, at: at})
}

func (d *Directory) put(id string, r row) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.rows[id].at.After(r.at) {
		d.rows[id] = r
	}
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
