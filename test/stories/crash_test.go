package stories

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// strikes are how often a fault has hit a call.
func (w *world) strikes(kind astrosim.FaultKind) func() int {
	return func() int { return w.sim.Counts().Faults[kind] }
}

var _ = Describe("An operator that is killed", func() {
	It("between hold and write ends in the declared state when it is back", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensRoles})
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(w.strikes(astrosim.FaultHang)).Should(BeNumerically(">", 0))
		w.crash()
		w.sim.ClearFaults()
		b := w.binding("b")
		Expect(b.Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		Expect(w.journal()).To(ContainSubstring(string(b.UID)), "written down before it was given")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())

		w.start()
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
	})

	It("after the write and before the report neither writes again nor calls it adopted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.line.severAfter(3) // the finalizer, and a new page of the journal with the claim on it
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		w.crash()
		w.start()
		w.expect("True/Granted", "b")
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		Expect(w.sim.Audit()).To(HaveLen(1), "and Astro counts a write when it has happened, not when it is answered")
	})

	It("before it reports on a binding that only names its token works on that once when it is back", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensRoles})
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		Eventually(w.strikes(astrosim.FaultHang)).Should(BeNumerically(">", 0))
		w.crash()
		w.sim.ClearFaults()
		w.sim.DeleteDeployment(w.etl)
		heir := w.sim.AddDeployment(w.data, "etl")

		w.start()
		w.expect("False/TargetReplaced", "b")
		w.stays("False/TargetReplaced", "b")
		Expect(w.on(w.ci, heir)).To(BeEmpty(), "which the journal says nothing of")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.roles(w.ci)).To(HaveLen(1), "nothing is left")
	})

	It("before it reports, with the token's name passing to another while it is down, keeps the binding with the token that has the role", func(ctx context.Context) {
		w := newWorld(ctx)
		w.line.severAfter(3)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		w.crash()
		w.sim.RenameToken(w.ci, "old")
		heir := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.bind(builders.Binding("other").ForTokenID(heir).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))

		w.start()
		w.expect("True/Granted", "b", "other")
		Expect(w.binding("b").Status.Token.ID).To(Equal(w.ci))
		w.waitIdle()
		Expect([]string{w.on(w.ci, w.data), w.on(heir, w.data)}).To(Equal([]string{"WORKSPACE_MEMBER", ""}))
		w.delete("b")
		w.expect(gone, "b")
		Expect([]string{w.on(w.ci, w.data), w.on(heir, w.data)}).To(Equal([]string{"", ""}))
	})

	It("during a revocation revokes when it is back", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensRoles})
		w.delete("b")
		Eventually(w.strikes(astrosim.FaultHang)).Should(BeNumerically(">", 0))
		w.crash()
		w.sim.ClearFaults()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.start()
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("catches up with what was created, edited and deleted while it was down", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("edited").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("deleted").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "edited", "deleted")
		w.stop()
		w.role("edited", "WORKSPACE_OWNER")
		w.delete("deleted")
		w.bind(builders.Binding("created").ForToken("ci").OnDeployment(w.models))
		Expect(w.state("deleted")).NotTo(Equal(gone), "the finalizer waits")
		w.start()
		w.expect(gone, "deleted")
		w.expect("True/RoleUpdated", "edited")
		w.expect("True/Granted", "created")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_OWNER", "", "DEPLOYMENT_ADMIN"}))
	})

	for n := range 5 {
		It(fmt.Sprintf("after %d of its writes to Kubernetes ends in the declared state", n), func(ctx context.Context) {
			w := newWorld(ctx)
			w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER") // adopted, unseen by any listing
			w.bind(builders.Binding("old").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "old")
			w.waitIdle()
			w.line.severAfter(int64(n))
			w.delete("old")
			w.bind(
				builders.Binding("new").ForToken("ci").OnDeployment(w.etl),
				builders.Binding("adopted").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
			)
			Eventually(w.line.cut.Load).Should(BeTrue())
			w.crash()
			w.start()
			w.expect("True/Granted", "new")
			w.expect("True/Adopted", "adopted")
			w.expect(gone, "old")
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.ci, w.etl)}).To(Equal([]string{"", "WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
			s := w.binding("adopted").Status
			Expect([]string{string(s.Origin), s.PreviousRole}).To(Equal([]string{"Adopted", "WORKSPACE_OWNER"}))
			Expect(w.binding("new").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		})
	}
})
