package connection

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Registry is where the other controllers find what is known of the connections, and where they leave what the
// connections' own controllers have to know. It is safe for concurrent use.
type Registry struct {
	selector labels.Selector // of the connections that this instance serves

	mu      sync.RWMutex
	handles map[Key]Handle

	credentials credentials
	limits      revocationLimits
	work        atomic.Pointer[Work]
	subscribers subscribers
	requeues    map[v1alpha1.ConnectionKind]*requeue[Key] // for the connections' own controllers
}

// NewRegistry returns a registry that knows no connection.
func NewRegistry() *Registry {
	return &Registry{
		selector:    labels.Everything(),
		handles:     map[Key]Handle{},
		credentials: newCredentials(),
		limits:      newRevocationLimits(),
		requeues: map[v1alpha1.ConnectionKind]*requeue[Key]{
			v1alpha1.KindAstroConnection:        newKeyRequeue(),
			v1alpha1.KindClusterAstroConnection: newKeyRequeue(),
		},
	}
}

// configure is called before the registry is used. A nil selector selects every connection.
func (r *Registry) configure(selector labels.Selector, clock func() time.Time) {
	r.limits.clock = clock
	if selector != nil {
		r.selector = selector
	}
}

// Serves reports whether this instance serves the connection, and so the objects that refer to it. Of a connection that
// does not exist (nil), it is for the instance that selects what has no labels to say so.
func (r *Registry) Serves(c v1alpha1.Connection) bool {
	var of labels.Set
	if c != nil {
		of = c.GetLabels()
	}
	return r.selector.Matches(of)
}

// ServesAll reports whether this instance serves every connection there may be.
func (r *Registry) ServesAll() bool { return r.selector.Empty() }

// Get returns what is known of the connection; false if its controller has not looked at it yet, or it is gone.
func (r *Registry) Get(k Key) (Handle, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	h, found := r.handles[k]
	return h, found
}

// Serving lists the ready connections to the Organization of the host, in the order of their keys.
func (r *Registry) Serving(host, organization string) []Handle {
	return r.list(func(h Handle) bool { return h.Ready && h.serves(host, organization) })
}

// All lists the connections that this instance knows, in the order of their keys.
func (r *Registry) All() []Handle { return r.list(func(Handle) bool { return true }) }

// list returns the connections known that satisfy the condition, in the order of their keys.
func (r *Registry) list(condition func(Handle) bool) []Handle {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []Handle
	for _, h := range r.handles {
		if condition(h) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b Handle) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	return all
}

// CredentialOf lists the connections to the host that work with the token, or did when they were last proven.
func (r *Registry) CredentialOf(host, tokenID string) []Key {
	return r.credentials.users(credential{host, tokenID})
}

// Record lays a row that was read or written by id through a connection at the time over its listing, and over those of
// the other connections to the Organization that list the token.
func (r *Registry) Record(through Handle, t astro.Token, at time.Time) {
	r.eachTo(through.Host, through.Organization, t.ID, func(h Handle) {
		if h.Key == through.Key {
			h.Directory.Record(t, at)
		} else {
			h.Directory.Amend(t, at)
		}
	})
}

// Forget takes a row that Astro did not show to a connection at the time out of its listing, and out of no other: their credentials may
// see the token, and it has its name there as before.
func (r *Registry) Forget(through Handle, tokenID string, at time.Time) {
	through.Directory.Forget(tokenID, at)
	r.subscribers.tellOfRow(Notice{Connection: through.Key, Tokens: []string{tokenID}})
}

// ForgetRoles takes what is listed of a token's roles for unknown at the time, through whichever connection to the Organization:
// whoever needs them asks by id.
func (r *Registry) ForgetRoles(host, organization, tokenID string, at time.Time) {
	r.eachTo(host, organization, tokenID, func(h Handle) { h.Directory.ForgetRoles(tokenID, at) })
}

// eachTo does something to the token's row in the listing of every connection to the Organization, and tells of it.
func (r *Registry) eachTo(host, organization, tokenID string, do func(Handle)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, h := range r.handles {
		if h.serves(host, organization) {
			do(h)
			r.subscribers.tellOfRow(Notice{Connection: h.Key, Tokens: []string{tokenID}})
		}
	}
}

// Subscribe returns a channel of its own for every caller, for a channel source. Notices that are not read yet are
// folded together, and nobody waits for a slow reader.
func (r *Registry) Subscribe() <-chan event.TypedGenericEvent[Notice] {
	return r.subscribers.join(false)
}

// SubscribeToRows is Subscribe, and tells of rows that were read or written by id as well; see Record.
func (r *Registry) SubscribeToRows() <-chan event.TypedGenericEvent[Notice] {
	return r.subscribers.join(true)
}

// ReportUnauthorized tells that Astro refused the credential of the connection (astro.ErrUnauthorized). The client tells
// it by itself; whoever meets the refusal may tell it too. The connection is looked at again at once, and once however
// many report it.
func (r *Registry) ReportUnauthorized(k Key) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.handles[k].Ready && r.credentials.noteRefusal(k) {
		r.lookAgain(k)
	}
}

// MayRevoke reports whether roles may be revoked through the connection now. It is asked right before the write that
// removes them, and has counted them if it says yes. Each is named by its token and target in any way that is always the
// same, so that what is tried again counts once, and all are of one namespace. All of them may be revoked, or none.
func (r *Registry) MayRevoke(k Key, namespace string, grants ...string) bool {
	ok, pausedNow := r.limits.admitAll(k, namespace, grants)
	if pausedNow {
		r.lookAgain(k) // the status has to tell, and to keep it
	}
	return ok
}

// Work is what the controller of tokens knows of what goes on through a connection.
type Work interface {
	// Unfinished counts the roles for which the connection is needed although no binding says so: those that are being given,
	// and those that are still to be revoked although their bindings are gone.
	Unfinished(k Key) int
	// Leaving counts, by namespace, the bindings that are gone without having been let go, and whose roles wait to be revoked
	// through the connection.
	Leaving(k Key) map[string]int
	// Warnings are what the connection has to tell of it, beside its own state.
	Warnings(k Key) []string
}

// SetWork tells the registry whom to ask.
func (r *Registry) SetWork(w Work) { r.work.Store(&w) }

func (r *Registry) leaving(k Key) map[string]int {
	if w := r.work.Load(); w != nil {
		return (*w).Leaving(k)
	}
	return nil
}

func (r *Registry) unfinished(k Key) int {
	if w := r.work.Load(); w != nil {
		return (*w).Unfinished(k)
	}
	return 0
}

func (r *Registry) warnings(k Key) []string {
	if w := r.work.Load(); w != nil {
		return (*w).Warnings(k)
	}
	return nil
}

// lookAgain has the connection's own controller look at it.
func (r *Registry) lookAgain(k Key) { r.requeues[k.Kind].put(k) }

// publish makes the handle known.
func (r *Registry) publish(h Handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handles[h.Key] = h
	if h.SelfID != "" {
		r.credentials.enter(h.Key, credential{h.Host, h.SelfID})
	}
}

// remove forgets a connection that is gone, and reports whether it was known.
func (r *Registry) remove(k Key) (known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known = r.handles[k]
	delete(r.handles, k)
	r.credentials.leave(k)
	r.limits.drop(k)
	return known
}
