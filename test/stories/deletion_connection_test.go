package stories

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A connection that is deleted before its bindings", func() {
	says := func(w *world) func() string { return func() string { return w.acmeSays(w.namespace) } }

	It("names who holds it as they go, and goes with the last, revoked or released", func(ctx context.Context) {
		w := newWorld(ctx)
		var names []string
		for i, ws := range w.workspaces(5) {
			names = append(names, fmt.Sprintf("b-%d", i))
			w.bind(builders.Binding(names[i]).ForToken("ci").OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", names...)
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		n := w.namespace
		Eventually(says(w)).Should(ContainSubstring(fmt.Sprintf("5 binding(s) need the connection to revoke their roles: %s/b-0, %s/b-1, %s/b-2 and 2 more", n, n, n)))
		w.delete("b-0", "b-1", "b-2")
		Eventually(says(w)).Should(ContainSubstring(fmt.Sprintf("2 binding(s) need the connection to revoke their roles: %s/b-3, %s/b-4;", n, n)))
		w.delete("b-3")
		w.expect(gone, "b-3")
		w.release("b-4")
		w.delete("b-4")
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
		Expect(w.roles(w.ci)).To(HaveLen(2), "its own, and the one that was released")
	})

	It("puts a finalizer back that somebody stripped, so that its role is revoked", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(says(w)).Should(ContainSubstring("1 binding(s) need the connection"))
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		Eventually(func() []string { return w.binding("b").Finalizers }).Should(ContainElement(v1alpha1.FinalizerRevoke))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("names holders of every namespace, where it is a ClusterAstroConnection", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		name := w.connectCluster(map[string][]v1alpha1.AllowRule{"all": {builders.AllowAll(w.namespace, w.other)}})["all"]
		w.bind(
			builders.Binding("a").ThroughCluster(name).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").In(w.other).ThroughCluster(name).ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Granted", "a", w.other+"/b")
		c := &v1alpha1.ClusterAstroConnection{}
		get := func() error { return w.kube.Get(w.ctx, client.ObjectKey{Name: name}, c) }
		Expect(get()).To(Succeed())
		Expect(w.kube.Delete(w.ctx, c)).To(Succeed())
		Eventually(func() string {
			Expect(get()).To(Succeed())
			return meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady).Message
		}).Should(ContainSubstring(fmt.Sprintf("2 binding(s) need the connection to revoke their roles: %s/b, %s/a;", w.other, w.namespace)))
		w.delete("a", w.other+"/b")
		Eventually(func() bool { return apierrors.IsNotFound(get()) }).Should(BeTrue())
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})

	It("still serves them, where it and they were deleted while no operator ran", func(ctx context.Context) {
		w := newWorld(ctx)
		granted := w.family()
		w.stop()
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.delete(append(granted, "loser")...)
		w.start()
		w.expect(gone, append(granted, "loser")...)
		Expect(w.familyRoles()).To(Equal(familyRevoked))
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
	})

	It("by force leaves them in Astro until it is made again, and says so", func(ctx context.Context) {
		w := newWorld(ctx)
		granted := w.family()
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.editFinalizersAway()
		w.expect("False/ConnectionNotFound", granted...)
		w.delete(granted...)
		for _, name := range granted {
			w.stuck("False/ConnectionNotFound", name, "there is no AstroConnection "+w.namespace+"/acme; create it")
		}
		Expect(w.familyRoles()).To(Equal(familyGranted))
		w.apply(w.connection(builders.ConnectionName).In(w.namespace).Object())
		w.expect(gone, granted...)
		w.expect("True/Granted", "loser") // promoted
		Expect(w.familyRoles()).To(Equal([]string{"WORKSPACE_OWNER", "", "", "Deploy Only"}))
	})
})

var _ = Describe("A connection that is made again, to another Organization,", func() {
	It("does not miss there what is bound in the one before, nor take it for deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		var granted []string
		for i, id := range w.tokens(5) {
			granted = append(granted, fmt.Sprintf("b-%d", i))
			w.bind(builders.Binding(granted[i]).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", granted...)
		w.bind(builders.Binding("loser").ForToken("ci-0").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConflictingBinding", "loser")
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		w.editFinalizersAway()
		w.deleteSecret(w.namespace)
		w.org = w.sim.AddOrganization("Emca")
		w.connectAs(w.namespace, w.sim.AddOrganizationToken(w.org, "operator", "ORGANIZATION_OWNER"))
		w.expect("False/OrganizationMismatch", append(granted, "loser")...)
		w.waitIdle()
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
	})
})

// editFinalizersAway takes the finalizers from the connection "acme" until it is gone.
func (w *world) editFinalizersAway() {
	GinkgoHelper()
	Eventually(func() bool {
		c := &v1alpha1.AstroConnection{}
		err := w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}, c)
		if err == nil {
			before := c.DeepCopy()
			c.Finalizers = nil
			_ = w.kube.Patch(w.ctx, c, client.MergeFrom(before)) // tried again if it is still there
		}
		return apierrors.IsNotFound(err)
	}).Should(BeTrue())
}
