package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// nobodys applies so many bindings, each of a token and a Deployment of its own that are not there.
func (w *world) nobodys(n int) (names []string) {
	GinkgoHelper()
	for i := range n {
		names = append(names, fmt.Sprintf("made-up-%02d", i))
	}
	w.each(n, func(i int) {
		w.bind(builders.Binding(names[i]).ForTokenID(fmt.Sprintf("cltmadeup%018d", i)).OnDeployment(fmt.Sprintf("clxmadeup%018d", i)))
	})
	return names
}

var _ = Describe("Bindings that are made in numbers", func() {
	const many = 80
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })

	It("cost Astro nothing, and no sweep looks at them again, where no rule can allow them", func() {
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			c.Spec.Allow = []v1alpha1.AllowRule{w.rule(func(r *v1alpha1.AllowRule) {
				r.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{w.ci}}}
			})}
		})
		Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(w.acme(w.namespace).Generation))
		w.waitIdle()
		var names []string
		spent := w.costOf(func() {
			names = w.nobodys(many)
			w.expect("False/TokenNotAllowed", names...)
		})
		Expect([]int{spent.Gets, spent.Lookups, spent.Writes}).To(Equal([]int{0, 0, 0}))
		w.sweep() // the connection counts its bindings
		spent = w.costOf(func() {
			w.sweep()
			w.sweep()
		})
		Expect(spent).To(Equal(cost{Pages: 2}))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll(w.namespace)} })
		w.expect("False/TokenNotFound", names...) // as soon as a rule may allow them
		w.delete(names...)
		w.expect(gone, names...)
	})

	It("cost Astro nothing either, where they are inventories that no rule can allow", func() {
		shared := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {w.rule(func(r *v1alpha1.AllowRule) { r.Inventory = false })}})["shared"]
		w.waitIdle()
		const some = 20
		spent := w.costOf(func() {
			for i := range some {
				w.take(fmt.Sprintf("made-up-%02d", i), v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: shared},
					v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(fmt.Sprintf("clxmadeup%018d", i))})
			}
			for i := range some {
				Eventually(w.inventory(fmt.Sprintf("made-up-%02d", i))).Should(Equal("False/InventoryNotAllowed"))
			}
		})
		Expect([]int{spent.Gets, spent.Lookups}).To(Equal([]int{0, 0}))
	})

	It("are looked for in a listing, beyond the share of their namespace", func() {
		began := time.Now()
		spent := w.costOf(func() { w.expect("False/TokenNotFound", w.nobodys(many)...) })
		Expect(spent.Gets).To(BeNumerically("<=", 22+time.Since(began).Seconds()), "twenty at once, and one a second")
		w.bind(builders.Binding("real").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "real")
	})

	It("are looked for in one listing and few lookups, where a look at each is asked for", func() {
		var names []string
		for i, token := range w.tokens(many) {
			names = append(names, fmt.Sprintf("asked-%02d", i))
			w.bind(builders.Binding(names[i]).ForTokenID(token).OnDeployment(w.sim.AddDeployment(w.data, names[i])))
		}
		w.expect("True/Granted", names...)
		w.waitIdle()
		began := time.Now()
		spent := w.costOf(func() {
			w.each(many, func(i int) { w.annotate(names[i], v1alpha1.AnnotationRequestedAt, "now") })
			for _, name := range names {
				Eventually(func() string { return w.binding(name).Status.LastHandledReconcileAt }).Should(Equal("now"))
			}
		})
		alone := 22 + int(time.Since(began).Seconds())
		Expect(spent.Gets).To(BeNumerically("<=", alone), "twenty at once, and one a second")
		Expect(spent.Lookups).To(BeNumerically("<=", alone+4))
		Expect(spent.Pages).To(BeNumerically("<=", 3))
		Expect(spent.Writes).To(BeZero())
	})

	It("lose nothing that others have written on them", func() {
		o := builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Annotated("example.com/note", "theirs").Object()
		o.Namespace, o.Finalizers = w.namespace, []string{"example.com/theirs"}
		w.apply(o)
		w.expect("True/Granted", "b")
		Expect(w.binding("b").Finalizers).To(ConsistOf("example.com/theirs", v1alpha1.FinalizerRevoke))
		w.delete("b")
		Eventually(func() []string { return w.binding("b").Finalizers }).Should(Equal([]string{"example.com/theirs"}))
		Expect(w.binding("b").Annotations).To(HaveKeyWithValue("example.com/note", "theirs"))
		w.waitIdle()
		Expect(w.binding("b").Status.Claim.State).To(Equal(v1alpha1.ClaimReleased))
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"), "somebody else gave it after the binding was let go")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		w.expect(gone, "b")
	})
})
