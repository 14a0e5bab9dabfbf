package stories

import (
	"context"
	"errors"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// errFull is what a disk without space says.
var errFull = errors.New("no space left on device")

// auditFailures is what the metric says of lines that could not be written, by any operator of this process.
func auditFailures() float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() == "scopedtoken_audit_failures_total" {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

var _ = Describe("The audit log", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	grant := func() {
		GinkgoHelper()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
	}

	It("tells of each change once: why, from what to what, and for which binding", func() {
		grant()
		w.role("b", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "b")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		w.expect("True/DriftCorrected", "b")
		uid := string(w.binding("b").UID)
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.audit.outcomes(w.ci, w.data)).To(Equal([]string{
			"granted: none to WORKSPACE_MEMBER, confirmed", "roleEdited: WORKSPACE_MEMBER to WORKSPACE_AUTHOR, confirmed",
			"drift: WORKSPACE_OWNER to WORKSPACE_AUTHOR, confirmed", "deleted: WORKSPACE_AUTHOR to none, confirmed",
		}))
		drift := w.audit.entries()[2]
		Expect(drift.UpdatedBy).To(Equal("Ada Admin"), "who had changed it")
		Expect(drift.Connection).To(Equal(audit.Connection{Kind: "AstroConnection", Namespace: w.namespace, Name: "acme"}))
		Expect(drift.Organization).To(Equal(audit.Named{ID: w.org, Name: "Acme"}))
		Expect(drift.Token).To(Equal(audit.Named{ID: w.ci, Name: "ci"}))
		Expect(drift.Target).To(Equal(audit.Target{Kind: "Workspace", ID: w.data, Name: "data"}))
		Expect(drift.Bindings).To(Equal([]audit.Binding{{Namespace: w.namespace, Name: "b", UID: uid}}))
	})

	It("tells of roles that are taken over, and of those that stay", func() {
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		w.bind(
			builders.Binding("found").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("kept").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Retain(),
			builders.Binding("looks").ForToken("ci").OnDeployment(w.etl),
			builders.Binding("also").ForToken("ci").OnDeployment(w.models),
			builders.Binding("again").ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Adopted", "found")
		w.expect("True/Granted", "kept", "looks")
		Eventually(func() []string { return []string{w.state("also"), w.state("again")} }).Should(HaveEach(HavePrefix("True/")))
		w.edit("looks", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		w.delete("kept", "also")
		w.expect(gone, "kept", "also")
		tells := func(target string, outcomes ...string) {
			GinkgoHelper()
			Eventually(func() []string { return w.audit.outcomes(w.ci, target) }).Should(Equal(outcomes)) // a line may come after the finalizer went
		}
		tells(w.etl, "granted: none to DEPLOYMENT_ADMIN, confirmed", "observe: DEPLOYMENT_ADMIN to DEPLOYMENT_ADMIN, released")
		tells(w.science, "adopted: WORKSPACE_MEMBER to WORKSPACE_MEMBER, retained")
		tells(w.data, "granted: none to WORKSPACE_MEMBER, confirmed", "retain: WORKSPACE_MEMBER to WORKSPACE_MEMBER, released")
		tells(w.models, "granted: none to DEPLOYMENT_ADMIN, confirmed", "deleted: DEPLOYMENT_ADMIN to DEPLOYMENT_ADMIN, retained")
	})

	It("tells of a write whose answer is lost, and under the same id what became of it", func() {
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: astrosim.TokensRoles, Times: 1})
		grant()
		Expect(w.audit.outcomes(w.ci, w.data)).To(Equal([]string{"granted: none to WORKSPACE_MEMBER, unknown", "granted: none to WORKSPACE_MEMBER, confirmed"}))
		entries := w.audit.entries()
		Expect(entries[0].ID).To(Equal(entries[1].ID))
	})

	It("tells what Astro refuses, with Astro's name for the request", func() {
		w.bind(
			builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"),
			builders.Binding("good").ForToken("ci").OnDeployment(w.models),
		)
		w.expect("False/RoleNotFound", "bad")
		w.expect("True/Granted", "good")
		Expect(w.audit.outcomes(w.ci, w.etl)).To(HaveEach("granted: none to No Such Role, refused"))
		Expect(w.audit.outcomes(w.ci, w.models)).To(Equal([]string{"granted: none to DEPLOYMENT_ADMIN, confirmed"}))
		for _, e := range w.audit.entries() {
			if e.Outcome == audit.Refused {
				Expect(w.message("bad")).To(ContainSubstring(e.RequestID))
			}
		}
	})

	It("holds nobody up when it cannot be written, and that is counted", func() {
		before := auditFailures()
		w.audit.breaks(errFull)
		grant()
		Expect(auditFailures()).To(BeNumerically(">", before))
		w.audit.breaks(nil)
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.audit.outcomes(w.ci, w.data)).To(Equal([]string{"deleted: WORKSPACE_MEMBER to none, confirmed"}))
	})
})
