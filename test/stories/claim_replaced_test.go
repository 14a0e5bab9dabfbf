package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding that is replaced as a whole", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
	})
	allowOnly := func(role string) {
		GinkgoHelper()
		rule := builders.AllowAll(w.namespace)
		rule.Roles = []string{role}
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
	}
	suspend := func(suspended bool) {
		GinkgoHelper()
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = suspended })
	}
	revoked := func() {
		GinkgoHelper()
		w.delete("b")
		w.expect(gone, "b")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	}

	It("while it is suspended is still revoked when it is deleted", func() {
		suspend(true)
		w.expect("False/Suspended", "b")
		w.replaceWhole("b")
		w.waitIdle()
		w.sweep()
		Expect(w.binding("b").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		revoked()
	})

	It("by a manifest that suspends it is still revoked when it is deleted", func() {
		w.replaceWhole("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.waitIdle()
		revoked()
	})

	It("while the rules freeze it is still revoked when it is deleted", func() {
		allowOnly("WORKSPACE_OPERATOR")
		w.expect("False/RoleNotAllowed", "b")
		w.replaceWhole("b")
		w.waitIdle()
		w.sweep()
		revoked()
	})

	It("while it is suspended is the operator's own grant when it is resumed, which withdrawn rules revoke", func() {
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		suspend(true)
		w.expect("False/Suspended", "b")
		w.replaceWhole("b")
		w.waitIdle()
		suspend(false)
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.OnWithdrawal = v1alpha1.WithdrawalRevoke })
		allowOnly("WORKSPACE_OPERATOR")
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
	})

	It("while no operator runs keeps its place, its origin and its finalizer", func() {
		w.bind(builders.Binding("a-second").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConflictingBinding", "a-second")
		w.stop()
		w.replaceWhole("b")
		w.unwritten(func() {
			w.start()
			Eventually(func() []string { return w.binding("b").Finalizers }).Should(ContainElement(v1alpha1.FinalizerRevoke))
			w.waitIdle()
			w.expect("True/Granted", "b")
			w.expect("False/ConflictingBinding", "a-second")
		})
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		w.delete("a-second")
		revoked()
	})

	It("during an outage of Astro is still revoked when it is deleted", func() {
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503})
		w.replaceWhole("b")
		w.delete("b")
		w.sim.ClearFaults()
		w.sweepAttempt()
		w.expect(gone, "b")
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
	})

	It("with another role has that role, and is revoked with it", func() {
		w.replaceWhole("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = "WORKSPACE_AUTHOR" })
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_AUTHOR"))
		w.waitIdle()
		Expect(w.state("b")).To(HavePrefix("True/"))
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		revoked()
	})

	It("with mode Observe lets go of its role, and is not revoked when it is deleted", func() {
		w.replaceWhole("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		w.expect("True/InSync", "b")
		w.unwritten(func() {
			w.delete("b")
			w.expect(gone, "b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("by kubectl replace --force is revoked and granted anew, elsewhere if its manifest says so", func() {
		manifest := w.manifest("b", w.data, w.science)
		w.kubectl(manifest, "replace", "--force", "--timeout=20s", "-f", "-")
		w.expect("True/Granted", "b")
		w.waitIdle()
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science)}).To(Equal([]string{"", "WORKSPACE_MEMBER"}))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.science)).To(BeEmpty())
	})
})
