package stories

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("What one binding or connection does", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })

	It("hides no deleted token behind the older listing of another connection", func() {
		w.connect(w.other)
		w.connected(w.other)
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sweepOf(w.other)
		w.sim.DeleteToken(w.ci)
		w.sweep()
		w.expect("False/TokenNotFound", "b")
	})

	It("hides no deleted token behind the older listing of another connection that comes first, where a binding leaves", func() {
		w.connect(w.other)
		b := w.other + "/b"
		w.bind(
			builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").In(w.other).ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "a", b)
		w.sim.DeleteToken(w.ci)
		w.sweepOf(w.other)
		w.delete(b)
		w.expect(gone, b)
		w.expect("False/TokenNotFound", "a")
	})

	It("keeps no role up that Astro will not exchange for its own", func() {
		w.bind(builders.Binding("first").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("True/Granted", "first")
		w.bind(builders.Binding("second").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"))
		w.expect("False/ConflictingBinding", "second")
		w.delete("first")
		w.expect(gone, "first")
		w.expect("False/RoleNotFound", "second")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty(), "nobody declares it any more")
	})

	It("makes nobody Ready who has not taken a claim", func() {
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.sweep()
		w.bind(builders.Binding("careful").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only").Adopt(v1alpha1.AdoptIfSameRole))
		w.expect("False/ExistingRole", "careful")
		w.bind(builders.Binding("bold").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("True/Adopted", "bold", "careful")
		Expect(w.claimed("careful")).To(BeTrue())
		Expect(w.binding("careful").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		w.delete("bold")
		w.expect(gone, "bold")
		Expect(w.on(w.ci, w.etl)).To(Equal("Deploy Only"))
		w.delete("careful")
		w.expect(gone, "careful")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("A role that somebody takes away while another is written", func() {
	It("is given back only once the binding that wants it has taken its claim", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.sweep()
		w.bind(builders.Binding("careful").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only").Adopt(v1alpha1.AdoptIfSameRole))
		w.expect("False/ExistingRole", "careful")
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl) // no listing shows it yet
		w.bind(builders.Binding("other").ForToken("ci").OnDeployment(w.models).WithRole("Deploy Only"))
		w.expect("True/Granted", "other")
		if w.on(w.ci, w.etl) != "" { // then the journal has the claim, until the status does
			journaled := strings.Contains(w.journal(), string(w.binding("careful").UID))
			Expect(journaled || w.claimed("careful")).To(BeTrue())
		}
		w.expect("True/Granted", "careful")
		w.delete("careful")
		w.expect(gone, "careful")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})
