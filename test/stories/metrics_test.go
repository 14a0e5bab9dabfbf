package stories

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// counted is what the metrics say of the bindings of a namespace, by status and reason.
func counted(namespace string) map[string]float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	all := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "scopedtoken_bindings" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["namespace"] == namespace {
				all[fmt.Sprint(labels["ready"], "/", labels["reason"])] = m.GetGauge().GetValue()
			}
		}
	}
	return all
}

var _ = Describe("The metrics of bindings", func() {
	It("count them by what they say, and forget those that are gone and an operator that has ended", func(ctx context.Context) {
		w := newWorld(ctx)
		member := func(name, target string) *builders.BindingBuilder {
			return builders.Binding(name).ForToken("ci").OnWorkspace(target).WithRole("WORKSPACE_MEMBER")
		}
		w.bind(member("a", w.data), member("b", w.science), member("lost", nobody))
		Eventually(counted).WithArguments(w.namespace).Should(Equal(map[string]float64{"True/Granted": 2, "False/TargetNotFound": 1}))
		w.delete("a", "lost")
		Eventually(counted).WithArguments(w.namespace).Should(Equal(map[string]float64{"True/Granted": 1}))
		w.stop()
		Expect(counted(w.namespace)).To(BeEmpty())
	})
})
