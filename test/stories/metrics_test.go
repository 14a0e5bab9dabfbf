package stories

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// measured is what a metric says of a namespace, without what is zero: by the values of its other labels, in the order of their
// names, but for the kind and name of the connection, which is always acme. Of a histogram it is how much was observed.
func measured(metric, namespace string) map[string]float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	all := map[string]float64{}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["namespace"] != namespace {
				continue
			}
			for _, known := range []string{"namespace", "kind", "name"} {
				delete(labels, known)
			}
			var values []string
			for _, name := range slices.Sorted(maps.Keys(labels)) {
				values = append(values, labels[name])
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if v != 0 {
				all[strings.Join(values, "/")] = v
			}
		}
	}
	return all
}

// counted is what the metrics say of the bindings of a namespace, by status and reason.
func counted(namespace string) map[string]float64 {
	GinkgoHelper()
	return measured("scopedtoken_bindings", namespace)
}

// one is a metric that has no labels beside those of the connection.
func one(n float64) map[string]float64 { return map[string]float64{"": n} }

var _ = Describe("The metrics", func() {
	const (
		bindings, conditions = "scopedtoken_bindings", "scopedtoken_connection_bindings"
		changes, requests    = "scopedtoken_role_changes_total", "scopedtoken_astro_requests_total"
		orphans, revoking    = "scopedtoken_connection_orphans", "scopedtoken_connection_pending_revocations"
		tokens, undeclared   = "scopedtoken_connection_tokens", "scopedtoken_connection_undeclared_grants"
		found, corrected     = "scopedtoken_drift_found_total", "scopedtoken_drift_corrected_total"
		durations            = "scopedtoken_astro_request_duration_seconds"
		lately               = "scopedtoken_connection_last_sweep_timestamp_seconds"
	)
	var w *world
	member := func(name, target string) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(target).WithRole("WORKSPACE_MEMBER")
	}
	says := func(metric string, want map[string]float64) {
		GinkgoHelper()
		Eventually(measured).WithArguments(metric, w.namespace).Should(Equal(want), metric)
	}

	It("count bindings by what they say, and forget those that are gone and an operator that has ended", func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(member("a", w.data), member("b", w.science), member("lost", nobody))
		says(bindings, map[string]float64{"True/Granted": 2, "False/TargetNotFound": 1})
		says(conditions, map[string]float64{ // condition, reason, status
			"Ready/Granted/True": 2, "Ready/TargetNotFound/False": 1, "Accepted/Accepted/True": 3,
			"Resolved/Resolved/True": 2, "Resolved/TargetNotFound/False": 1, "Synced/Granted/True": 2, "Synced/Pending/Unknown": 1,
		})
		w.delete("a", "lost")
		says(bindings, map[string]float64{"True/Granted": 1})
		w.stop()
		Expect(measured(bindings, w.namespace)).To(BeEmpty())
		Expect(measured(conditions, w.namespace)).To(BeEmpty())
	})

	It("count what was given, changed, taken away and put right", func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(member("a", w.data), member("b", w.science))
		w.expect("True/Granted", "a", "b")
		says(changes, map[string]float64{"granted": 2})
		w.edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = "WORKSPACE_OWNER" })
		w.expect("True/RoleUpdated", "a")
		says(changes, map[string]float64{"granted": 2, "changed": 1})
		Expect(measured(found, w.namespace)).To(BeEmpty(), "an edit is no drift")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		w.expect("True/DriftCorrected", "a")
		says(found, one(1))
		says(corrected, one(1))
		w.delete("b")
		w.expect(gone, "b")
		says(changes, map[string]float64{"granted": 3, "changed": 1, "revoked": 1})
		w.sweep()
		Expect(measured(found, w.namespace)).To(Equal(one(1)))
	})

	It("count the tokens that a connection lists, and the roles that nobody has declared", func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.AddOrganizationToken(w.org, "soon", "ORGANIZATION_MEMBER", astrosim.Expires(time.Now().Add(2*24*time.Hour)))
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.sweep()
		says(undeclared, one(1))
		w.bind(member("a", w.data))
		w.expect("True/Granted", "a")
		says(tokens, map[string]float64{"false/7d": 1, "false/never": 2, "true/never": 1}) // bound, expires
		Expect(measured(undeclared, w.namespace)).To(Equal(one(1)), "what a binding has claimed is declared")
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.models).WithRole("Deploy Only"))
		says(undeclared, map[string]float64{})
	})

	It("count roles that are still to be revoked, whether their binding is there or not", func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(member("a", w.data), member("b", w.science))
		w.expect("True/Granted", "a", "b")
		w.waitIdle()
		over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: "tokens.*"})
		w.delete("a")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		w.delete("b")
		says(revoking, one(1))
		says(orphans, one(1))
		over()
		w.expect(gone, "a")
		says(revoking, map[string]float64{})
		says(orphans, map[string]float64{})
	})

	It("go with their connection", func(ctx context.Context) {
		w = newWorld(ctx)
		Expect(measured(requests, w.namespace)).To(HaveKeyWithValue("200/tokens/GET/ok", BeNumerically(">=", 1)))
		Expect(measured(durations, w.namespace)).To(HaveKeyWithValue("tokens/GET", BeNumerically(">=", 1)))
		Expect(measured(lately, w.namespace)).To(HaveLen(1))
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(func() []string {
			families, err := metrics.Registry.Gather()
			Expect(err).NotTo(HaveOccurred())
			var left []string
			for _, family := range families {
				if strings.HasPrefix(family.GetName(), "scopedtoken_") && len(measured(family.GetName(), w.namespace)) > 0 {
					left = append(left, fmt.Sprint(family.GetName()))
				}
			}
			return left
		}).Should(BeEmpty())
	})
})
