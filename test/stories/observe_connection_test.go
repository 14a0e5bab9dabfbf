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

// mode sets the mode of the connection "acme", and waits until the operator has seen it.
func (w *world) mode(mode v1alpha1.Mode) {
	GinkgoHelper()
	w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Mode = mode })
	Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(w.acme(w.namespace).Generation))
	w.waitIdle()
}

var _ = Describe("A connection in mode Observe", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	member := func(name, target string) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(target).WithRole("WORKSPACE_MEMBER")
	}

	It("says of a target that was made again, and that is confirmed, that nothing is done until it is Enforce", func() {
		Expect(w.sim.SetBehaviour("deployment-deletion", astrosim.Keep)).To(Succeed())
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "b")
		w.mode(v1alpha1.ModeObserve)
		w.sim.DeleteDeployment(w.etl)
		again := w.sim.AddDeployment(w.data, "etl")
		w.sweep()
		w.expect("False/TargetReplaced", "b")
		w.told("b", "set the annotation")
		w.annotate("b", v1alpha1.AnnotationConfirmTarget, again)
		Eventually(func() string { return w.message("b") }).Should(
			ContainSubstring("which the annotation " + v1alpha1.AnnotationConfirmTarget + " confirms; AstroConnection " + w.namespace + "/acme is in mode Observe"))
		Expect(w.binding("b").Status.PlannedChange).To(Equal("remove DEPLOYMENT_ADMIN"))
		w.mode(v1alpha1.ModeEnforce)
		w.expect("True/Granted", "b")
		Expect([]string{w.on(w.ci, w.etl), w.on(w.ci, again)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}))
	})

	It("lets a token that was made again be confirmed, since nothing is written for that", func() {
		w.bind(member("b", w.data))
		w.expect("True/Granted", "b")
		w.mode(v1alpha1.ModeObserve)
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sweep()
		w.sweep()
		w.expect("False/TokenReplaced", "b")
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("True/WouldChange", "b")
		Expect(w.binding("b").Status.Token.ID).To(Equal(again))
	})

	It("says on its first day what its bindings would do, and does it once it is Enforce", func() {
		w.mode(v1alpha1.ModeObserve)
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
		Expect(w.acmeSays(w.namespace)).To(ContainSubstring("spec.mode is Observe, so nothing is written to Astro through it"))
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		w.sweep()
		w.bind(member("new", w.data), member("same", w.science), builders.Binding("other").ForToken("ci").OnDeployment(w.etl),
			builders.Binding("never").ForToken("ci").OnDeployment(w.etl).WithRole("DEPLOYMENT_ADMIN").Adopt(v1alpha1.AdoptNever))
		w.expect("True/WouldChange", "new", "other")
		w.expect("True/InSync", "same")
		w.expect("False/ExistingRole", "never")
		Expect(w.binding("new").Status.PlannedChange).To(Equal("add WORKSPACE_MEMBER"))
		Expect(w.binding("other").Status.PlannedChange).To(Equal("change Deploy Only to DEPLOYMENT_ADMIN"))
		Expect(w.message("new")).To(ContainSubstring("AstroConnection " + w.namespace + "/acme is in mode Observe; mode Enforce would add WORKSPACE_MEMBER"))
		for _, name := range []string{"new", "same", "other"} {
			Expect(w.binding(name).Finalizers).To(BeEmpty())
			Expect(w.binding(name).Status.Claim).To(BeNil())
			Expect(w.kstatus(name)).To(Equal(status.CurrentStatus))
		}
		w.delete("never")
		w.expect(gone, "never")
		Expect(w.total().Writes).To(BeZero())

		w.mode(v1alpha1.ModeEnforce)
		w.expect("True/Granted", "new")
		w.expect("True/Adopted", "same", "other")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_MEMBER", "WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
		Expect(w.acmeSays(w.namespace)).NotTo(ContainSubstring("Observe"))
	})

	It("stops every write in a disaster, forgets nothing, and goes on where it stopped", func() {
		w.bind(member("kept", w.data), member("doomed", w.science), builders.Binding("stripped").ForToken("ci").OnDeployment(w.etl),
			builders.Binding("edited").ForToken("ci").OnDeployment(w.models).WithRole("DEPLOYMENT_ADMIN"))
		w.expect("True/Granted", "kept", "doomed", "stripped", "edited")
		w.waitIdle()
		spent := w.costOf(func() { w.mode(v1alpha1.ModeObserve) })
		Expect([]int{spent.Writes, spent.Kubernetes}).To(Equal([]int{0, 1}), "the switch costs one status, the connection's")
		claims := w.binding("kept").Status.Claim.DeepCopy()

		before := w.everyRole()
		w.unwritten(func() {
			w.delete("doomed")
			w.stuck("False/WouldChange", "doomed", "is in mode Observe, through which nothing is revoked; mode Enforce would remove WORKSPACE_MEMBER")
			Expect(w.binding("doomed").Status.PlannedChange).To(Equal("remove WORKSPACE_MEMBER"))
			Expect(w.kstatus("doomed")).To(Equal(status.TerminatingStatus))
			w.delete("stripped")
			w.stuck("False/WouldChange", "stripped")
			w.edit("stripped", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
			w.expect(gone, "stripped")
			w.role("edited", "Deploy Only")
			w.expect("True/WouldChange", "edited")
			Expect(w.binding("edited").Status.PlannedChange).To(Equal("change DEPLOYMENT_ADMIN to Deploy Only"))
			w.sweep()
			Expect(w.acmeSays(w.namespace)).To(ContainSubstring("1 binding(s) that are to lose their role wait: " + w.namespace + "/doomed"))
			w.restart()
			w.sweep()
		})
		Expect(w.everyRole()).To(Equal(before))
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		w.expect("True/WouldChange", "kept")
		Expect(w.binding("kept").Status.PlannedChange).To(Equal("add WORKSPACE_MEMBER"))
		Expect(w.binding("kept").Status.Claim).To(Equal(claims), "what it holds it keeps")

		w.mode(v1alpha1.ModeEnforce)
		w.expect(gone, "doomed")
		w.expect("True/DriftCorrected", "kept")
		w.expect("True/RoleUpdated", "edited")
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty(), "of the one that was stripped")
		Expect(w.on(w.ci, w.science)).To(BeEmpty())
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "Deploy Only"}))
	})

	It("lets go of what is deleted once its role is gone, or by annotation", func() {
		w.bind(member("gone", w.data), member("released", w.science))
		w.expect("True/Granted", "gone", "released")
		w.mode(v1alpha1.ModeObserve)
		writes := w.total().Writes
		w.delete("gone", "released")
		w.stuck("False/WouldChange", "gone")
		w.stuck("False/WouldChange", "released")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		w.expect(gone, "gone")
		w.release("released")
		w.expect(gone, "released")
		Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.total().Writes).To(Equal(writes))
	})

	It("says what keeps it, where it is deleted as well", func() {
		w.bind(member("b", w.data))
		w.expect("True/Granted", "b")
		w.mode(v1alpha1.ModeObserve)
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.delete("b")
		w.stuck("False/WouldChange", "b")
		Eventually(func() string { return w.acmeSays(w.namespace) }).Should(ContainSubstring("spec.mode is Observe, under which no role is revoked"))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Mode = v1alpha1.ModeEnforce })
		w.expect(gone, "b")
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})

	It("does not keep bindings of other connections from the same token", func() {
		w.connect(w.other)
		w.mode(v1alpha1.ModeObserve)
		w.bind(member("looks", w.data))
		w.expect("True/WouldChange", "looks")
		w.bind(builders.Binding("b").In(w.other).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Granted", w.other+"/b")
		w.expect("False/ConflictingBinding", "looks")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})
})

