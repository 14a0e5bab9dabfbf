package inventory

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

var _ = Describe("Inventories of a namespace that have to say something else all at once", func() {
	It("are written within its share, say what is so in the end, and let a new one and a refusal go first", func(ctx SpecContext) {
		const many, soon = 40, 10 * time.Second
		s := newStory(ctx)
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN")))
		s.shared(s.rule(true, s.workspace))
		began := time.Now()
		withinShare := func() {
			GinkgoHelper()
			n, share := s.patches(), writeBurst+writesPerSecond*time.Since(began).Seconds()
			Expect(float64(n)).To(BeNumerically("<=", share+1))
		}
		var all []*v1alpha1.TargetInventory
		for n := range many {
			all = append(all, s.inventory(fmt.Sprintf("i-%02d", n), s.named("prod-etl")))
		}
		each := func(want string) {
			GinkgoHelper()
			for _, i := range all {
				Eventually(func() string {
					if tokens := s.get(i).Status.Tokens; len(tokens) == 1 {
						return tokens[0].DeclaredBy
					}
					return "not listed"
				}).WithTimeout(2 * many * time.Second).Should(Equal(want))
				withinShare()
			}
		}
		each("")

		second, first := s.bind("second", ci), s.bind("first", ci)
		s.claim(second, ci, second.UID)
		time.Sleep(settling)
		s.claim(first, ci, first.UID)
		time.Sleep(2 * settling)
		late := s.inventory("new", s.named("prod-etl"))
		Eventually(func() int { return len(s.names(late)) }).WithTimeout(soon).Should(Equal(1))
		said := 0
		for _, i := range all {
			if s.get(i).Status.Tokens[0].DeclaredBy == s.namespace+"/first" {
				said++
			}
		}
		Expect(said).To(BeNumerically("<", many), "the others wait")
		each(s.namespace + "/first")

		before := s.conn.DeepCopyObject().(client.Object)
		s.conn.ConnectionSpec().Allow[0].Inventory = false
		Expect(kube.Patch(ctx, s.conn, client.MergeFrom(before))).To(Succeed())
		Eventually(func() (left int) {
			for _, i := range all {
				left += len(s.names(i))
			}
			return left
		}).WithTimeout(soon).Should(BeZero())
	})
})
