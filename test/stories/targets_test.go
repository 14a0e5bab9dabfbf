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

var _ = Describe("A Deployment that is moved to another Workspace", func() {
	var w *world
	bound := func(ctx context.Context, policy v1alpha1.WithdrawalPolicy, edits ...func(*v1alpha1.AllowRule)) {
		GinkgoHelper()
		w = newWorld(ctx)
		w.bind(
			builders.Binding("named").ForToken("ci").OnDeploymentNamed(w.data, "etl"),
			builders.Binding("by-id").ForToken("ci").OnDeployment(w.reports),
			builders.Binding("settled").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.reports),
		)
		w.expect("True/Granted", "named", "by-id", "settled")
		rule := builders.AllowAll(w.namespace)
		rule.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{w.data}}}
		for _, edit := range edits {
			edit(&rule)
		}
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			c.Spec.OnWithdrawal, c.Spec.Allow = policy, []v1alpha1.AllowRule{rule}
		})
		w.waitIdle()
	}
	everywhere := func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}} }

	It("is not allowed any more within a sweep, and says where it is", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalFreeze)
		w.sim.MoveDeployment(w.etl, w.science)
		w.sim.MoveDeployment(w.reports, w.science)
		w.sweep()
		w.expect("False/TargetNotAllowed", "named", "by-id", "settled")
		Expect(w.binding("named").Status.Target.WorkspaceID).To(Equal(w.science))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"), "Freeze leaves it")

		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		w.role("by-id", "Deploy Only")
		w.expect("False/TargetNotAllowed", "by-id")
		w.stays("False/TargetNotAllowed", "named", "by-id")
		Expect([]string{w.on(w.ci, w.etl), w.on(w.ci, w.reports)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}), "nothing is restored or changed")

		w.sim.MoveDeployment(w.etl, w.data)
		w.sim.MoveDeployment(w.reports, w.data)
		w.sweep()
		Eventually(func() string { return w.state("named") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("loses its role where the connection says onWithdrawal: Revoke", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalRevoke)
		w.sim.MoveDeployment(w.etl, w.science)
		w.sweep()
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
		w.expect("False/TargetNotAllowed", "named")
		w.stays("True/Granted", "by-id", "settled")
	})

	It("is not given a role back in the sweep that finds both changed", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalFreeze)
		w.sim.MoveDeployment(w.etl, w.science)
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		w.expect("False/TargetNotAllowed", "named")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("keeps its binding where the rules allow it there as well", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalRevoke, everywhere)
		w.sim.MoveDeployment(w.etl, w.science)
		w.sim.RenameDeployment(w.etl, "loads")
		w.sweep()
		Eventually(func() string { return w.binding("named").Status.Target.WorkspaceID }).Should(Equal(w.science))
		Expect(w.binding("named").Status.Target.Name).To(Equal("loads"))
		Expect(w.message("named")).To(ContainSubstring(`on Deployment "loads" in Workspace ` + w.science))
		w.stays("True/Granted", "named")
		w.role("named", "Deploy Only")
		w.expect("True/RoleUpdated", "named")
	})

	It("is out of reach of a token of the Workspace that it has left", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalFreeze, everywhere)
		w.sim.MoveDeployment(w.reports, w.science)
		w.sweep()
		w.expect("False/TokenScopeMismatch", "settled")
		w.stays("True/Granted", "by-id")
	})

	It("is seen moved after a restart, before anything is restored", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalFreeze)
		w.stop()
		w.sim.MoveDeployment(w.etl, w.science)
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.start()
		w.expect("False/TargetNotAllowed", "named")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("is no way for a new binding around the rules, however lately it was seen where they allow it", func(ctx context.Context) {
		bound(ctx, v1alpha1.WithdrawalFreeze)
		w.sim.MoveDeployment(w.etl, w.science)
		w.advance(15 * time.Second)
		w.bind(builders.Binding("new").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.etl))
		w.expect("False/TargetNotAllowed", "new")
		Expect(w.on(w.wsCI, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("A target that is gone", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		Expect(w.sim.SetBehaviour("deployment-deletion", astrosim.Keep)).To(Succeed())
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl"), builders.Binding("by-id").ForToken("ci").OnDeployment(w.reports))
		w.expect("True/Granted", "b", "by-id")
	})

	It("is told within a sweep, although the token still has its entry", func() {
		w.sim.DeleteDeployment(w.etl)
		w.sim.DeleteDeployment(w.reports)
		w.sweep()
		w.expect("False/TargetNotFound", "b", "by-id")
		Expect(w.on(w.ci, w.etl)).NotTo(BeEmpty())
		w.delete("b", "by-id")
		w.expect(gone, "b", "by-id")
	})

	It("is not followed by another of its name, until the user confirms that one", func() {
		old := w.etl
		w.sim.DeleteDeployment(old)
		again := w.sim.AddDeployment(w.data, "etl")
		w.sweep()
		w.expect("False/TargetReplaced", "b")
		Expect(w.message("b")).To(And(ContainSubstring(old), ContainSubstring(again), ContainSubstring(v1alpha1.AnnotationConfirmTarget)))
		Expect(w.stalled("b")).To(BeTrue())
		Expect(w.on(w.ci, again)).To(BeEmpty())

		w.annotate("b", v1alpha1.AnnotationConfirmTarget, w.models)
		w.stays("False/TargetReplaced", "b")
		w.annotate("b", v1alpha1.AnnotationConfirmTarget, again)
		w.expect("True/Granted", "b")
		Expect(w.binding("b").Status.Target.ID).To(Equal(again))
		Expect([]string{w.on(w.ci, old), w.on(w.ci, again)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, again)).To(BeEmpty())
	})

	It("is not followed by any of several of its name, which are told", func() {
		lab := w.sim.AddWorkspace(w.org, "lab")
		w.sweep()
		w.bind(builders.Binding("lab").ForToken("ci").OnWorkspaceNamed("lab").WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "lab")
		w.sim.DeleteWorkspace(lab)
		one, two := w.sim.AddWorkspace(w.org, "lab"), w.sim.AddWorkspace(w.org, "lab")
		w.sweep()
		w.expect("False/TargetReplaced", "lab")
		Expect(w.message("lab")).To(And(ContainSubstring(one), ContainSubstring(two), ContainSubstring("spec.target.id")))
		w.annotate("lab", v1alpha1.AnnotationConfirmTarget, one)
		w.stays("False/TargetReplaced", "lab")
	})

	It("is followed by another of its name for a binding that only observes, once that is confirmed", func() {
		w.bind(builders.Binding("o").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl").Observe())
		w.expect("True/WouldChange", "o")
		w.sim.DeleteDeployment(w.etl)
		again := w.sim.AddDeployment(w.data, "etl")
		w.sweep()
		w.expect("False/TargetReplaced", "o")
		w.annotate("o", v1alpha1.AnnotationConfirmTarget, again)
		w.expect("True/WouldChange", "o")
		Expect(w.binding("o").Status.Target.ID).To(Equal(again))
	})

	It("is told as not found, where the rules do not allow the other of its name", func() {
		rule := builders.AllowAll(w.namespace)
		rule.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{w.etl, w.reports}}}
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
		w.sim.DeleteDeployment(w.etl)
		again := w.sim.AddDeployment(w.data, "etl")
		w.sweep()
		w.expect("False/TargetNotFound", "b")
		Expect(w.message("b")).NotTo(ContainSubstring(again))
		w.annotate("b", v1alpha1.AnnotationConfirmTarget, again)
		w.stays("False/TargetNotFound", "b")
	})
})
