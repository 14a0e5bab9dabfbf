package stories

import (
	"context"
	"fmt"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Connections that share a credential", func() {
	It("keep its rate when the operator starts", func(ctx context.Context) {
		w := emptyWorld(ctx, astrosim.Options{Limits: astrosim.PublishedLimits()})
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)))
		const many = 80
		for i := range many {
			w.apply(w.connection(fmt.Sprintf("c-%d", i)).In(w.namespace).Object())
		}
		w.start()
		Eventually(func() (ready int) {
			var list v1alpha1.AstroConnectionList
			Expect(w.kube.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
			for i := range list.Items {
				if readiness(list.Items[i].Status.Conditions) == "True/Connected" {
					ready++
				}
			}
			return ready
		}).WithTimeout(time.Minute).Should(Equal(many))
		Expect(w.sim.Counts().ByStatus[http.StatusTooManyRequests]).To(BeZero())
	})

	It("keep to what Astro asked of it when they are made again", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "60"})
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("Unknown/RateLimited", "b")
		w.waitIdle()
		throttled := func() int { return w.sim.Counts().ByStatus[http.StatusTooManyRequests] }
		before := throttled()
		for range 2 {
			Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
			Eventually(w.acmeIsGone).Should(BeTrue())
			w.apply(w.connection(builders.ConnectionName).In(w.namespace).Object())
			Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(HaveSuffix("/RateLimited"))
		}
		Consistently(throttled, time.Second).Should(Equal(before))
	})
})
