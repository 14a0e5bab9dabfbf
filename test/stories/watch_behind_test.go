package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// What was acknowledged comes first, in whichever order the operator's watches come back after a while in which it did not reach the
// API server.
var _ = Describe("While the watch of connections is behind", func() {
	var w *world
	var g *watchGate
	BeforeEach(func(ctx context.Context) { w, g = gated(ctx) })
	member := func() *builders.BindingBuilder {
		return builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}
	granted := func() {
		GinkgoHelper()
		w.bind(member())
		w.expect("True/Granted", "b")
		w.waitIdle()
	}
	retain := func(c *v1alpha1.AstroConnection) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain }
	observe := func(c *v1alpha1.AstroConnection) { c.Spec.Mode = v1alpha1.ModeObserve }

	It("a deletion after deletionPolicy: Retain leaves the role", func() {
		granted()
		g.behind("astroconnections", func() {
			w.editConnection(w.namespace, retain)
			w.delete("b")
			w.expect(gone, "b")
		})
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("a deletion after mode: Observe waits", func() {
		granted()
		g.behind("astroconnections", func() {
			w.editConnection(w.namespace, observe)
			w.delete("b")
			w.expect("False/WouldChange", "b")
		})
		w.waitIdle()
		w.expect("False/WouldChange", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("nothing is given after mode: Observe, and given once that is over", func() {
		g.behind("astroconnections", func() {
			w.editConnection(w.namespace, observe)
			w.bind(member())
			w.expect("True/WouldChange", "b")
		})
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Mode = v1alpha1.ModeEnforce })
		w.expect("True/Granted", "b")
	})

	It("what is given after deletionPolicy: Retain is written once, and says so", func() {
		w.waitIdle()
		g.behind("astroconnections", func() {
			w.editConnection(w.namespace, retain)
			before := w.total()
			w.bind(member())
			w.expect("True/Granted", "b")
			spent := w.total().minus(before)
			Expect(spent.Writes).To(Equal(1))
			Expect(spent.Gets).To(BeNumerically("<=", 3), "reads of the token, one for each time that its slot came")
			Expect(w.binding("b").Status.DeletionPolicy).To(Equal(v1alpha1.DeletionRetain))
		})
	})

	It("nothing is given by a rule that was taken away", func() {
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll(w.namespace)} })
		w.waitIdle()
		g.behind("astroconnections", func() {
			w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll("another")} })
			w.bind(member())
			w.refused("b", v1alpha1.ReasonNamespaceNotAllowed)
		})
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})
