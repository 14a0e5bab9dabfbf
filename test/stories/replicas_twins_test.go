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

// rival is what Astro calls the credential of the second installation.
const rival = "operator of the other cluster"

// twin is a world with the same Astro and namespaces of its own, where another installation of the operator works with
// a credential of its own, as in another cluster: neither sees the objects of the other.
func (w *world) twin() *world {
	GinkgoHelper()
	t := &world{seeded: w.seeded, admin: w.admin, kube: w.kube, traffic: w.traffic}
	t.operator = w.sim.AddOrganizationToken(w.org, rival, "ORGANIZATION_OWNER")
	t.makeNamespaces(w.ctx)
	w.peers, t.peers = append(w.peers, t), append(t.peers, w)
	t.start()
	t.connect(t.namespace)
	return t
}

// helper is another installation over the same objects, as two releases of one chart are.
func (w *world) helper() {
	GinkgoHelper()
	h := &world{seeded: w.seeded, ctx: w.ctx, admin: w.admin, kube: w.kube, traffic: w.traffic}
	h.namespace, h.other, h.system = w.namespace, w.other, w.system
	w.peers = append(w.peers, h)
	DeferCleanup(h.stop)
	h.start()
}

// sweepBoth lets each of two installations sweep in its turn, so often.
func sweepBoth(times int, one, two *world) {
	GinkgoHelper()
	for range times {
		one.sweep()
		two.sweep()
	}
}

var _ = Describe("Two installations of the operator for one Organization, by mistake", func() {
	var one, two *world
	BeforeEach(func(ctx context.Context) {
		one = newWorld(ctx)
		two = one.twin()
	})

	It("both get what they declare for one token, although each overwrites the other at first", func() {
		spaces := one.workspaces(6)
		bind := func(i int) {
			GinkgoHelper()
			w, name := []*world{one, two}[i%2], fmt.Sprintf("b-%d", i)
			w.bind(builders.Binding(name).ForToken("ci").OnWorkspace(spaces[i]).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", name)
		}
		bind(0)
		// The second does not see what the first has written just before it, so its own write takes that away.
		one.audit.overwrites()
		one.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensGet, Caller: two.operator, Times: 1})
		bind(1)
		Expect(one.on(one.ci, spaces[0])).To(BeEmpty(), "overwritten")
		for i := range spaces[2:] {
			bind(i + 2)
		}
		sweepBoth(2, one, two)
		for _, ws := range spaces {
			Expect(one.on(one.ci, ws)).To(Equal("WORKSPACE_MEMBER"))
		}
		one.expect("True/DriftCorrected", "b-0")
		Expect(one.costOf(func() { sweepBoth(1, one, two) }).Writes).To(BeZero(), "and then there is peace")
	})

	It("stop fighting over one place and tell who else writes; all that both declare stays", func() {
		one.bind(
			builders.Binding("fought").ForToken("ci").OnWorkspace(one.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("calm").ForToken("ci").OnDeployment(one.etl),
		)
		one.expect("True/Granted", "fought", "calm")
		two.bind(
			builders.Binding("fought").ForToken("ci").OnWorkspace(one.data).WithRole("WORKSPACE_OWNER"),
			builders.Binding("calm").ForToken("ci").OnDeployment(one.models),
		)
		two.expect("True/Adopted", "fought") // it found a role that nobody it knows has declared
		two.expect("True/Granted", "calm")
		sweepBoth(5, one, two)

		one.expect("False/ExternalWriter", "fought")
		Expect(one.message("fought")).To(ContainSubstring(rival))
		Expect(one.stalled("fought")).To(BeTrue())
		two.expect("True/DriftCorrected", "fought")
		Expect(one.on(one.ci, one.data)).To(Equal("WORKSPACE_OWNER"))
		Expect(one.costOf(func() { sweepBoth(1, one, two) }).Writes).To(BeZero(), "no more fighting")
		Expect([]string{one.on(one.ci, one.etl), one.on(one.ci, one.models)}).To(HaveEach("DEPLOYMENT_ADMIN"))
		one.expect("True/Granted", "calm")
		two.expect("True/Granted", "calm")

		one.delete("fought")
		one.expect(gone, "fought")
		two.sweep()
		two.expect("False/ExternalWriter", "fought") // it was the last of its tries that the other has undone
		two.look("fought")
		Eventually(func() string { return two.state("fought") }).Should(HavePrefix("True/"))
		Expect(one.on(one.ci, one.data)).To(Equal("WORKSPACE_OWNER"), "once the one has given up, the other may have it")
	})

	It("restore what the one revokes and the other declares", func() {
		for _, w := range []*world{one, two} {
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(one.data).WithRole("WORKSPACE_MEMBER"))
			Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		}
		one.delete("b")
		one.expect(gone, "b")
		Expect(one.on(one.ci, one.data)).To(BeEmpty(), "it cannot know of the other")
		two.sweep()
		two.expect("True/DriftCorrected", "b")
		Expect(one.on(one.ci, one.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("Two installations of the operator over the same objects, by mistake", func() {
	It("do in the end what one would, and rest", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep()
		w.sim.SetLatency(3 * time.Millisecond) // so that reads and writes overlap
		w.audit.overwrites()
		w.helper()
		w.waitIdle()
		c.apply()
		for _, name := range c.names {
			Eventually(func() string { return w.state(name) }).Should(HavePrefix("True/"), name)
		}
		w.sweep() // what the one took from the other comes back
		w.waitIdle()
		c.granted("WORKSPACE_MEMBER")
		for _, name := range c.names { // Adopted too, where one has given the role on a claim that the other had just taken
			Expect(w.state(name)).To(HavePrefix("True/"), name)
		}
		w.sweep() // both are woken by the same annotation
		Expect(w.costOf(w.sweep).Writes).To(BeZero())

		// Of many deletions at once, either may write back what the other has just revoked and let go (docs/operating.md).
		w.delete(c.names[0])
		w.expect(gone, c.names[0])
		w.waitIdle()
		Expect(w.roles(c.tokens[0])).To(HaveLen(len(c.names)/len(c.tokens)), "the token's own role and the others")
		w.delete(c.names[1:]...)
		w.expect(gone, c.names...)
	})
})
