package stories

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// backup is what a backup keeps of bindings, by name: all of them, whether or not a restore makes use of the status.
type backup map[string]*unstructured.Unstructured

// disaster stops the operator at rest and deletes the bindings, finalizer or not, so that nothing is revoked. It returns
// what was saved of them.
func (w *world) disaster(names ...string) backup {
	GinkgoHelper()
	w.stopAtRest()
	saved := backup{}
	for _, name := range names {
		saved[name] = w.saved(name)
		w.lose(name)
	}
	return saved
}

// stopAtRest stops the operator once every claim stands in a status, and none in the journal any more.
func (w *world) stopAtRest() {
	GinkgoHelper()
	w.waitIdle()
	Eventually(w.journal).Should(BeEmpty())
	w.stop()
}

// restore brings bindings back in the given order, as new objects.
func (w *world) restore(saved backup, status bool, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		if status {
			w.restoreWhole(saved[name])
			continue
		}
		o := saved[name].DeepCopy() // the API server takes no status from whoever makes an object
		o.SetUID("")
		o.SetResourceVersion("")
		o.SetManagedFields(nil)
		w.apply(o)
	}
}

// known is what the operator put on an object and says of it.
type known struct {
	Held       bool
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
		all[name] = known{w.claimed(name), b.Finalizers, w.state(name), s.Token, s.Target, s.Role, s.Origin, s.PreviousRole}
	}
	return all
}

// withoutStatus is what is known of bindings, restored without their status, that were known so before: a role that Astro
// holds is one that was found there, and what is suspended has no claim until it is not.
func withoutStatus(before map[string]known) map[string]known {
	all := map[string]known{}
	for name, k := range before {
		if k.Held {
			k.Origin, k.Previous, k.State = v1alpha1.OriginAdopted, k.Role, "True/Adopted"
		}
		all[name] = k
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
