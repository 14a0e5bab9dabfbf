package astro

import (
	"errors"
	"io"
)

// What Astro may make the operator hold in memory, whatever it answers. All of it counts bytes as they are decoded: a few
// that are compressed may stand for thousands.
const (
	// maxAnswer is how large a row of a listing may be, and an answer that is one object: a token with some 15,000 roles.
	maxAnswer = 2 << 20
	// maxPageBody is how large a page may be. Each Deployment carries all its environment variables, of which nothing stays.
	maxPageBody = 256 << 20
	// maxListing is what the rows of one listing may take up that are kept, if nothing else is said: some 200,000 roles of tokens.
	// While a listing is made, the one before is there too, and shares what is the same. For all listings together see Memory.
	maxListing = 48 << 20
	// maxLookup is the same of the targets that one lookup finds, of which there may be many at a time.
	maxLookup = 8 << 20
	// smallLookup is how much of a lookup is not counted in Memory: some 400 targets.
	smallLookup = 256 << 10
	// rowOverhead is about what a row takes up beside its words.
	rowOverhead = 512
)

var (
	errTooLarge = errors.New("a part of it is larger than 2 MiB")
	errNoRoom   = errors.New("all of it takes up more memory than it may")
)

// bounded lets a decoder read no further than a row may reach beyond what is decoded. A decoder holds what it reads ahead.
type bounded struct {
	from       io.Reader
	read, most int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	left := b.most - b.read
	if left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), left)])
	b.read += int64(n)
	return n, err
}

// decoded notes how far the decoder has got.
func (b *bounded) decoded(offset int64) { b.most = offset + maxAnswer }

// size is about what the token takes up in memory.
func (t Token) size() int {
	return rowOverhead + len(t.ID) + len(t.Name) + len(t.Description) + len(t.Scope) + len(t.Kind) + len(t.CreatedBy) + len(t.UpdatedBy) + sizeOf(t.Roles)
}

func sizeOf(roles []Role) (n int) {
	for _, r := range roles {
		n += roleOverhead + len(r.raw)
	}
	return n
}

// roleOverhead is what a role takes up beside its raw form, of which its words are parts.
const roleOverhead = 96

// wordOverhead is what a word of a list takes up beside its letters.
const wordOverhead = 16

func (w wireTarget) size() int { return rowOverhead + len(w.ID) + len(w.Name) + len(w.WorkspaceID) }

func (w wireRole) size() int {
	n := rowOverhead + len(w.ID) + len(w.Name) + len(w.ScopeType)
	for _, id := range w.RestrictedWorkspaceIDs {
		n += wordOverhead + len(id)
	}
	return n
}
