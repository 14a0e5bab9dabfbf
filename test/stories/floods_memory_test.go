package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("AstroConnections of one namespace that lead to a large Organization", func() {
	const many = 6
	name := func(i int) string { return fmt.Sprintf("c-%d", i) }
	states := func(w *world) (states map[string]int) {
		states = map[string]int{}
		for i := range many {
			c := &v1alpha1.AstroConnection{}
			if w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name(i)}, c) == nil {
				states[readiness(c.Status.Conditions)]++
			}
		}
		return states
	}

	It("take up no more memory than a part, and the listings of others are complete", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.enlarge()
		w.instance.maxListing = 1 << 20
		w.start()
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)))
		for i := range many {
			w.apply(w.connection(name(i)).In(w.namespace).SweepEvery(5 * time.Second).Object())
		}
		Eventually(func() map[string]int { return states(w) }).Should(Equal(map[string]int{"True/Connected": 1, "Unknown/ListIncomplete": many - 1}))

		w.apply(
			builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(w.namespace).Allow(builders.AllowAll(w.namespace)).Cluster(),
		)
		w.bind(builders.Binding("b").ThroughCluster(w.namespace).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		cluster := &v1alpha1.ClusterAstroConnection{}
		Expect(w.kube.Get(w.ctx, client.ObjectKey{Name: w.namespace}, cluster)).To(Succeed())
		Expect(readiness(cluster.Status.Conditions)).To(Equal("True/Connected"))

		By("what is given back is there for the others")
		Expect(states(w)).To(HaveKeyWithValue("True/Connected", 1))
		for i := range many {
			c, _ := w.connectionNamed(name(i))
			if readiness(c.Status.Conditions) == "True/Connected" {
				Expect(w.kube.Delete(w.ctx, c)).To(Succeed())
			}
		}
		Eventually(func() map[string]int { return states(w) }).Should(Equal(map[string]int{"True/Connected": 1, "Unknown/ListIncomplete": many - 2}))
	})

	It("lose nothing if they have grown too large: what they gave stays, and another credential is taken", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.instance.maxListing = 1 << 20
		w.start()
		w.connect(w.namespace)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.enlarge()
		w.apply(w.connection("second").In(w.namespace).SweepEvery(5 * time.Second).Object())
		second := func() string {
			c, _ := w.connectionNamed("second")
			return readiness(c.Status.Conditions)
		}
		Eventually(second).Should(Equal("True/Connected"))
		w.sweepAttempt()
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("Unknown/ListIncomplete"))
		Expect(w.acmeSays(w.namespace)).To(And(
			ContainSubstring("all connections share 2 MiB for what they list"), ContainSubstring("use fewer connections to large Organizations"),
			ContainSubstring("--max-listing-mib"),
		))
		w.stays("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))

		next := w.sim.AddOrganizationToken(w.org, "next", "ORGANIZATION_OWNER")
		w.replace(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(next)))
		Eventually(func() []string { // one of the two has room for what the other credential lists
			c, _ := w.connectionNamed("second")
			return []string{
				w.acme(w.namespace).Status.CredentialTokenID + " " + readiness(w.acme(w.namespace).Status.Conditions),
				c.Status.CredentialTokenID + " " + second(),
			}
		}).Should(ConsistOf(next+" True/Connected", next+" Unknown/ListIncomplete"))
	})
})

// enlarge adds tokens with so many roles that their listing takes up most of a mebibyte.
func (w *world) enlarge() {
	var held []astrosim.Role
	for _, id := range w.workspaces(30) {
		held = append(held, astrosim.WorkspaceRole(id, "WORKSPACE_MEMBER"))
	}
	for i := range 120 {
		id := w.sim.AddOrganizationToken(w.org, fmt.Sprintf("large-%d", i), "ORGANIZATION_MEMBER")
		w.sim.SetRoles(id, append([]astrosim.Role{astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER")}, held...)...)
	}
}
