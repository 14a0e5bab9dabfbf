package token

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// orphans are bindings that went with their claim without having been let go: somebody stripped the finalizer, the API
// server deleted an object that it had just read without one, or another object took the name while no watch ran. What
// such a binding was granted is revoked all the same: it is a binding being deleted like any other.
type orphans struct {
	there     func(context.Context, *v1alpha1.ScopedTokenBinding) (bool, error)
	journaled func(types.UID) bool // whether the journal knows the binding, so that its role is revoked whatever the watch showed

	mu       sync.Mutex
	all      map[TokenKey]map[types.UID]*orphan
	unseen   map[connection.Key]int  // bindings that went with their claim while no watch ran, by their connection
	released map[types.UID]time.Time // when this process let bindings go whose deletion was not seen yet
}

type orphan struct {
	binding   *v1alpha1.ScopedTokenBinding
	confirmed bool              // the API server has said that it is gone
	removal   *decision.Removal // it never was a binding: an inventory is to remove the role
	since     time.Time         // when that was asked for
}

const (
	// manyReleased is from how many on those are forgotten whose deletion is not to be seen any more, and deletionSeen when that is.
	manyReleased = 1000
	deletionSeen = time.Hour
)

func newOrphans(
	there func(context.Context, *v1alpha1.ScopedTokenBinding) (bool, error), journaled func(types.UID) bool,
) *orphans {
	return &orphans{
		there: there, journaled: journaled,
		all: map[TokenKey]map[types.UID]*orphan{}, unseen: map[connection.Key]int{}, released: map[types.UID]time.Time{},
	}
}

// release notes that the finalizer of a binding is being taken off by the operator, so that its going makes no orphan. Of a
// binding that was gone before, no deletion is seen any more.
func (o *orphans) release(uid types.UID, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.released) >= manyReleased {
		maps.DeleteFunc(o.released, func(_ types.UID, at time.Time) bool { return now.Sub(at) > deletionSeen })
	}
	o.released[uid] = now
}

// keep takes that back: the finalizer is still there.
func (o *orphans) keep(uid types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.released, uid)
}

// deleted takes in that a binding was deleted. Of one whose last state is not known, because the watch was renewed, nobody
// can say what its user wanted in the end: without an entry in the journal it is left alone and counted.
func (o *orphans) deleted(e event.DeleteEvent) (orphaned *v1alpha1.ScopedTokenBinding) {
	b, ok := e.Object.(*v1alpha1.ScopedTokenBinding)
	if !ok || o.wasReleased(b.UID) || pin.Claimed(b) == nil {
		return nil
	}
	if e.DeleteStateUnknown {
		if !o.journaled(b.UID) {
			o.missed(b)
		}
		return nil
	}
	return o.candidate(b)
}

// missed counts a binding of whose end nothing was seen, or whose role nobody knows.
func (o *orphans) missed(b *v1alpha1.ScopedTokenBinding) {
	unseenDeletions.Inc()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unseen[connectionOf(b)]++
}

// unseenOf is how many there are of a connection.
func (o *orphans) unseenOf(k connection.Key) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unseen[k]
}

// replaced takes in that another object has taken a binding's name, and that the end of the first was not seen.
func (o *orphans) replaced(e event.UpdateEvent) (orphaned *v1alpha1.ScopedTokenBinding) {
	before, ok := e.ObjectOld.(*v1alpha1.ScopedTokenBinding)
	if !ok || e.ObjectNew.GetUID() == before.UID || o.wasReleased(before.UID) || pin.Claimed(before) == nil {
		return nil
	}
	return o.candidate(before)
}

func (o *orphans) wasReleased(uid types.UID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, released := o.released[uid]
	delete(o.released, uid)
	return released
}

func (o *orphans) candidate(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	claim, last := pin.Claimed(b), b.DeepCopy()
	o.put(tokenKey(claim.Host, claim.Organization, claim.Token), &orphan{binding: last})
	return last
}

// leaving is a copy of a binding that is gone, as one that is being deleted. What was to become of its role was told it last
// by its status, where its spec does not say: what its connection says by now is for those that are there.
func leaving(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	left := b.DeepCopy()
	left.Spec.DeletionPolicy = cmp.Or(left.Spec.DeletionPolicy, left.Status.DeletionPolicy)
	if left.DeletionTimestamp.IsZero() {
		left.DeletionTimestamp = new(metav1.Now())
	}
	return left
}

