package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// useSecret puts another token's secret into the Secret of a connection.
func (w *world) useSecret(namespace, token string) {
	GinkgoHelper()
	s := &corev1.Secret{}
	Expect(w.kube.Get(w.ctx, client.ObjectKey{Namespace: namespace, Name: builders.SecretName}, s)).To(Succeed())
	before := s.DeepCopy()
	s.Data = map[string][]byte{"token": []byte(w.sim.Credential(token))}
	Expect(w.kube.Patch(w.ctx, s, client.MergeFrom(before))).To(Succeed())
}

var _ = Describe("A write that waits to be tried again is decided anew:", func() {
	var w *world
	BeforeEach(func(ctx context.Context) { w = newWorld(ctx) })
	grant := func() {
		GinkgoHelper()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
	}
	edit := func(change func(b *v1alpha1.ScopedTokenBinding)) func() {
		return func() { w.edit("b", change) }
	}

	It("a binding that observes by then gives nothing", func() {
		w.whileThrottled(grant, edit(func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve }))
		w.expect("True/WouldChange", "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		Expect(w.sent(w.ci, w.data, "WORKSPACE_OWNER")).To(BeFalse())
	})

	It("a binding that is suspended by then gives nothing", func() {
		w.whileThrottled(grant, edit(func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true }))
		w.expect("False/Suspended", "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		Expect(w.sent(w.ci, w.data, "WORKSPACE_OWNER")).To(BeFalse())
	})

	It("a binding that declares another role by then gives that and no other", func() {
		w.whileThrottled(grant, edit(func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = "WORKSPACE_MEMBER" }))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.sent(w.ci, w.data, "WORKSPACE_OWNER")).To(BeFalse())
	})

	It("a binding that is deleted by then gives nothing", func() {
		w.whileThrottled(grant, func() { w.delete("b") })
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		Expect(w.sent(w.ci, w.data, "WORKSPACE_OWNER")).To(BeFalse())
	})

	It("a binding that the rules refuse by then gives nothing", func() {
		w.whileThrottled(grant, func() {
			rule := builders.AllowAll(w.namespace)
			rule.Roles = []string{"WORKSPACE_MEMBER"}
			w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
		})
		w.expect("False/RoleNotAllowed", "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		Expect(w.sent(w.ci, w.data, "WORKSPACE_OWNER")).To(BeFalse())
	})

	It("a binding that may not adopt takes over no role that somebody gave meanwhile", func() {
		w.whileThrottled(func() {
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Adopt(v1alpha1.AdoptNever))
		}, func() { w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER") })
		w.expect("False/ExistingRole", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("a binding whose deletion is to leave the role by then leaves it", func() {
		grant()
		w.expect("True/Granted", "b")
		w.whileThrottled(func() { w.delete("b") }, edit(func(b *v1alpha1.ScopedTokenBinding) {
			b.Spec.DeletionPolicy = v1alpha1.DeletionRetain
		}))
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("a token that is a ClusterAstroConnection's credential by then is not written", func() {
		w.whileThrottled(grant, func() {
			w.apply(
				builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.ci)),
				w.connection(w.namespace+"-late").Allow(builders.AllowAll(w.other)).Cluster(),
			)
			Eventually(func() string {
				c := &v1alpha1.ClusterAstroConnection{}
				Expect(w.kube.Get(w.ctx, client.ObjectKey{Name: w.namespace + "-late"}, c)).To(Succeed())
				return c.Status.CredentialTokenID
			}).Should(Equal(w.ci))
			Expect(w.ownWrites(w.ci)).To(BeEmpty(), "the write still waits")
		})
		Expect(w.ownWrites(w.ci)).To(BeEmpty())
		w.expect("False/SelfProtected", "b")
	})

	It("a token that is the connection's own credential by then is not written through it", func() {
		owner := w.sim.AddOrganizationToken(w.org, "owner", "ORGANIZATION_OWNER")
		w.sweep()
		w.whileThrottled(func() {
			w.bind(builders.Binding("b").ForTokenID(owner).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		}, func() {
			w.useSecret(w.namespace, owner)
			Eventually(func() string { return w.acme(w.namespace).Status.CredentialTokenID }).Should(Equal(owner))
			Expect(w.ownWrites(owner)).To(BeEmpty(), "the write still waits")
		})
		Expect(w.ownWrites(owner)).To(BeEmpty())
		w.expect("False/SelfProtected", "b")
	})
})
