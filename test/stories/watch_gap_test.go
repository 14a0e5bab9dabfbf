package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding that is made again under its name while no watch runs", func() {
	var w *world
	var g *watchGate
	BeforeEach(func(ctx context.Context) { w, g = gated(ctx) })
	member := func() *builders.BindingBuilder {
		return builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}
	granted := func() {
		GinkgoHelper()
		w.bind(member())
		w.expect("True/Granted", "b")
		w.waitIdle()
	}
	// again replaces b by another object of its name, which nobody saw go.
	again := func(b *builders.BindingBuilder) {
		GinkgoHelper()
		g.gap(w, func() {
			w.vanish("b")
			w.bind(b)
		})
	}
	roles := func() []string { return []string{w.on(w.ci, w.data), w.on(w.ci, w.science)} }

	It("is told of on the connection, where nobody made it again", func() {
		granted()
		g.gap(w, func() { w.vanish("b") })
		w.sweep()
		Eventually(func() string { return w.acmeSays(w.namespace) }).Should(ContainSubstring("1 binding(s) with a claim were deleted"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"), "nobody knows what its user wanted in the end")
	})

	It("is looked at at once, where the one before only observed", func() {
		w.bind(member().Observe())
		w.expect("True/WouldChange", "b")
		w.waitIdle()
		again(member())
		w.expect("True/Granted", "b")
		Expect(roles()).To(Equal([]string{"WORKSPACE_MEMBER", ""}))
	})

	It("leaves no role of the one before behind, where it is for another target", func() {
		granted()
		again(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Eventually(roles).Should(Equal([]string{"", "WORKSPACE_MEMBER"}))
		w.delete("b")
		w.expect(gone, "b")
		Expect(roles()).To(Equal([]string{"", ""}))
	})

	It("leaves no role of the one before behind, where it is for another token", func() {
		two := w.sim.AddOrganizationToken(w.org, "ci-two", "ORGANIZATION_MEMBER")
		granted()
		w.sweep()
		again(builders.Binding("b").ForTokenID(two).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Expect(w.on(two, w.data)).To(Equal("WORKSPACE_MEMBER"))
		Eventually(roles).Should(Equal([]string{"", ""}))
	})

	It("leaves no role of the one before behind, where it only observes another target", func() {
		granted()
		again(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Observe())
		w.expect("True/WouldChange", "b")
		Eventually(roles).Should(Equal([]string{"", ""}))
	})

	It("leaves no role of the one before behind, where no watch showed what the operator wrote of that", func() {
		granted()
		g.deaf(w, func() {
			w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_AUTHOR")
			w.advance(6 * time.Minute)
			w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.SweepInterval.Duration = 4 * time.Minute })
			w.expect("True/DriftCorrected", "b")
			w.vanish("b")
			w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		})
		w.expect("True/Granted", "b")
		Eventually(roles).Should(Equal([]string{"", "WORKSPACE_MEMBER"}))
	})

	It("leaves no role of the one before behind, where Astro is out of reach for a while", func() {
		granted()
		over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: "tokens.*"})
		again(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		over()
		w.sweepAttempt()
		w.expect("True/Granted", "b")
		Eventually(roles).Should(Equal([]string{"", "WORKSPACE_MEMBER"}))
	})

	It("has the role and the origin of the one before, where it declares the same", func() {
		granted()
		w.unwritten(func() {
			again(member())
			Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		})
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated), "it is nobody else's role")
		w.delete("b")
		w.expect(gone, "b")
		Expect(roles()).To(Equal([]string{"", ""}))
	})

	It("has its own role, where it declares another for the same place", func() {
		granted()
		again(member().WithRole("WORKSPACE_AUTHOR"))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(roles()).To(Equal([]string{"WORKSPACE_AUTHOR", ""}))
	})

	It("is given what it declares, where that is suspended at first and was Retain before", func() {
		w.bind(member().Retain())
		w.expect("True/Granted", "b")
		w.waitIdle()
		again(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Suspended())
		w.expect("False/Suspended", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		w.expect("True/Granted", "b")
		Expect(roles()).To(Equal([]string{"WORKSPACE_MEMBER", "WORKSPACE_MEMBER"}), "the one before was to leave its role")
	})
})

var _ = Describe("What happens while no watch runs", func() {
	It("is taken in when it is over: edits, deletions and new bindings", func(ctx context.Context) {
		w, g := gated(ctx)
		w.bind(
			builders.Binding("edited").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("deleted").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "edited", "deleted")
		w.waitIdle()
		g.gap(w, func() {
			w.role("edited", "WORKSPACE_AUTHOR")
			w.delete("deleted")
			w.bind(builders.Binding("new").ForTokenID(w.ci).OnDeployment(w.etl))
		})
		w.expect("True/RoleUpdated", "edited")
		w.expect(gone, "deleted")
		w.expect("True/Granted", "new")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_AUTHOR", "", "DEPLOYMENT_ADMIN"}))
	})
})
