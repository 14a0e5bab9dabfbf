package stories

import (
	"context"
	"fmt"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// crowd is fifty bindings: ten Workspaces for each of five tokens.
type crowd struct {
	w                  *world
	tokens, workspaces []string
	bindings           []*builders.BindingBuilder
	names              []string
}

func newCrowd(w *world) *crowd {
	c := &crowd{w: w, tokens: w.tokens(5), workspaces: w.workspaces(10)}
	for i := range c.tokens {
		for j, ws := range c.workspaces {
			name := fmt.Sprintf("b-%d-%d", i, j)
			c.names = append(c.names, name)
			c.bindings = append(c.bindings, builders.Binding(name).ForToken(fmt.Sprintf("ci-%d", i)).OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
		}
	}
	return c
}

// apply creates all of them side by side, as a GitOps tool does.
func (c *crowd) apply() {
	GinkgoHelper()
	var work sync.WaitGroup
	for _, b := range c.bindings {
		work.Go(func() {
			defer GinkgoRecover()
			c.w.bind(b)
		})
	}
	work.Wait()
}

// granted checks that Astro holds every role that is declared.
func (c *crowd) granted(role string) {
	GinkgoHelper()
	for _, token := range c.tokens {
		for _, ws := range c.workspaces {
			Expect(c.w.on(token, ws)).To(Equal(role))
		}
	}
}

var _ = Describe("Fifty bindings on five tokens, applied at once", func() {
	It("are all granted with one write a token, where they are there when the operator starts", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.stop()
		c.apply()
		spent := w.costOf(func() {
			w.start()
			w.expect("True/Granted", c.names...)
		})
		c.granted("WORKSPACE_MEMBER")
		Expect(spent.Writes).To(Equal(len(c.tokens)))
	})

	It("are all granted at the cost of two patches a binding, and of the journal", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep() // the tokens and Workspaces were there long ago
		spent := w.costOf(func() {
			c.apply()
			w.expect("True/Granted", c.names...)
		})
		c.granted("WORKSPACE_MEMBER")
		Expect(spent.Kubernetes).To(BeNumerically(">=", 2*len(c.names)), "two writes a binding")
		Expect(spent.Kubernetes).To(BeNumerically("<=", 2*len(c.names)+2*spent.Writes+len(c.tokens)), "and the journal's: one before each write, one to clear it, one to begin each page")
	})

	It("lose nothing to answers that are dropped, to 429s and to stale reads", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: astrosim.TokensRoles, Times: 2})
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: astrosim.TokensRoles, After: 2, Times: 3, RetryAfter: "1"})
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensGet, After: 4, Times: 2})
		c.apply()
		w.expect("True/Granted", c.names...)
		c.granted("WORKSPACE_MEMBER")
	})

	It("are all revoked with one write a token", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep()
		c.apply()
		w.expect("True/Granted", c.names...)
		w.stop()
		w.delete(c.names...)
		spent := w.costOf(func() {
			w.start()
			w.expect(gone, c.names...)
		})
		c.granted("")
		Expect(spent.Writes).To(Equal(len(c.tokens)))
		for _, token := range c.tokens {
			Expect(w.roles(token)).To(HaveLen(1), "the token's own role stays")
		}
	})
})
