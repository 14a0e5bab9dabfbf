package stories

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// quiet is how many looks in a row find nothing new where everything is at rest: longer together than the operator leaves
// a token that it means to look at again at once. They are counted, since a clock goes on while the whole process stands still.
const quiet = 12

const glance = 25 * time.Millisecond

// waitIdle waits until the world is at rest: the operator has been told of everything that the API server holds, and then,
// for a while, works on nothing and calls nobody.
func (w *world) waitIdle() {
	GinkgoHelper()
	last, looks := w.activity(), 0
	Eventually(func() bool {
		now := w.activity()
		if now != last || w.underWay() || looks == 0 && !w.informed() {
			last, looks = now, 0
			return false
		}
		looks++
		return looks > quiet
	}).WithPolling(glance).Should(BeTrue(), "the operator comes to rest")
}

// activity is the cost of everything so far, to this world's operator and to those beside it.
func (w *world) activity() cost {
	sum := w.total()
	for _, o := range w.peers {
		writes, events := o.traffic.counts()
		sum.Kubernetes, sum.Events = sum.Kubernetes+writes, sum.Events+events
	}
	return sum
}

// underWay reports whether any request waits for its answer, or any worker of this process's operators is at work.
func (w *world) underWay() bool {
	GinkgoHelper()
	waiting := w.traffic.underWay.Load()
	for _, o := range w.peers {
		waiting += o.traffic.underWay.Load()
	}
	return waiting > 0 || w.sim.UnderWay() > 0 || workers() > 0
}

// activeWorkers is controller-runtime's own gauge. To gather the whole registry instead, at each look, took a third of the time of all
// stories: it holds the series of every connection of every story before.
var activeWorkers = sync.OnceValue(func() *prometheus.GaugeVec {
	same := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "controller_runtime_active_workers", Help: "Number of currently used workers per controller",
	}, []string{"controller"})
	registered, _ := errors.AsType[prometheus.AlreadyRegisteredError](metrics.Registry.Register(same))
	return registered.ExistingCollector.(*prometheus.GaugeVec)
})

func workers() (busy float64) {
	GinkgoHelper()
	gauges := make(chan prometheus.Metric, 100)
	activeWorkers().Collect(gauges)
	close(gauges)
	for gauge := range gauges {
		var m dto.Metric
		Expect(gauge.Write(&m)).To(Succeed())
		busy += m.GetGauge().GetValue()
	}
	return busy
}

// informed reports whether the running operators know every object of this story as the API server holds it.
func (w *world) informed() bool {
	for _, o := range append([]*world{w}, w.peers...) {
		if o.stopped == nil || o.line.cut.Load() {
			continue // nobody tells it of anything any more
		}
		namespaces := &metav1.PartialObjectMetadataList{}
		namespaces.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
		for _, list := range []client.ObjectList{
			&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}, &v1alpha1.ClusterAstroConnectionList{}, &v1alpha1.TargetInventoryList{}, namespaces,
		} {
			is, err := o.revisions(o.kube, list)
			known, unknown := o.revisions(o.cache, list) // an error if it has not even begun
			if err != nil || unknown != nil || !maps.Equal(is, known) {
				return false
			}
		}
	}
	return true
}

// revisions are those of this story's objects of a kind, as the reader shows them.
func (w *world) revisions(from client.Reader, list client.ObjectList) (map[types.UID]string, error) {
	ctx, cancel := context.WithTimeout(w.ctx, storyTimeout())
	defer cancel()
	if err := from.List(ctx, list, client.MatchingLabels{storyLabel: w.namespace}); err != nil {
		return nil, err
	}
	all := map[types.UID]string{}
	err := meta.EachListItem(list, func(o runtime.Object) error {
		item, err := meta.Accessor(o)
		if err == nil {
			all[item.GetUID()] = item.GetResourceVersion()
		}
		return err
	})
	return all, err
}