var _ = Describe("The deletionPolicy of a connection", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(
			builders.Binding("inherits").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("revokes").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Revoke(),
		)
		w.expect("True/Granted", "inherits", "revokes")
		Expect(w.binding("inherits").Spec.DeletionPolicy).To(BeEmpty())
		Expect(w.binding("inherits").Status.DeletionPolicy).To(Equal(v1alpha1.DeletionRevoke))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		Eventually(func() v1alpha1.DeletionPolicy { return w.binding("inherits").Status.DeletionPolicy }).Should(Equal(v1alpha1.DeletionRetain))
		w.waitIdle()
	})
	stays := func() {
		GinkgoHelper()
		w.expect(gone, "inherits")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	}

	It("is that of the bindings that name none", func() {
		w.delete("inherits", "revokes")
		w.expect(gone, "revokes")
		stays()
		Expect(w.on(w.ci, w.science)).To(BeEmpty())
	})

	It("is kept for those that vanish", func() {
		w.edit("inherits", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		w.delete("inherits")
		stays()
	})

	It("is kept where the connection vanishes, and is made again without it", func() {
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Finalizers = nil })
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
		w.unwritten(func() {
			w.delete("inherits")
			stays()
		})
		w.delete("revokes")
		w.stuck("False/ConnectionNotFound", "revokes")
		w.apply(w.connection(builders.ConnectionName).In(w.namespace).Object())
		w.expect(gone, "revokes")
		Expect(w.on(w.ci, w.science)).To(BeEmpty())
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