// addRemoval notes a role that an inventory is to remove. It is as if a binding of the inventory's UID had held it, and were gone.
func (o *orphans) addRemoval(key TokenKey, v decision.Removal, now time.Time) {
	b := &v1alpha1.ScopedTokenBinding{}
	b.UID, b.Namespace, b.Name = v.Inventory, v.Namespace, v.Name
	b.Spec.ConnectionRef, b.Spec.Target, b.Spec.Role = v.Connection, v.Target, v.Role
	b.Spec.Token.ID, b.Spec.DeletionPolicy = v1alpha1.AstroID(key.Token), v1alpha1.DeletionRevoke
	o.put(key, &orphan{binding: leaving(b), confirmed: true, removal: &v, since: now})
}

// endRemoval forgets a removal, unless another one of its inventory has taken its place.
func (o *orphans) endRemoval(key TokenKey, of *v1alpha1.ScopedTokenBinding) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one := o.all[key][of.UID]; one != nil && one.binding == of {
		o.drop(key, of.UID)
	}
}

// removalsOf are the removals of an inventory, by the id of the token.
func (o *orphans) removalsOf(inventory types.UID) map[string]decision.Removal {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[string]decision.Removal{}
	for key, of := range o.all {
		if one := of[inventory]; one != nil && one.removal != nil {
			all[key.Token] = *one.removal
		}
	}
	return all
}

// add notes a binding that is known to be gone.
func (o *orphans) add(key TokenKey, b *v1alpha1.ScopedTokenBinding) {
	o.put(key, &orphan{binding: b, confirmed: true})
}

func (o *orphans) put(key TokenKey, one *orphan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all[key] == nil {
		o.all[key] = map[types.UID]*orphan{}
	}
	o.all[key][one.binding.UID] = one
}

// confirmed returns the orphans of a token that the API server says are gone. One that is still there is none.
func (o *orphans) confirmed(ctx context.Context, key TokenKey) (all []*v1alpha1.ScopedTokenBinding, err error) {
	for _, one := range o.of(key) {
		if one.removal != nil {
			continue
		}
		if !one.confirmed {
			there, err := o.there(ctx, one.binding)
			if err != nil {
				return nil, err
			}
			if there {
				o.remove(key, one.binding.UID)
				continue
			}
		}
		all = append(all, one.binding)
	}
	slices.SortFunc(all, func(a, b *v1alpha1.ScopedTokenBinding) int { return strings.Compare(string(a.UID), string(b.UID)) })
	return all, nil
}

// has reports whether the orphan is not finished with yet.
func (o *orphans) has(key TokenKey, uid types.UID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all[key][uid] != nil
}

// needing are those that need the connection.
func (o *orphans) needing(k connection.Key) (all []types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, of := range o.all {
		for uid, one := range of {
			if connectionOf(one.binding) == k {
				all = append(all, uid)
			}
		}
	}
	return all
}

func (o *orphans) leaving(k connection.Key) map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[string]int{}
	for _, of := range o.all {
		for _, one := range of {
			if connectionOf(one.binding) == k {
				counts[one.binding.Namespace]++
			}
		}
	}
	return counts
}

// through returns the tokens with orphans that need the connection of a notice, and are in a namespace that it is about.
func (o *orphans) through(n connection.Notice) (keys []TokenKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, all := range o.all {
		for _, one := range all {
			concerned := !n.NamespacesAlone() || slices.Contains(n.Namespaces, one.binding.Namespace)
			if concerned && connectionOf(one.binding) == n.Connection {
				keys = append(keys, key)
				break
			}
		}
	}
	return keys
}

func (o *orphans) of(key TokenKey) (all []orphan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.all[key] {
		all = append(all, *one)
	}
	return all
}

// remove forgets an orphan: its role is known to be gone, or is not its to lose.
func (o *orphans) remove(key TokenKey, uid types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drop(key, uid)
}

func (o *orphans) drop(key TokenKey, uid types.UID) {
	delete(o.all[key], uid)
	if len(o.all[key]) == 0 {
		delete(o.all, key)
	}
}

// perConnection counts the orphans by the connection that they need.
func (o *orphans) perConnection() map[connection.Key]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[connection.Key]int{}
	for _, of := range o.all {
		for _, one := range of {
			counts[connectionOf(one.binding)]++
		}
	}
	return counts
}
