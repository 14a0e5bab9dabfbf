package stories

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// lease is how long a leader that was killed keeps the others waiting at most.
const lease = 15 * time.Second

// takeover is how long it may take until another leads: the lease, and what every step may take.
func takeover() time.Duration { return lease + storyTimeout() }

var _ = Describe("Two replicas of the operator", func() {
	It("lose nothing and write nothing twice when the leader is killed in a cold start, and hand over at once otherwise", func(ctx context.Context) {
		// The program sees every ClusterAstroConnection of its cluster, those of other stories too.
		w, _ := separateCluster(ctx, astrosim.Options{Latency: 20 * time.Millisecond, Limits: astrosim.PublishedLimits()})
		binary := program(ctx)
		tokens, names := w.tokens(50), []string{}
		for i, token := range tokens {
			w.sim.GrantRole(token, astrosim.TypeDeployment, w.models, "Deploy Only") // nobody's
			for j, ws := range []string{w.data, w.science} {
				name := fmt.Sprintf("b-%02d-%d", i, j)
				names = append(names, name)
				w.bind(builders.Binding(name).ForToken(fmt.Sprintf("ci-%d", i)).OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
			}
		}
		first := w.replica(binary)
		Eventually(w.leader).ShouldNot(BeEmpty())
		leader := w.leader()
		second := w.replica(binary)
		w.secretAndConnection()
		written := func() int { return w.total().Writes }
		Eventually(written).Should(BeNumerically(">=", 20))

		w.audit.killed()
		first.end(os.Kill)
		killed := time.Now()
		w.waitIdle() // what was under way
		before := w.sim.Counts().Total
		Expect(written()).To(BeNumerically("<", len(tokens)), "it was killed in the middle")
		Eventually(func() int { return w.sim.Counts().Total }, takeover()).Should(BeNumerically(">", before))
		figure("takeover after kill -9 of the leader", time.Since(killed))
		Expect(w.leader()).NotTo(Equal(leader))
		w.expect("True/Granted", names...)
		for _, token := range tokens {
			Expect([]string{w.on(token, w.data), w.on(token, w.science), w.on(token, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "WORKSPACE_MEMBER", "Deploy Only"}))
		}
		Expect(w.writesOf(tokens)).To(HaveEach(BeNumerically("<=", 2)), "one each, and one more where a claim could not be taken at once")
		once := w.writesOf(tokens[:1])[0]

		third := w.replica(binary)
		w.role(names[0], "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", names[0])
		stopped := time.Now()
		second.end(syscall.SIGTERM)
		w.role(names[1], "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", names[1])
		figure("takeover after an orderly stop, up to the next role in Astro", time.Since(stopped))
		Expect(w.writesOf(tokens[:1])).To(Equal([]int{once + 2}))
		third.end(syscall.SIGTERM)
	})

	It("leave the writing to the other when the leader was frozen in the middle and wakes up", func(ctx context.Context) {
		w, _ := separateCluster(ctx, astrosim.Options{Latency: 20 * time.Millisecond, Limits: astrosim.PublishedLimits()})
		binary := program(ctx)
		tokens, names := w.tokens(40), []string{}
		for i := range tokens {
			names = append(names, fmt.Sprintf("b-%02d", i))
			w.bind(builders.Binding(names[i]).ForToken(fmt.Sprintf("ci-%d", i)).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		frozen := w.replica(binary)
		Eventually(w.leader).ShouldNot(BeEmpty())
		leader := w.leader()
		w.replica(binary)
		w.secretAndConnection()
		Eventually(func() int { return w.total().Writes }).Should(BeNumerically(">=", 10))
		Expect(frozen.command.Process.Signal(syscall.SIGSTOP)).To(Succeed())
		Expect(w.total().Writes).To(BeNumerically("<", len(tokens)), "it was frozen in the middle")

		Eventually(w.leader, takeover()).ShouldNot(Or(BeEmpty(), Equal(leader)))
		w.expect("True/Granted", names...)
		for _, name := range names {
			w.role(name, "WORKSPACE_OWNER")
		}
		w.expect("True/RoleUpdated", names...)
		w.waitIdle()
		before := w.total().Writes
		Expect(frozen.command.Process.Signal(syscall.SIGCONT)).To(Succeed())
		Eventually(frozen.ended, takeover()).Should(BeClosed(), "it finds that another leads, and ends")
		Expect(w.total().Writes).To(Equal(before))
		for _, token := range tokens {
			Expect(w.on(token, w.data)).To(Equal("WORKSPACE_OWNER"))
		}
		w.expect("True/RoleUpdated", names...)
	})
})

// secretAndConnection makes them in the first namespace, and waits for nothing.
func (w *world) secretAndConnection() {
	GinkgoHelper()
	w.apply(
		builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)),
		w.connection(builders.ConnectionName).In(w.namespace).Object(),
	)
}

// writesOf is how often the roles of each token were written by a call. A call that changes nothing fails the story.
func (w *world) writesOf(tokens []string) []int {
	GinkgoHelper()
	writes := map[string]int{}
	for _, write := range w.sim.Audit() {
		if !write.OutOfBand {
			writes[write.TokenID]++
			Expect(write.Changed()).To(BeTrue(), "a needless write: %+v", write)
		}
	}
	counts := make([]int, len(tokens))
	for i, token := range tokens {
		counts[i] = writes[token]
	}
	return counts
}
