package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Mode Observe", func() {
	It("says exactly what would change, and writes nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		plan := func() string { return w.binding("b").Status.PlannedChange }
		spent := w.costOf(func() {
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OPERATOR").Observe())
			w.expect("True/WouldChange", "b")
		})
		Expect(plan()).To(Equal("add WORKSPACE_OPERATOR"))
		Expect([]int{spent.Writes, spent.Kubernetes}).To(Equal([]int{0, 1}), "a status, and no finalizer")
		Expect(w.binding("b").Finalizers).To(BeEmpty())
		Expect(w.kstatus("b")).To(Equal(status.CurrentStatus))

		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.sweep()
		Eventually(plan).Should(Equal("change WORKSPACE_MEMBER to WORKSPACE_OPERATOR"))
		Expect(w.binding("b").Status.Role).To(Equal("WORKSPACE_MEMBER"))

		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.sweep()
		w.expect("True/InSync", "b")
		Expect(plan()).To(BeEmpty())
		Expect(w.total().Writes).To(BeZero())
	})

	It("grants once it is Enforce, and lets go without revoking once it is Observe again", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Observe())
		w.expect("True/WouldChange", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeEnforce })
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		w.expect("True/InSync", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("A suspended binding", func() {
	It("is neither written nor removed until it is resumed", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend, b.Spec.Role = true, "WORKSPACE_OWNER" })
		w.expect("False/Suspended", "b")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	holding := func(ctx context.Context, name string) *world {
		GinkgoHelper()
		w := newWorld(ctx)
		w.bind(builders.Binding(name).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", name)
		w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", name)
		return w
	}

	It("says that it holds nothing any more once it only observes", func(ctx context.Context) {
		w := holding(ctx, "b")
		Expect(w.message("b")).To(ContainSubstring("neither written nor removed"))
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		Eventually(func() string { return w.message("b") }).Should(ContainSubstring("holds no claim, so that its deletion takes no role away"))
		Eventually(w.events(w.binding("b"), "Released")).Should(ConsistOf(HavePrefix("Normal only observes, and gave its claim up")))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("keeps another binding from changing or removing its role", func(ctx context.Context) {
		w := holding(ctx, "held")
		w.bind(
			builders.Binding("same").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("other").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
		)
		Eventually(func() string { return w.state("same") }).Should(HavePrefix("True/"))
		w.expect("False/ConflictingBinding", "other")
		w.delete("same")
		w.expect(gone, "same")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("has its finalizer put back, so that it is revoked when it is deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		Eventually(func() []string { return w.binding("b").Finalizers }).ShouldNot(BeEmpty())
		w.stays("False/Suspended", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("is still revoked when it is deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

var _ = Describe("A role that the token holds already", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.sweep()
	})
	bind := func(policy v1alpha1.AdoptPolicy, role string) {
		GinkgoHelper()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole(role).Adopt(policy))
	}

	It("is taken over with adopt: Always, and its origin kept", func() {
		bind(v1alpha1.AdoptAlways, "WORKSPACE_OWNER")
		w.expect("True/Adopted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
		s := w.binding("b").Status
		Expect([]string{string(s.Origin), s.PreviousRole}).To(Equal([]string{"Adopted", "WORKSPACE_MEMBER"}))
	})

	It("is taken over with adopt: IfSameRole if it is the same, without a write", func() {
		spent := w.costOf(func() {
			bind(v1alpha1.AdoptIfSameRole, "WORKSPACE_MEMBER")
			w.expect("True/Adopted", "b")
		})
		Expect(spent.Writes).To(BeZero())
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty(), "what was adopted is revoked like any other")
	})

	for _, tc := range []struct {
		policy v1alpha1.AdoptPolicy
		role   string
	}{{v1alpha1.AdoptIfSameRole, "WORKSPACE_OWNER"}, {v1alpha1.AdoptNever, "WORKSPACE_MEMBER"}, {v1alpha1.AdoptNever, "WORKSPACE_OWNER"}} {
		It("is left alone with adopt: "+string(tc.policy)+" and "+tc.role, func() {
			bind(tc.policy, tc.role)
			w.expect("False/ExistingRole", "b")
			Expect(w.message("b")).To(ContainSubstring("WORKSPACE_MEMBER"))
			Expect(w.binding("b").Finalizers).To(BeEmpty())
			w.delete("b")
			w.expect(gone, "b")
			Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		})
	}

	It("is left alone with adopt: Never although a read of the token lacked the roles", func() {
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER") // since the listing
		restore := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensGet})
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Adopt(v1alpha1.AdoptNever))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("Unknown/"))
		Expect(w.binding("b").Finalizers).To(BeEmpty(), "no claim is taken on a guess")
		restore()
		w.expect("False/ExistingRole", "b")
		Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_OWNER"))
	})

	It("is granted with adopt: Never once somebody has removed it", func() {
		bind(v1alpha1.AdoptNever, "WORKSPACE_OWNER")
		w.expect("False/ExistingRole", "b")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		w.expect("True/Granted", "b")
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
	})
})

var _ = Describe("The annotation requestedAt", func() {
	It("has a target looked for that was not there before", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "soon").WithRole("DEPLOYMENT_ADMIN"))
		w.expect("False/TargetNotFound", "b")
		w.waitIdle()
		w.sim.AddDeployment(w.data, "soon")
		w.look("b")
		w.expect("True/Granted", "b")
	})

	It("makes the operator look, and is echoed", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		spent := w.costOf(func() { w.look("b") })
		Expect([]int{spent.Gets, spent.Writes, spent.Kubernetes}).To(Equal([]int{1, 0, 1}))
		w.stays("True/Granted", "b")
	})

	It("has the role shown that a suspended binding's token holds by now", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.waitIdle()
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		spent := w.costOf(func() { w.look("b") })
		Expect([]int{spent.Gets, spent.Writes}).To(Equal([]int{1, 0}))
		Expect(w.binding("b").Status.Role).To(BeEmpty())
	})

	It("has a token given its role that was renamed to what the rules allow", func(ctx context.Context) {
		w := newWorld(ctx)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			rule := builders.AllowAll(w.namespace)
			rule.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"team-"}}}
			c.Spec.Allow = []v1alpha1.AllowRule{rule}
		})
		w.waitIdle()
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("False/TokenNotAllowed", "b")
		w.waitIdle()
		w.sim.RenameToken(w.ci, "team-ci")
		w.look("b")
		Expect(w.state("b")).To(Equal("True/Granted"))
	})
})
