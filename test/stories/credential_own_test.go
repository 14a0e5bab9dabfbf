package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A token whose secret somebody uses as the credential of an AstroConnection", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	member := func() *builders.BindingBuilder {
		return builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}
	// used makes the connection, and lets everybody learn of it.
	used := func() {
		GinkgoHelper()
		w.connectAs(w.other, w.ci)
		Expect(w.acme(w.other).Status.CredentialTokenID).To(Equal(w.ci))
		w.waitIdle()
	}
	lifetime := func() {
		GinkgoHelper()
		w.role("b", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "b")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_AUTHOR"))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	}

	It("is still changed and revoked by whoever was granted it before", func() {
		w.bind(member())
		w.expect("True/Granted", "b")
		used()
		lifetime()
	})

	It("is still granted through the connections of others", func() {
		used()
		w.bind(member())
		w.expect("True/Granted", "b")
		lifetime()
	})

	It("is still changed and revoked through a ClusterAstroConnection", func() {
		cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.namespace)}})["shared"]
		used()
		w.bind(member().ThroughCluster(cluster))
		w.expect("True/Granted", "b")
		w.role("b", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("is still revoked, where it becomes a credential while its binding is being deleted", func() {
		w.bind(member())
		w.expect("True/Granted", "b")
		over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.TokensRoles})
		w.delete("b")
		w.connectAs(w.other, w.ci)
		over()
		w.sweepAttempt()
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("is not written through that connection itself, though it might", func() {
		owner := w.sim.AddOrganizationToken(w.org, "owner", "ORGANIZATION_OWNER")
		w.connectAs(w.other, owner)
		w.unwritten(func() {
			w.bind(builders.Binding("own").In(w.other).ForTokenID(owner).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("False/SelfProtected", w.other+"/own")
		})
		w.bind(builders.Binding("b").ForTokenID(owner).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.delete(w.other+"/own", "b")
		w.expect(gone, w.other+"/own", "b")
		Expect(w.on(owner, w.data)).To(BeEmpty())
	})
})

var _ = Describe("A token whose secret is the credential of a ClusterAstroConnection", func() {
	It("is written through no connection", func(ctx context.Context) {
		w := newWorld(ctx)
		cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.other)}})["shared"]
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "owner", "ORGANIZATION_OWNER"))
		w.unwritten(func() {
			w.bind(
				builders.Binding("own").In(w.other).ThroughCluster(cluster).ForTokenID(w.operator).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("b").In(w.other).ForTokenID(w.operator).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			)
			w.expect("False/SelfProtected", w.other+"/own", w.other+"/b")
		})
	})
})
