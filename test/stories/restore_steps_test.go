package stories

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// backup is what a backup of the bindings keeps: everything but status, UID and times.
type backup map[string]*v1alpha1.ScopedTokenBinding

// disaster stops the operator and deletes the bindings, finalizer or not, so that nothing is revoked. It returns what was
// saved of them.
func (w *world) disaster(names ...string) backup {
	GinkgoHelper()
	w.stop()
	saved := backup{}
	for _, name := range names {
		saved[name] = w.lose(name)
	}
	return saved
}

// restore brings bindings back in the given order, by what others are restored from a backup: as new objects.
func (w *world) restore(saved backup, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		w.apply(saved[name].DeepCopy())
	}
}

// known is what is to be the same after a restore: what the operator put on the object and says of it.
type known struct {
	Held       string
	Finalizers []string
	State      string
	Token      v1alpha1.BoundToken
	Target     v1alpha1.BoundTarget
	Role       string
	Origin     v1alpha1.Origin
	Previous   string
}

// knownOf are the bindings, by name, with what is known of each.
func (w *world) knownOf(names ...string) map[string]known {
	GinkgoHelper()
	all := map[string]known{}
	for _, name := range names {
		b := w.binding(name)
		s := b.Status
		all[name] = known{w.held(name), b.Finalizers, w.state(name), s.Token, s.Target, s.Role, s.Origin, s.PreviousRole}
	}
	return all
}

// reversed is the list from its end.
func reversed(names []string) []string {
	back := slices.Clone(names)
	slices.Reverse(back)
	return back
}

// uids are those of the bindings.
func (w *world) uids(names ...string) (all []any) {
	GinkgoHelper()
	for _, name := range names {
		all = append(all, w.binding(name).UID)
	}
	return all
}

// copyInto is a copy of a binding as somebody else would apply it who got hold of its manifest, annotations and all.
func (w *world) copyInto(namespace, name string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	b := w.binding(name)
	return &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: b.Name, Annotations: b.Annotations, Finalizers: b.Finalizers},
		Spec:       b.Spec,
	}
}
