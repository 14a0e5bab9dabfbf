package token

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// kubernetesWrites is how many patches are under way at a time, for all tokens together. More only queue up in the API
// server. Those for which a user waits have as many places of their own.
const kubernetesWrites = 24

// patches are the places for patches under way.
type patches struct{ usual, urgent chan struct{} }

func newPatches() patches {
	return patches{usual: make(chan struct{}, kubernetesWrites), urgent: make(chan struct{}, kubernetesWrites)}
}

// turn waits for a place, and returns what gives it back.
func (p patches) turn(urgent bool) func() {
	places := p.usual
	if urgent {
		places = p.urgent
	}
	places <- struct{}{}
	return func() { <-places }
}

// waitedFor reports whether a user waits for the token: for what is being worked on, or for what comes after it.
func (r *Reconciler) waitedFor(g *group) bool {
	_, asked := r.turns.askedBy(g.key)
	return g.urgent || asked
}

// metadataOf is what of a binding a patch of its metadata is made from. Patches are differences of JSON, and the rest of
// the object is the larger part of it.
func metadataOf(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{
		Namespace: b.Namespace, Name: b.Name, ResourceVersion: b.ResourceVersion, Annotations: b.Annotations, Finalizers: b.Finalizers,
	}}
}

// statusOnly is what a patch of its status is made from.
func statusOnly(b *v1alpha1.ScopedTokenBinding, s v1alpha1.ScopedTokenBindingStatus) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Name, ResourceVersion: b.ResourceVersion},
		Status:     s,
	}
}
