package stories

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// expiresIn edits when a binding expires. The operator's timers go by the real time.
func (w *world) expiresIn(name string, d time.Duration) {
	GinkgoHelper()
	w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.ExpiresAt = new(metav1.NewTime(w.now().Add(d))) })
}

var _ = Describe("A binding with spec.expiresAt", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	member := func(name string, d time.Duration) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Until(w.now().Add(d))
	}
	over := func(name string) {
		GinkgoHelper()
		w.expect("True/Expired", name)
		Eventually(func() []string { return w.binding(name).Finalizers }).Should(BeEmpty())
		Expect(w.binding(name).Status.Claim.State).To(Equal(v1alpha1.ClaimReleased))
		Expect(w.kstatus(name)).To(Equal(status.CurrentStatus))
		Expect(w.message(name)).To(ContainSubstring("the binding has given up WORKSPACE_MEMBER"))
	}

	It("has its role until then, says that it is over, and has it again with a later time", func() {
		w.bind(member("b", 4*time.Second))
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		over("b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		Expect(w.binding("b").Status.Role).To(BeEmpty())

		w.waitIdle()
		w.unwritten(func() {
			w.sweep()
			w.restart()
			w.sweep()
		})
		w.stays("True/Expired", "b")
		w.expiresIn("b", time.Hour)
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.expiresIn("b", -time.Second)
		over("b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.ExpiresAt = nil })
		w.expect("True/Granted", "b")
		w.expiresIn("b", -time.Second)
		over("b")
		w.unwritten(func() {
			w.delete("b")
			w.expect(gone, "b")
		})
	})

	It("loses its role when the operator is there again, if its time ended while none was", func() {
		w.bind(member("b", time.Hour))
		w.expect("True/Granted", "b")
		w.waitIdle()
		w.stop()
		w.expiresIn("b", -time.Second)
		w.start()
		over("b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("waits for Astro, and says so", func() {
		w.bind(member("b", time.Hour).Retain())
		w.expect("True/Granted", "b")
		repair := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: astrosim.TokensRoles})
		w.expiresIn("b", -time.Second)
		w.expect("False/PermissionDenied", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		repair()
		w.sweep()
		over("b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty(), "what becomes of a deletion is another matter")
	})

	It("leaves the role to another binding that holds it", func() {
		w.bind(member("b", time.Hour), builders.Binding("other").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b", "other")
		w.waitIdle()
		w.unwritten(func() {
			w.expiresIn("b", -time.Second)
			over("b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("is not Ready where that was over when it was made", func() {
		w.bind(member("b", -time.Hour))
		w.expect("False/Expired", "b")
		Expect(w.message("b")).To(ContainSubstring("was over when the binding was made"))
		Expect(w.stalled("b")).To(BeTrue())
		Expect(w.kstatus("b")).To(Equal(status.FailedStatus))
		Expect(w.total().Writes).To(BeZero())
		w.delete("b")
		w.expect(gone, "b")
	})

	It("says what would be done, where its connection observes", func() {
		w.bind(member("b", time.Hour))
		w.expect("True/Granted", "b")
		w.mode(v1alpha1.ModeObserve)
		w.expiresIn("b", -time.Second)
		w.expect("True/WouldChange", "b")
		Expect(w.binding("b").Status.PlannedChange).To(Equal("remove WORKSPACE_MEMBER"))
		w.mode(v1alpha1.ModeEnforce)
		over("b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})
