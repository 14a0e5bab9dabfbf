package main

import (
	"encoding/json"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// place is where a role stands: on which token, for which Workspace or Deployment.
type place struct{ token, kind, target string }

// kinds are Astro's words for the kinds of target.
var kinds = map[v1alpha1.TargetKind]string{v1alpha1.TargetWorkspace: astrosim.TypeWorkspace, v1alpha1.TargetDeployment: astrosim.TypeDeployment}

func placeOf(c *v1alpha1.HeldClaim) place { return place{c.Token, kinds[c.TargetKind], c.Target} }

// heldOf reads the claim that a binding holds, nil if there is none.
func heldOf(b *v1alpha1.ScopedTokenBinding) *v1alpha1.HeldClaim {
	var c v1alpha1.HeldClaim
	if json.Unmarshal([]byte(b.Annotations[v1alpha1.AnnotationHeld]), &c) != nil || !slices.Contains(b.Finalizers, v1alpha1.FinalizerRevoke) {
		return nil
	}
	return &c
}

// roleOf is the role that a binding declares.
func roleOf(b *v1alpha1.ScopedTokenBinding) string {
	if b.Spec.Role == "" {
		return v1alpha1.RoleDeploymentAdmin
	}
	return b.Spec.Role
}

// holder is the place of a claim, the number of the process that took it, and whether the role is to stay when it goes.
type holder struct {
	place
	process int
	retains bool
}

// facts are what the gates have learnt for certain, for the checker.
type facts struct {
	mu       sync.Mutex
	versions map[types.UID]string
	held     map[place]bool       // some binding's claim was acknowledged
	retained map[place]bool       // some binding went and left its role on purpose
	holders  map[types.UID]holder // bindings whose claim was acknowledged and that were not let go
	stripped map[types.UID]place  // bindings whose claim a user has taken away
	declared []v1alpha1.ScopedTokenBindingSpec
}

func newFacts() *facts {
	return &facts{versions: map[types.UID]string{}, held: map[place]bool{}, retained: map[place]bool{}, holders: map[types.UID]holder{}, stripped: map[types.UID]place{}}
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

func (f *facts) retain(p place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retained[p] = true
}

func (f *facts) strip(uid types.UID, p place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stripped[uid] = p
}

// strippedFrom says whether a user has taken the claim away from a binding, and which one it was.
func (f *facts) strippedFrom(uid types.UID) (place, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, stripped := f.stripped[uid]
	return p, stripped
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
		return roleOf(&v1alpha1.ScopedTokenBinding{Spec: s}) == role && means(token, string(s.Token.ID), s.Token.Name) &&
			means(target, string(s.Target.ID), s.Target.Name) && kinds[s.Target.Kind] == p.kind
	})
}

// means says whether an id or a name is, or was, that of the entity.
func means(e *entity, id, name string) bool {
	return e.id == id || name != "" && slices.Contains(e.names, name)
}
