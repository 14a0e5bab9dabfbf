package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// TokenKey names one token: the host of Astro's API, the id of the Organization, and the id of the token.
type TokenKey struct {
	Host         string `json:"host"`
	Organization string `json:"organization"`
	Token        string `json:"token"`
}

// String is the key as host/organization/token.
func (k TokenKey) String() string { return k.Host + "/" + k.Organization + "/" + k.Token }

// ID names one entry. A binding has one entry a token at most.
type ID struct {
	Token TokenKey
	UID   types.UID
}

// Entry is the claim of one binding, as it stood when it was entered.
type Entry struct {
	// UID, Namespace and Name are those of the binding.
	UID       types.UID `json:"uid"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	// ConnectionKind and Connection name the connection through which the role is given, and can be revoked without the
	// binding.
	ConnectionKind string `json:"connectionKind"`
	Connection     string `json:"connection"`

	// TargetKind and Target are the kind and the id of the target.
	TargetKind string `json:"targetKind"`
	Target     string `json:"target"`
	// Role that Astro is asked for.
	Role string `json:"role"`
	// Origin says whether the role is created or adopted, and PreviousRole what was there.
	Origin       string `json:"origin"`
	PreviousRole string `json:"previousRole,omitempty"`
	// ClaimedAt orders the claims.
	ClaimedAt time.Time `json:"claimedAt"`

	// Retain says that the role is to stay when the binding goes.
	Retain bool `json:"retain,omitempty"`
	// Leaving says that the binding is gone, and its role is to be revoked.
	Leaving bool `json:"leaving,omitempty"`

	// Recovered says that another process made the entry: one before this, or a second writer.
	Recovered bool `json:"-"`
}

// same reports whether two entries are stored alike.
func (e Entry) same(o Entry) bool {
	alike := e.ClaimedAt.Equal(o.ClaimedAt)
	e.ClaimedAt, e.Recovered = o.ClaimedAt, o.Recovered
	return alike && e == o
}

// size is how many bytes the entry takes on a page.
func (e Entry) size() int {
	data, err := json.Marshal(e)
	if err != nil {
		return maxPage
	}
	return len(data) + 1
}

// record is all that one page has of a token.
type record struct {
	TokenKey

	Entries []Entry `json:"entries"`
}

func (r record) encode() (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode the entries of token %s: %w", r.TokenKey, err)
	}
	return string(data), nil
}

func decode(data string) (record, error) {
	var r record
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		return record{}, fmt.Errorf("decode entries: %w", err)
	}
	return r, nil
}
