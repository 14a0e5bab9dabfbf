package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func (w *world) acmeIsGone() bool {
	key := client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}
	return apierrors.IsNotFound(kube.Get(w.ctx, key, &v1alpha1.AstroConnection{}))
}

var _ = Describe("A connection that is made again for another Organization", func() {
	It("has names looked up anew of which nothing was held", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("late").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		w.expect("False/TokenNotFound", "b")
		Expect(w.binding("b").Status.Target.ID).To(Equal(w.data))
		Expect(kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(w.acmeIsGone).Should(BeTrue())
		w.deleteSecret(w.namespace)
		w.org = w.sim.AddOrganization("Beta")
		data, late := w.sim.AddWorkspace(w.org, "data"), w.sim.AddOrganizationToken(w.org, "late", "ORGANIZATION_MEMBER")
		w.connectAs(w.namespace, w.sim.AddOrganizationToken(w.org, "operator", "ORGANIZATION_OWNER"))
		w.expect("True/Granted", "b")
		Expect(w.on(late, data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("A connection in use", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(
			builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").ForToken("ws-ci").OnDeployment(w.etl).ForWorkspaceToken(w.data, "ws-ci"),
		)
		w.expect("True/Granted", "a", "b")
	})
	revoked := func() {
		GinkgoHelper()
		w.expect(gone, "a", "b")
		Expect([]string{w.on(w.ci, w.data), w.on(w.wsCI, w.etl)}).To(Equal([]string{"", ""}))
	}

	It("is held when it is deleted, serves what needs it, and goes with the last binding", func() {
		Expect(kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Consistently(w.acmeIsGone, "500ms").Should(BeFalse())
		w.delete("a", "b")
		revoked()
		Eventually(w.acmeIsGone).Should(BeTrue())
	})

	It("still revokes after its Secret went first, as when a namespace is deleted", func() {
		w.deleteSecret(w.namespace)
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/SecretNotFound"))
		w.stays("True/Granted", "a", "b")
		w.delete("a", "b")
		revoked()
	})

	It("still revokes when Secret, connection and bindings are deleted at once, and leaves nothing behind", func() {
		w.deleteSecret(w.namespace)
		Expect(kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.delete("a", "b")
		revoked()
		Eventually(w.acmeIsGone).Should(BeTrue())
	})

	It("whose Secret is gone when the operator starts holds the bindings until it is back", func() {
		w.stop()
		w.deleteSecret(w.namespace)
		w.delete("a", "b")
		w.start()
		Eventually(func() string { return w.state("a") }).Should(Equal("Unknown/ConnectionNotReady"))
		Expect(w.message("a")).To(ContainSubstring(v1alpha1.AnnotationRelease))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)))
		revoked()
	})

	It("goes on with a rotated secret", func() {
		w.replace(builders.Secret(w.namespace, builders.SecretName, w.sim.RotateToken(w.operator)))
		w.role("a", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "a")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("whose credential was revoked says so, leaves settled bindings alone and catches up when it works again", func() {
		w.sim.RevokeCredential(w.operator)
		w.role("a", "WORKSPACE_OWNER")
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
		w.stays("True/Granted", "b")
		w.sim.RestoreCredential(w.operator)
		w.sweep()
		Eventually(func() string { return w.state("a") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("whose credential was refused is asked about after a shorter sweepInterval as soon as that is set", func() {
		w.sim.RevokeCredential(w.operator)
		w.sweepAttempt()
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
		w.sim.RestoreCredential(w.operator)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.SweepInterval.Duration = 5 * time.Second })
		w.connected(w.namespace)
	})
})

var _ = Describe("A cluster connection", func() {
	It("serves the namespaces that its rules name, with the operator's Secret", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		w.apply(
			builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(w.namespace).Allow(builders.AllowAll(w.other)).Cluster(),
		)
		w.bind(
			builders.Binding("in").In(w.other).ThroughCluster(w.namespace).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("out").ThroughCluster(w.namespace).ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", w.other+"/in")
		w.expect("False/NamespaceNotAllowed", "out")
		Expect(w.roles(w.ci)).To(ConsistOf(
			astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER").String(), astrosim.WorkspaceRole(w.data, "WORKSPACE_MEMBER").String()))
	})
})
