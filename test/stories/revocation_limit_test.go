package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// paused is what the connection "acme" says of revocations that have to wait, "" if none has.
func (w *world) paused() string {
	GinkgoHelper()
	if c := meta.FindStatusCondition(w.acme(w.namespace).Status.Conditions, v1alpha1.ConditionRevocationsPaused); c != nil {
		return c.Reason + ": " + c.Message
	}
	return ""
}

// lift lets the limit not count for a while of the operator's time.
func (w *world) lift(d time.Duration) {
	GinkgoHelper()
	w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
		metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationLiftRevocationLimit, w.now().Add(d).Format(time.RFC3339))
	})
}

// left counts the roles that tokens hold beside their own.
func (w *world) left(tokens []string) (n int) {
	for _, token := range tokens {
		n += len(w.roles(token)) - 1
	}
	return n
}

var _ = Describe("Fifty bindings that are pruned through a connection that may revoke five roles a sweep", func() {
	const all, limit = 50, 5
	var (
		w      *world
		tokens []string
		names  []string
	)
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		tokens, names = w.manyTokens(50, 1)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.MaxRevocationsPerSweep = limit })
		Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(w.acme(w.namespace).Generation))
		w.each(all, func(i int) { w.delete(names[i]) })
		Eventually(w.paused).Should(ContainSubstring("more than 5 role(s) were to be revoked"))
		w.waitIdle()
	})
	waiting := func() (waiting []string) {
		GinkgoHelper()
		for _, name := range names {
			if w.state(name) != gone {
				waiting = append(waiting, name)
			}
		}
		return waiting
	}

	It("lose five roles and no more, say why, and go on when the limit is lifted", func() {
		check := func(says string) {
			GinkgoHelper()
			Expect(w.left(tokens)).To(Equal(all - limit))
			Expect(waiting()).To(HaveLen(all - limit))
			Expect(w.paused()).To(And(HavePrefix("RevocationLimited: "), ContainSubstring(v1alpha1.AnnotationLiftRevocationLimit), ContainSubstring(says)))
			Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
		}
		check(" wait: ") // it counts at each sweep
		for _, name := range waiting() {
			w.stuck("False/RevocationLimited", name, "5 role(s)", "RevocationsPaused")
		}
		w.sweep() // the next sweep revokes no other five
		w.sweep()
		check("; 45 wait: ")
		w.bind(builders.Binding("new").ForTokenID(tokens[0]).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "new") // all else goes on
		w.role("new", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "new")
		w.bind(builders.Binding("same").ForTokenID(tokens[0]).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Granted", "same")
		w.delete("same")
		w.expect(gone, "same") // it revokes nothing
		w.edit("new", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.delete("new")
		w.expect(gone, "new")
		tokens = tokens[1:] // that one holds a role more now
		Expect(w.left(tokens)).To(BeNumerically(">=", all-limit-1))

		w.lift(time.Hour)
		w.expect(gone, names...)
		Expect(w.left(tokens)).To(BeZero())
		Eventually(w.paused).Should(BeEmpty())
	})

	It("stay as they are after a restart, and are let go with their roles by annotation", func() {
		writes := w.total().Writes
		w.restart()
		w.sweep()
		Expect(w.total().Writes).To(Equal(writes))
		Expect(w.left(tokens)).To(Equal(all - limit))
		Expect(w.paused()).To(ContainSubstring("45 wait"))

		w.lift(-time.Minute) // a time that has passed lifts nothing
		w.waitIdle()
		Expect(w.left(tokens)).To(Equal(all - limit))
		w.release(waiting()...)
		w.expect(gone, names...)
		Expect(w.left(tokens)).To(Equal(all-limit), "they keep their roles")
		Eventually(w.paused).Should(BeEmpty())

		w.bind(builders.Binding("later").ForTokenID(tokens[0]).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "later")
		w.sweep()
		w.delete("later")
		w.expect(gone, "later") // revocations go on again
	})
})
