package astro

import (
	"context"
	"time"
)

// DirectoryOptions make a Directory.
type DirectoryOptions struct {
	SelfID      string           // the token that the client's credential is
	Clock       func() time.Time // none: time.Now
	TargetTTL   time.Duration    // how long a target that was found is kept: 10 minutes
	BatchWindow time.Duration    // how long lookups of targets wait for others to share a call: 10 ms
}

// Sweep is what one complete listing showed.
type Sweep struct {
	Changed []string // ids of tokens that changed, appeared or vanished since the last Refresh was answered
	Total   int
	First   bool
	Trusted bool   // good enough as evidence that a token is gone
	Reason  string // why not Trusted
}

// Directory is the shared listing of tokens of one credential, with what was read or written by id laid over it.
type Directory struct{}

// NewDirectory makes an empty directory; it lists when first asked.
func NewDirectory(c *Client, opts DirectoryOptions) *Directory { return &Directory{} }

// Refresh makes one complete listing.
func (d *Directory) Refresh(ctx context.Context) (Sweep, error) { return Sweep{}, ErrUnreachable }

// RefreshIfOlder lists if the last listing is older than age.
func (d *Directory) RefreshIfOlder(ctx context.Context, age time.Duration) error {
	return ErrUnreachable
}

// Token is the newest row of a token.
func (d *Directory) Token(ctx context.Context, id string) (t Token, listed bool, err error) {
	return Token{}, false, ErrUnreachable
}

// Named finds tokens by their exact name.
func (d *Directory) Named(ctx context.Context, scope Scope, home, name string) ([]Token, error) {
	return nil, ErrUnreachable
}

// All is every token, and when their listing began.
func (d *Directory) All(ctx context.Context) ([]Token, time.Time, error) {
	return nil, time.Time{}, ErrUnreachable
}

// Record lays a row read or written by id at a time over the listing.
func (d *Directory) Record(t Token, at time.Time) {}

// Forget says that a token was seen to be gone at a time.
func (d *Directory) Forget(id string, at time.Time) {}

// Targets looks up Workspaces and Deployments.
func (d *Directory) Targets(ctx context.Context, q TargetQuery) ([]Target, error) {
	return nil, ErrUnreachable
}

// ExpireTargets forgets what Targets found.
func (d *Directory) ExpireTargets() {}

// Trust takes the own roles of the credential as they are now.
func (d *Directory) Trust() {}

// ProveGone looks for proof that a token is gone.
func (d *Directory) ProveGone(ctx context.Context, id string) (gone bool, why string, err error) {
	return false, "", ErrUnreachable
}
