package connection

import (
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// credentials are the API tokens with which connections work, and the connections of which it was reported that Astro
// refuses theirs.
type credentials struct {
	mu       sync.RWMutex
	of       map[Key]credential
	reported map[Key]bool
}

// credential names an API token.
type credential struct{ host, token string }

func newCredentials() credentials {
	return credentials{of: map[Key]credential{}, reported: map[Key]bool{}}
}

// users lists the connections that work with the credential.
func (cs *credentials) users(c credential) (all []Key) {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	for k, known := range cs.of {
		if known == c {
			all = append(all, k)
		}
	}
	return all
}

// enter notes the credential that was proven for the connection.
func (cs *credentials) enter(k Key, c credential) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.of[k] = c
}

// assume takes a status, which only the operator writes, at its word about the credential, until it is proven anew: a
// restart must not make a credential a token like any other.
func (cs *credentials) assume(k Key, c v1alpha1.Connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	id := c.ConnectionStatus().CredentialTokenID
	if _, known := cs.of[k]; known || id == "" {
		return
	}
	cs.of[k] = credential{ref.Host(c.ConnectionSpec()), id}
}

// noteRefusal reports whether the refusal is the first that is reported of the connection's credential.
func (cs *credentials) noteRefusal(k Key) (first bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	first = !cs.reported[k]
	cs.reported[k] = true
	return first
}

// awaitRefusal lets the next refusal be the first again.
func (cs *credentials) awaitRefusal(k Key) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.reported, k)
}

// refused reports whether the client has met a refusal, and keeps further reports quiet while it has.
func (cs *credentials) refused(k Key, c *astro.Client) bool {
	cs.awaitRefusal(k) // first, so that a refusal from now on is not missed
	if c.Refusal() == nil {
		return false
	}
	cs.noteRefusal(k)
	return true
}

// leave forgets the connection.
func (cs *credentials) leave(k Key) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.of, k)
	delete(cs.reported, k)
}
