package stories

import (
	"context"
	"net/http"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// unauthorized is how many calls were answered 401.
func (w *world) unauthorized() int { return w.sim.Counts().ByStatus[http.StatusUnauthorized] }

var _ = Describe("A hundred bindings whose credential is not accepted any more", func() {
	It("cost one call and the proof that it is so, however many of them have something to do", func(ctx context.Context) {
		w := newWorld(ctx)
		_, names := w.manyTokens(10, 10)
		calls := func() int { return w.sim.Counts().Total }
		w.sim.RevokeCredential(w.operator)

		before := calls()
		w.role(names[0], "WORKSPACE_AUTHOR")
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
		w.waitIdle()
		Expect(calls()-before).To(BeNumerically("<=", 2), "one call, and the proof")

		before = calls()
		w.each(50, func(i int) { w.role(names[i], "WORKSPACE_OWNER") })
		w.delete(names[90:]...)
		w.waitIdle()
		Expect(calls()-before).To(BeZero(), "nobody tries the credential again")
		w.finalized(names[90:]...)

		before = calls()
		w.sweepAttempt()
		Eventually(func() int { return calls() - before }).Should(Equal(1), "once a sweep interval it is")
		w.waitIdle()
		Expect(calls()-before).To(Equal(1), "and no more")
		Expect(w.unauthorized()).To(Equal(3))

		w.sim.RestoreCredential(w.operator)
		w.sweep()
		w.expect(gone, names[90:]...)
		for _, name := range names[:50] {
			Eventually(func() string { return w.state(name) }).Should(Equal("True/RoleUpdated"), name)
		}
	})

	It("cost no more than those that were under way, where all of them have something to do at that moment", func(ctx context.Context) {
		w := newWorld(ctx)
		_, names := w.manyTokens(50, 2)
		w.sim.RevokeCredential(w.operator)
		w.each(len(names), func(i int) { w.role(names[i], "WORKSPACE_OWNER") })
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
		w.waitIdle()
		Expect(w.unauthorized()).To(BeNumerically("<=", 16+1), "a call a worker, and the proof")
		told := w.total().Kubernetes
		w.sweepAttempt()
		w.sweepAttempt()
		Expect(w.bindingsWritten(told)).To(BeEmpty(), "told once")
	})
})

var _ = Describe("A hundred settled bindings while Astro is away", func() {
	It("get no write, whatever restarts and however long it lasts, nor when it is back", func(ctx context.Context) {
		w := newWorld(ctx)
		_, names := w.manyTokens(10, 10)
		before := w.total()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable})
		for range 3 {
			w.sweepAttempt()
		}
		w.acmeIs("Unknown/Unreachable", status.InProgressStatus)
		w.stop()
		w.start()
		w.waitIdle()
		w.sweepAttempt()
		Expect(w.bindingsWritten(before.Kubernetes)).To(BeEmpty())
		Expect(w.total().minus(before).Writes).To(BeZero())

		w.sim.ClearFaults()
		w.sweep()
		w.sweep()
		Expect(w.bindingsWritten(before.Kubernetes)).To(BeEmpty())
		w.stays("True/Granted", names...)
	})
})
