package stories

import (
	"maps"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// quiet is how many looks in a row have to find the operator at rest, which take 300 ms. The looks are counted and not
// the time, because in a process that was paused for so long nobody was at rest.
const quiet = 12

// settle waits until the operator is at rest: it calls nobody, none of its workers is at work, and, so that nothing is
// still on its way to it, it knows every object as it is.
func (w *world) settle() {
	GinkgoHelper()
	last, looks := w.total(), 0
	Eventually(func() bool {
		now := w.total()
		if now != last || w.busy() || looks == quiet/2 && !w.informed() {
			last, looks = now, 0
			return false
		}
		looks++
		return looks > quiet
	}).Should(BeTrue(), "the operator comes to rest")
}

// busy says whether a call to the API server is under way, or a worker of any operator of this process is at work.
func (w *world) busy() bool {
	GinkgoHelper()
	if w.line != nil && w.line.calls.Load() > 0 {
		return true
	}
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() != "controller_runtime_active_workers" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetGauge().GetValue() > 0 {
				return true
			}
		}
	}
	return false
}

// informed says whether the operator knows this story's objects as they are now; so does one that no longer hears of any.
func (w *world) informed() bool {
	if w.stopped == nil || w.line.cut.Load() {
		return true
	}
	namespaces := &metav1.PartialObjectMetadataList{}
	namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	for _, list := range []client.ObjectList{
		&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}, &v1alpha1.ClusterAstroConnectionList{}, &v1alpha1.TargetInventoryList{}, namespaces,
	} {
		is, err := w.revisions(w.kube, list)
		known, unknown := w.revisions(w.cache, list)
		if err != nil || unknown != nil || !maps.Equal(is, known) {
			return false
		}
	}
	return true
}

// revisions are those of this story's objects of a kind, as the reader shows them.
func (w *world) revisions(from client.Reader, list client.ObjectList) (map[types.UID]string, error) {
	if err := from.List(w.ctx, list, client.MatchingLabels{storyLabel: w.namespace}); err != nil {
		return nil, err
	}
	revisions := map[types.UID]string{}
	err := meta.EachListItem(list, func(o runtime.Object) error {
		object, err := meta.Accessor(o)
		if err == nil {
			revisions[object.GetUID()] = object.GetResourceVersion()
		}
		return err
	})
	return revisions, err
}
