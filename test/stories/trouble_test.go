package stories

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// watchReady looks at bindings all the time and counts those that were seen with Ready not True.
func (w *world) watchReady(names ...string) (faltered func() int64) {
	watched := map[string]bool{}
	for _, name := range names {
		watched[name] = true
	}
	var seen atomic.Int64
	ctx, stop := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			var list v1alpha1.ScopedTokenBindingList
			if kube.List(ctx, &list, client.InNamespace(w.namespace)) == nil {
				for i := range list.Items {
					if watched[list.Items[i].Name] && !ready(&list.Items[i]) {
						seen.Add(1)
					}
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return func() int64 {
		stop()
		<-done
		return seen.Load()
	}
}

func ready(b *v1alpha1.ScopedTokenBinding) bool {
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Status == metav1.ConditionTrue
		}
	}
	return false
}

var _ = Describe("Trouble with Astro while half of fifty bindings are edited", func() {
	troubles := map[string][]astrosim.Fault{
		"writes that take effect and whose answers are lost": {
			{Kind: astrosim.FaultDrop, Endpoint: astrosim.TokensRoles, Times: 4}, {Kind: astrosim.FaultTruncate, Endpoint: astrosim.TokensRoles, After: 4, Times: 2},
		},
		"a burst of 429s": {
			{Kind: astrosim.FaultThrottle, Endpoint: astrosim.TokensRoles, Times: 3, RetryAfter: "1"}, {Kind: astrosim.FaultThrottle, Endpoint: astrosim.TokensGet, Times: 3},
		},
		"stale reads": {
			{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensGet, Probability: 0.4, Times: 8}, {Kind: astrosim.FaultStale, Endpoint: astrosim.TokensList, Times: 2},
		},
		"a gateway's errors": {
			{Kind: astrosim.FaultHTML, Probability: 0.3, Times: 10}, {Kind: astrosim.FaultReset, Endpoint: astrosim.TokensRoles, Times: 2},
		},
	}
	for name, faults := range troubles {
		It("ends as declared, and the others stay Ready: "+name, func(ctx context.Context) {
			w := newWorld(ctx)
			c := newCrowd(w)
			w.sweep()
			c.apply()
			w.expect("True/Granted", c.names...)

			var settled, edited []string
			for i, name := range c.names {
				if i%10 < 5 {
					edited = append(edited, name)
				} else {
					settled = append(settled, name)
				}
			}
			faltered := w.watchReady(settled...)
			for _, f := range faults {
				w.sim.Inject(f)
			}
			for _, name := range edited {
				w.role(name, "WORKSPACE_AUTHOR")
			}
			Eventually(func() []string { return w.otherThan("WORKSPACE_AUTHOR", c, 0) }).Should(BeEmpty())
			for _, name := range edited {
				Eventually(func() string { return w.state(name) }).Should(HavePrefix("True/"), name)
			}
			w.sweep()
			Expect(w.otherThan("WORKSPACE_AUTHOR", c, 0)).To(BeEmpty())
			Expect(w.otherThan("WORKSPACE_MEMBER", c, 5)).To(BeEmpty())
			Expect(faltered()).To(BeZero(), "settled bindings seen not Ready")
		})
	}
})

// otherThan lists the grants of five Workspaces, from the given one on, that Astro holds in another role.
func (w *world) otherThan(role string, c *crowd, from int) []string {
	var other []string
	for i, token := range c.tokens {
		for j, ws := range c.workspaces[from : from+5] {
			if held := w.on(token, ws); held != role {
				other = append(other, fmt.Sprintf("ci-%d on ws-%d: %q", i, from+j, held))
			}
		}
	}
	return other
}

var _ = Describe("An answer to a write that does not show it", func() {
	for _, answer := range []astrosim.Choice{astrosim.Empty, astrosim.Stale} {
		It("is looked at again before anything is said: "+string(answer), func(ctx context.Context) {
			w := newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{RolesAnswer: answer}})
			c := newCrowd(w)
			w.sweep()
			w.bind(c.bindings[:10]...)
			w.expect("True/Granted", c.names[:10]...)
			Expect(w.roles(c.tokens[0])).To(HaveLen(11))
		})
	}
})

var _ = Describe("A stale listing", func() {
	It("is no drift once the token is read afresh", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep()
		w.bind(c.bindings[:3]...)
		w.expect("True/Granted", c.names[:3]...)
		faltered := w.watchReady(c.names[:3]...)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensList, Times: 1})
		spent := w.costOf(w.sweep)
		Expect(spent.Writes).To(BeZero())
		Expect(faltered()).To(BeZero())
	})
})
