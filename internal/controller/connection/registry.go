package connection

import (
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/ref"
)

// Registry is where the other controllers find what is known of the connections. It is safe for concurrent use.
type Registry struct {
	mu          sync.RWMutex
	handles     map[Key]Handle
	credentials map[Key]credential
	selector    labels.Selector // of the connections that this instance serves

	subscribers, rowSubscribers []*requeue[Notice]
	unauthorized                map[v1alpha1.ConnectionKind]*requeue[Key]
	reported                    map[Key]bool // refusals that the connection's controller knows of
	orphans                     map[Key]map[types.UID]struct{}
	limits                      revocationLimits
}

// credential names the API token with which a connection works.
type credential struct{ host, token string }

// NewRegistry returns a registry that knows no connection.
func NewRegistry() *Registry {
	return &Registry{
		handles:     map[Key]Handle{},
		credentials: map[Key]credential{},
		selector:    labels.Everything(),
		reported:    map[Key]bool{},
		orphans:     map[Key]map[types.UID]struct{}{},
		limits:      revocationLimits{clock: time.Now, all: map[Key]*revocationLimit{}},
		unauthorized: map[v1alpha1.ConnectionKind]*requeue[Key]{
			v1alpha1.KindAstroConnection:        newRequeue(itself, latest),
			v1alpha1.KindClusterAstroConnection: newRequeue(itself, latest),
		},
	}
}

func itself(k Key) Key    { return k }
func latest(_, k Key) Key { return k }

// Serves reports whether this instance serves the connection, and so the objects that refer to it. Of a connection that
// does not exist (nil), it is for the instance that selects what has no labels to say so.
func (r *Registry) Serves(c v1alpha1.Connection) bool {
	var of labels.Set
	if c != nil {
		of = c.GetLabels()
	}
	return r.selector.Matches(of)
}

// Get returns what is known of the connection; false if its controller has not looked at it yet, or it is gone.
func (r *Registry) Get(k Key) (Handle, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	h, found := r.handles[k]
	return h, found
}

// Serving lists the ready connections to the Organization of the host, in the order of their keys.
func (r *Registry) Serving(host, organization string) []Handle {
	var all []Handle
	for _, key := range r.keys(func(h Handle) bool { return h.Ready && h.serves(host, organization) }) {
		if h, found := r.Get(key); found {
			all = append(all, h)
		}
	}
	return all
}

// IsCredential reports whether a connection to the host works with the token, or did when it was last proven. The roles
// of such a token are never changed.
func (r *Registry) IsCredential(host, tokenID string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, c := range r.credentials {
		if c == (credential{host, tokenID}) {
			return true
		}
	}
	return false
}

// Record lays a row that was read or written by id through a connection at the time over its listing, and over those of
// the other connections to the Organization that list the token.
func (r *Registry) Record(through Handle, t astro.Token, at time.Time) {
	r.eachOf(through.Host, through.Organization, t.ID, func(k Key, d *astro.Directory) {
		if k == through.Key {
			d.Record(t, at)
		} else {
			d.Amend(t, at)
		}
	})
}

// Forget takes a row that was found gone at the time out of the listings of every connection to the Organization.
func (r *Registry) Forget(host, organization, tokenID string, at time.Time) {
	r.eachOf(host, organization, tokenID, func(_ Key, d *astro.Directory) { d.Forget(tokenID, at) })
}

func (r *Registry) eachOf(host, organization, tokenID string, do func(Key, *astro.Directory)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for key, h := range r.handles {
		if !h.serves(host, organization) {
			continue
		}
		do(key, h.Directory)
		for _, box := range r.rowSubscribers {
			box.put(Notice{Connection: key, Tokens: []string{tokenID}})
		}
	}
}

// ReportUnauthorized tells that Astro refused the credential of the connection (astro.ErrUnauthorized). The client tells
// it by itself; whoever meets the refusal may tell it too. The connection is looked at again at once, and once however
// many report it.
func (r *Registry) ReportUnauthorized(k Key) {
	r.mu.Lock()
	h, found := r.handles[k]
	known := r.reported[k] || !found || !h.Ready
	if !known {
		r.reported[k] = true
	}
	r.mu.Unlock()
	if !known {
		r.unauthorized[k.Kind].put(k)
	}
}

// refused reports whether the client has met a refusal, and keeps further reports quiet while it has.
func (r *Registry) refused(k Key, c *astro.Client) bool {
	r.listen(k) // first, so that a refusal from now on is not missed
	if c.Refusal() == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reported[k] = true
	return true
}

// listen lets the next report through.
func (r *Registry) listen(k Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reported, k)
}

// set publishes the handle.
func (r *Registry) set(h Handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handles[h.Key] = h
	if h.SelfID != "" {
		r.credentials[h.Key] = credential{h.Host, h.SelfID}
	}
}

// assume takes a status, which only the operator writes, at its word about the credential, until it is proven anew: a
// restart must not make a credential a token like any other.
func (r *Registry) assume(k Key, c v1alpha1.Connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := c.ConnectionStatus().CredentialTokenID
	if _, known := r.credentials[k]; known || id == "" {
		return
	}
	r.credentials[k] = credential{ref.Host(c.ConnectionSpec()), id}
}

// remove forgets a connection that is gone.
func (r *Registry) remove(k Key) (known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known = r.handles[k]
	delete(r.handles, k)
	delete(r.credentials, k)
	delete(r.reported, k)
	r.limits.forget(k)
	return known
}

// keys are the connections known that satisfy the condition, in order.
func (r *Registry) keys(condition func(Handle) bool) []Key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var keys []Key
	for key, h := range r.handles {
		if condition(h) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
