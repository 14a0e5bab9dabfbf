package shard

import (
	"context"
	"errors"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// ErrMoved is the cause of a context that ended because another instance serves the Organization from now on.
var ErrMoved = errors.New("another instance serves the Organization")

// Options say which share of the work is an instance's own.
type Options struct {
	// Selector of the labels of connections.
	Selector labels.Selector
	// Handover is how long an Organization is left alone once it has become the instance's own, since another may have
	// served it a moment ago: longer than that one takes to learn of the change, and a write of its that was under way.
	Handover time.Duration
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
}

// Tracker knows at any time which Organizations the instance serves. It is safe for concurrent use. A nil Tracker is
// that of an instance which serves everything.
type Tracker struct {
	Options

	mu            sync.RWMutex
	connections   map[Key]connection
	organizations map[Organization]*organization
	listeners     []func(Key)

	synced chan struct{}
	once   sync.Once
}

// NewTracker returns a tracker that has not been told of any connection.
func NewTracker(o Options) *Tracker {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Tracker{
		Options: o, connections: map[Key]connection{}, organizations: map[Organization]*organization{}, synced: make(chan struct{}),
	}
}

// Listen has the function called with every connection that is to be looked at, since its stage is another. It must
// not wait for anything.
func (t *Tracker) Listen(changed func(Key)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listeners = append(t.listeners, changed)
}

// Synced says that the tracker was told of every connection that there was when it started. Nothing is served before.
func (t *Tracker) Synced() { t.once.Do(func() { close(t.synced) }) }

// Set tells of a connection as it is now.
func (t *Tracker) Set(c v1alpha1.Connection) {
	now := factsOf(c)
	t.mu.Lock()
	known, found := t.connections[now.key]
	if found && known.equal(now) {
		t.mu.Unlock()
		return
	}
	var changed []Key
	if found && known.organization != now.organization { // it was deleted and made again
		changed = t.remove(known)
	}
	t.connections[now.key] = now
	o := t.organizations[now.organization]
	if o == nil {
		o = newOrganization()
		t.organizations[now.organization] = o
	}
	o.connections[now.key] = now
	changed = append(changed, o.assess(t)...)
	t.unlockAndTell(changed)
}

// Delete tells that a connection is gone.
func (t *Tracker) Delete(c v1alpha1.Connection) {
	t.mu.Lock()
	known, found := t.connections[KeyOf(c)]
	if !found {
		t.mu.Unlock()
		return
	}
	t.unlockAndTell(t.remove(known))
}

// remove takes a connection out of its Organization, and returns those that are to be looked at.
func (t *Tracker) remove(known connection) (changed []Key) {
	o := t.organizations[known.organization]
	delete(t.connections, known.key)
	delete(o.connections, known.key)
	delete(o.stages, known.key)
	changed = o.assess(t)
	if len(o.connections) == 0 {
		delete(t.organizations, known.organization)
	}
	return changed
}

// unlockAndTell tells without the lock, so that a listener may ask.
func (t *Tracker) unlockAndTell(changed []Key) {
	listeners := t.listeners
	t.mu.Unlock()
	for _, k := range changed {
		for _, tell := range listeners {
			tell(k)
		}
	}
}

// known waits until the tracker knows all that there was at the start; false if the context ends before.
func (t *Tracker) known(ctx context.Context) bool {
	select {
	case <-t.synced:
		return true
	case <-ctx.Done():
		return false
	}
}
