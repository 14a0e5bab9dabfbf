package stories

import (
	"context"
	"net/http"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A connection that cannot work", func() {
	It("says why, and its bindings point to it", func(ctx context.Context) {
		w := emptyWorld(ctx)
		flaws := w.flaws()
		w.start()
		w.unwritten(func() {
			for _, f := range flaws {
				f.make(w)
			}
			for _, f := range flaws {
				f.check(w)
			}
		})
		Expect(w.total().Pages).To(BeZero(), "nobody lists with a credential that was not proven")
	})

	It("lets its bindings through once it is fixed", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		w.apply(w.connection(builders.ConnectionName).In(w.namespace).Object())
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.unready("b", v1alpha1.ReasonSecretNotFound)
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)))
		w.expect("True/Granted", "b")
		Expect(w.kstatus("b")).To(Equal(status.CurrentStatus))
		w.deleteSecret(w.namespace)
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/SecretNotFound"))
		w.stays("True/Granted", "b") // it shows on the connection
	})
})

var _ = Describe("A connection that is made while Astro is away", func() {
	It("keeps its bindings waiting, and lets them through by itself", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable})
		w.apply(
			builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(builders.ConnectionName).In(w.namespace).Object(),
		)
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("Unknown/Unreachable"))
		w.waitIdle()
		w.waiting("b", v1alpha1.ReasonConnectionNotReady, "AstroConnection "+w.namespace+"/acme", v1alpha1.ReasonUnreachable, "see its status")
		over()
		w.expect("True/Granted", "b")
	})
})

var _ = Describe("A connection that is not there", func() {
	It("is named by the bindings that refer to it, which go without it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.unwritten(func() {
			w.refuse(
				refusal{builders.Binding("local").Through("acmee").ForToken("ci").OnDeployment(w.etl), v1alpha1.ReasonConnectionNotFound, []string{"AstroConnection " + w.namespace + "/acmee", "create it", "spec.connectionRef"}},
				refusal{builders.Binding("cluster").ThroughCluster("acme").ForTokenID(w.ci).OnDeployment(w.etl), v1alpha1.ReasonConnectionNotFound, []string{"ClusterAstroConnection acme", "create it"}},
				refusal{builders.Binding("other").In(w.other).ForToken("ci").OnDeployment(w.etl), v1alpha1.ReasonConnectionNotFound, []string{"AstroConnection " + w.other + "/acme", "create it"}},
			)
		})
		w.delete("local", "cluster")
		w.expect(gone, "local", "cluster")
	})
})

// unready checks that a binding points to its connection, which somebody has to fix.
func (w *world) unready(name, reason string) {
	GinkgoHelper()
	w.expect("Unknown/ConnectionNotReady", name)
	w.told(name, "AstroConnection "+w.namespace+"/", reason, "see its status")
	Expect(w.stalled(name)).To(BeTrue(), name+" waits for the owner of the connection")
	Expect(w.kstatus(name)).To(Equal(status.FailedStatus), name)
}
