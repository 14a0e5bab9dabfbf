package token

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// ghosts are bindings that vanished although they had taken their claim. The API server deletes an object that it has just
// read without finalizers, whatever finalizer was added since. What such a binding was granted is revoked all the same:
// for this process, it is a leaver like any other.
type ghosts struct {
	registry *connection.Registry // which is told that their connections are needed

	mu    sync.Mutex
	all   map[TokenKey]map[types.UID]*v1alpha1.ScopedTokenBinding
	given map[types.UID]struct{} // bindings for which this process sent a role, which their status does not say yet
}

func newGhosts(registry *connection.Registry) *ghosts {
	return &ghosts{registry: registry, all: map[TokenKey]map[types.UID]*v1alpha1.ScopedTokenBinding{}, given: map[types.UID]struct{}{}}
}

// give notes that a role was sent for the binding. Should it vanish before its status says so, this is the only word of
// the operator that it had the role.
func (g *ghosts) give(uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given[uid] = struct{}{}
}

// told notes that the binding's status says what it was given, or that nobody has to know any more.
func (g *ghosts) told(uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.given, uid)
}

// wasGiven reports whether this process sent a role for a binding whose status did not say so.
func (g *ghosts) wasGiven(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, given := g.given[uid]
	return given
}

// see remembers a deleted binding if it is a ghost. One that was being deleted had its finalizer taken away, by the
// operator or by somebody who meant it; and of one whose last state is not known nothing is known.
func (g *ghosts) see(e event.DeleteEvent) {
	b, ok := e.Object.(*v1alpha1.ScopedTokenBinding)
	if !ok {
		return
	}
	held := pin.Held(b)
	if held == nil || e.DeleteStateUnknown || !b.DeletionTimestamp.IsZero() || !controllerutil.ContainsFinalizer(b, v1alpha1.FinalizerRevoke) {
		g.told(b.UID)
		return
	}
	left := b.DeepCopy()
	left.DeletionTimestamp = new(metav1.Now())
	key := TokenKey{Host: held.Host, Organization: held.Organization, Token: held.Token}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all[key] == nil {
		g.all[key] = map[types.UID]*v1alpha1.ScopedTokenBinding{}
	}
	g.all[key][b.UID] = left
	g.registry.NeededBy(connectionOf(b), b.UID)
}

// of returns the ghosts of a token.
func (g *ghosts) of(key TokenKey) (all []*v1alpha1.ScopedTokenBinding) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.all[key] {
		all = append(all, b.DeepCopy())
	}
	return all
}

// rest forgets a ghost.
func (g *ghosts) rest(key TokenKey, uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(key, uid)
	if len(g.all[key]) == 0 {
		delete(g.all, key)
	}
}

// forget drops the ghosts of a token.
func (g *ghosts) forget(key TokenKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for uid := range g.all[key] {
		g.drop(key, uid)
	}
	delete(g.all, key)
}

func (g *ghosts) drop(key TokenKey, uid types.UID) {
	if b := g.all[key][uid]; b != nil {
		g.registry.NotNeededBy(connectionOf(b), uid)
	}
	delete(g.all[key], uid)
	delete(g.given, uid)
}

func connectionOf(b *v1alpha1.ScopedTokenBinding) connection.Key {
	return connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)
}

// haunt adds the ghosts of the token to its group.
func (r *Reconciler) haunt(ctx context.Context, g *group) error {
	seen := connections{}
	for _, b := range r.ghosts.of(g.key) {
		m, err := r.newMember(ctx, b, seen)
		if err != nil {
			return err
		}
		m.ghost, m.given = true, r.ghosts.wasGiven(b.UID)
		if !m.found || !r.speaksTo(m) {
			r.ghosts.rest(g.key, b.UID) // nobody is left who could revoke it, or another instance does
			continue
		}
		g.members = append(g.members, m)
	}
	return nil
}

// dropVanished takes those out of the plan who are about to be given a role, and are not there any more.
func (r *Reconciler) dropVanished(ctx context.Context, g *group) {
	for _, m := range g.members {
		if m.class != roleset.Want || m.settled() {
			continue
		}
		var now v1alpha1.ScopedTokenBinding
		err := r.Client.Get(ctx, client.ObjectKeyFromObject(m.binding), &now)
		if apierrors.IsNotFound(err) || (err == nil && now.UID != m.binding.UID) {
			m.class, m.fault = roleset.None, &fault{silent: true}
		}
	}
}
