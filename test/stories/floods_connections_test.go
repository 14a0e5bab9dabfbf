package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("AstroConnections that are made in numbers and wait for Astro", func() {
	It("hold up no other namespace's: it gets ready, takes another credential, and goes", func(ctx context.Context) {
		const many = 40
		w := emptyWorld(ctx)
		slow := w.sim.AddOrganizationToken(w.org, "slow", "ORGANIZATION_OWNER")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Caller: slow})
		w.apply(builders.Secret(w.other, builders.SecretName, w.sim.Credential(slow)))
		for i := range many {
			w.apply(w.connection(fmt.Sprintf("slow-%d", i)).In(w.other).SweepEvery(5 * time.Second).Object())
		}
		w.start()
		Eventually(w.strikes(astrosim.FaultHang)).Should(BeNumerically(">", 1))
		time.Sleep(time.Second) // as many as may are at it

		const soon = 5 * time.Second
		w.apply(
			builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(builders.ConnectionName).In(w.namespace).Object(),
		)
		ready := func() string { return readiness(w.acme(w.namespace).Status.Conditions) }
		Eventually(ready).WithTimeout(soon).Should(Equal("True/Connected"))
		next := w.sim.AddOrganizationToken(w.org, "next", "ORGANIZATION_OWNER")
		w.replace(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(next)))
		Eventually(func() string { return w.acme(w.namespace).Status.CredentialTokenID }).WithTimeout(soon).Should(Equal(next))
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(w.forgotten(w.namespace)).WithTimeout(soon).Should(BeTrue())
	})

	It("are looked at one after the other, every one of them", func(ctx context.Context) {
		w := newWorld(ctx)
		const many = 12
		for i := range many {
			w.apply(w.connection(fmt.Sprintf("c-%d", i)).In(w.namespace).Object())
		}
		for i := range many {
			Eventually(func() string {
				c, _ := w.connectionNamed(fmt.Sprintf("c-%d", i))
				return readiness(c.Status.Conditions)
			}).Should(Equal("True/Connected"))
		}
	})
})
