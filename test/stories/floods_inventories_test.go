package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Inventories that are made in numbers", func() {
	acme := v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: builders.ConnectionName}

	It("hold up no other namespace's, where their connection lets through one lookup a second", func(ctx context.Context) {
		const many = 200
		w := newWorld(ctx)
		slow := w.sim.AddOrganizationToken(w.org, "slow", "ORGANIZATION_OWNER")
		w.apply(
			builders.Secret(w.other, builders.SecretName, w.sim.Credential(slow)),
			w.connection(builders.ConnectionName).In(w.other).RateLimit(1, 1).SweepEvery(5*time.Second).Object(),
		)
		w.connected(w.other)
		w.each(many, func(i int) {
			w.takeIn(w.other, fmt.Sprintf("made-up-%03d", i), acme,
				v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(fmt.Sprintf("clxmadeup%018d", i))})
		})
		for i := range 3 {
			time.Sleep(2 * time.Second) // a listing may have come between, after which all are looked up anew
			name := fmt.Sprintf("mine-%d", i)
			w.take(name, acme, v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(w.data)})
			Eventually(w.inventory(name)).WithTimeout(3 * time.Second).Should(Equal("True/Listed"))
		}
	})
})
