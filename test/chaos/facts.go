package main

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// place is where a role stands: on which token, for which Workspace or Deployment.
type place struct{ token, kind, target string }

// kinds are Astro's words for the kinds of target.
var kinds = map[v1alpha1.TargetKind]string{v1alpha1.TargetWorkspace: astrosim.TypeWorkspace, v1alpha1.TargetDeployment: astrosim.TypeDeployment}

// heldClaim is the claim of a binding.
type heldClaim struct {
	place

	at     time.Time
	origin v1alpha1.Origin
}

// statusClaim is the claim that a status says its object holds, nil if it says none. What stands in the metadata counts
// for nothing, and so does a claim of another object.
func statusClaim(b *v1alpha1.ScopedTokenBinding) *heldClaim {
	c, s := b.Status.Claim, b.Status
	if c == nil || c.State != v1alpha1.ClaimHeld || c.UID != b.UID {
		return nil
	}
	return &heldClaim{place{s.Token.ID, kinds[s.Target.Kind], s.Target.ID}, c.ClaimedAt.Time, s.Origin}
}

// claimOf is the claim of a binding, nil if it has none.
func (w *world) claimOf(b *v1alpha1.ScopedTokenBinding) *heldClaim { return statusClaim(b) }

// roleOf is the role that a binding declares.
func roleOf(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Role == "" {
		return v1alpha1.RoleDeploymentAdmin
	}
	return b.Spec.Role
}

// holder is a binding that has a claim on a place, and whether the role is to stay when it goes.
type holder struct {
	place

	uid     types.UID
	retains bool
}

// facts are what the gates and the checker's own watch have learnt for certain.
type facts struct {
	mu       sync.Mutex
	versions map[types.UID]string
	held     map[place]bool       // some binding's claim was acknowledged
	retained map[place]bool       // some binding went and left its role on purpose
	holders  map[types.UID]holder // bindings whose claim was acknowledged and that were not let go
	released map[types.UID]bool   // bindings that the operator let go
	reported map[types.UID]bool   // bindings that the operator has reported on before they were deleted
	objects  map[types.UID]*v1alpha1.ScopedTokenBinding

	pinned    map[types.UID]string  // the target that a status has said last
	confirmed map[confirmation]bool // what users have confirmed
	declared  []v1alpha1.ScopedTokenBindingSpec
	excused   map[change]bool    // what an old reading hides or has caused that nothing told to be old
	removals  []confirmedRemoval // what auditors have confirmed
}

func newFacts() *facts {
	return &facts{
		versions: map[types.UID]string{}, held: map[place]bool{}, retained: map[place]bool{}, holders: map[types.UID]holder{},
		released: map[types.UID]bool{}, reported: map[types.UID]bool{}, objects: map[types.UID]*v1alpha1.ScopedTokenBinding{},
		excused: map[change]bool{}, pinned: map[types.UID]string{}, confirmed: map[confirmation]bool{},
	}
}

// declare remembers what a user is about to declare.
func (f *facts) declare(b *v1alpha1.ScopedTokenBinding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.declared = append(f.declared, *b.Spec.DeepCopy())
}

func (f *facts) wasHeld(p place) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[p]
}

// change is what one request has changed at a place.
type change struct {
	place

	request string
}

// excuse notes that what a change has left is not to the operator's account.
func (f *facts) excuse(p place, requestID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.excused[change{p, requestID}] = true
}

// isExcused says whether the last of the changes at a place is excused.
func (f *facts) isExcused(p place, changes []astrosim.RoleWrite) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(changes) > 0 && f.excused[change{p, changes[0].RequestID}]
}

func (f *facts) retain(p place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retained[p] = true
}

// observe remembers the newest state of a binding.
func (f *facts) observe(b *v1alpha1.ScopedTokenBinding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[b.UID] = b
	f.confirmed[confirmation{b.UID, b.Annotations[v1alpha1.AnnotationConfirmTarget]}] = true
}

