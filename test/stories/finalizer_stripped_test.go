package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding whose user takes the finalizer away to be rid of it", func() {
	var w, alice *world
	var s2, cluster string
	BeforeEach(func(ctx context.Context) {
		w = emptyWorld(ctx)
		w.start()
		cluster = w.tenancy()
		alice, s2 = w.editor("alice", w.other), w.other+"/s2"
		alice.bind(builders.Binding("s2").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", s2)
		w.waitIdle()
	})
	// strip takes away whatever the operator may have put on the object, but for the status.
	strip := func() {
		GinkgoHelper()
		alice.edit(s2, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers, b.Annotations = nil, nil })
	}
	revoked := func() {
		GinkgoHelper()
		w.expect(gone, s2)
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
		w.waitIdle()
		Expect(w.roles(w.ci)).To(HaveLen(1))
	}
	outage := func() (over func()) {
		return w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: "tokens.*"})
	}

	It("is revoked, where it is deleted at once after", func() {
		strip()
		alice.delete(s2)
		revoked()
	})

	It("is revoked, where it is deleted once the operator has seen that", func() {
		strip()
		w.waitIdle()
		alice.delete(s2)
		revoked()
	})

	It("is revoked, where that is done while it is being deleted and Astro is out of reach", func() {
		over := outage()
		alice.delete(s2)
		w.stuck("Unknown|False", s2)
		strip()
		w.expect(gone, s2)
		over()
		revoked()
	})

	It("is revoked, where it is suspended and deleted at once after", func() {
		alice.edit(s2, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", s2)
		strip()
		alice.delete(s2)
		revoked()
	})

	It("is revoked by the next operator, where Astro is out of reach and the operator is killed before", func() {
		over := outage()
		strip()
		alice.delete(s2)
		w.waitIdle()
		w.crash()
		over()
		w.start()
		w.expect(gone, s2)
		revoked()
	})

	It("is revoked by the next operator as well, where it is stopped in good order before", func() {
		over := outage()
		alice.delete(s2)
		w.stuck("Unknown|False", s2)
		strip()
		w.expect(gone, s2)
		w.waitIdle()
		w.stop()
		over()
		w.start()
		revoked()
	})

	It("is revoked, where it had taken the role over and its namespace goes with it, by the rules that name the namespace", func() {
		w.delete(s2)
		revoked()
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.bind(builders.Binding("s2").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Adopted", s2)
		over := outage()
		w.delete(s2)
		w.stuck("Unknown|False", s2)
		w.edit(s2, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		w.expect(gone, s2)
		w.deleteNamespace(w.other)
		w.namespaceGone(w.other)
		over()
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
	})

	It("keeps its role, where its deletionPolicy is Retain, whatever is taken away", func() {
		alice.edit(s2, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.waitIdle()
		w.unwritten(func() {
			strip()
			alice.delete(s2)
			w.expect(gone, s2)
		})
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("leaves the role to another that holds it too", func() {
		w.bind(builders.Binding("b").ThroughCluster(cluster).ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.waitIdle()
		w.unwritten(func() {
			strip()
			alice.delete(s2)
			w.expect(gone, s2)
		})
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})
})