// observeFirst remembers a binding that the watch has not shown yet.
func (f *facts) observeFirst(b *v1alpha1.ScopedTokenBinding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects[b.UID] == nil {
		f.objects[b.UID] = b
	}
}

// last is the newest state of a binding that was seen, nil if there was none.
func (f *facts) last(uid types.UID) *v1alpha1.ScopedTokenBinding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.objects[uid]
}

// confirmation is that the annotation of a binding names a target.
type confirmation struct {
	uid    types.UID
	target string
}

// vanish takes in the last state of a binding that is gone.
func (f *facts) vanish(b *v1alpha1.ScopedTokenBinding, held *heldClaim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, known := f.holders[b.UID]
	if held != nil {
		h.place = held.place
	}
	if f.released[b.UID] || held == nil && !known {
		return
	}
	h.retains = leavesRole(b)
	f.held[h.place], f.holders[b.UID] = true, h
}

// leavesRole says whether a binding is to be deleted without its role being revoked.
func leavesRole(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Spec.DeletionPolicy == v1alpha1.DeletionRetain || b.Spec.Mode == v1alpha1.ModeObserve || b.Annotations[v1alpha1.AnnotationRelease] == "true"
}

// holderOf is the place that a binding holds, or was about to when it went.
func (f *facts) holderOf(uid types.UID) (holder, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := f.holders[uid]
	return h, ok
}

// wasReported says whether the operator has reported on a binding before it was deleted.
func (f *facts) wasReported(uid types.UID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reported[uid]
}

// enter records that the operator was about to give a role on behalf of bindings: their journal entries were there. One that
// has vanished by then may have come to observe before.
func (f *facts) enter(p place, uids []types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[p] = true
	for _, uid := range uids {
		if _, known := f.holders[uid]; !known && !f.released[uid] {
			last := f.objects[uid]
			f.holders[uid] = holder{p, uid, last != nil && leavesRole(last)}
		}
	}
}

// vanished says whether a binding that held the place is gone although nobody has let it go: kube-apiserver looks for
// finalizers before it deletes, and not in the same transaction.
func (f *facts) vanished(p place, there []v1alpha1.ScopedTokenBinding) bool {
	return len(f.gone(p, there)) > 0
}

// gone are the holders of a place that vanished.
func (f *facts) gone(p place, there []v1alpha1.ScopedTokenBinding) (vanished []holder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for uid, h := range f.holders {
		h.uid = uid
		if h.place == p && !slices.ContainsFunc(there, func(b v1alpha1.ScopedTokenBinding) bool { return b.UID == uid }) {
			vanished = append(vanished, h)
		}
	}
	return vanished
}

// everHeld are all places on which a claim was ever held, and whether a role was left there on purpose.
func (f *facts) everHeld() map[place]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[place]bool{}
	for p := range f.held {
		all[p] = f.retained[p]
	}
	return all
}

// everDeclared says whether any binding ever asked for the role there.
func (w *world) everDeclared(p place, role string) bool {
	token, target := w.find(p.token), w.find(p.target)
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	return token != nil && target != nil && slices.ContainsFunc(w.facts.declared, func(s v1alpha1.ScopedTokenBindingSpec) bool {
		return roleOf(&v1alpha1.ScopedTokenBinding{Spec: s}) == role && declares(s, p.kind, token, target)
	})
}

// declares says whether a spec speaks of a token and a target.
func declares(s v1alpha1.ScopedTokenBindingSpec, kind string, token, target *entity) bool {
	return means(token, string(s.Token.ID), s.Token.Name) && means(target, string(s.Target.ID), s.Target.Name) && kinds[s.Target.Kind] == kind
}

// means says whether an id or a name is, or was, that of the entity.
func means(e *entity, id, name string) bool {
	return e.id == id || name != "" && slices.Contains(e.names, name)
}
