package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A namespace that is deleted", func() {
	secrets, connections := &corev1.Secret{}, &v1alpha1.AstroConnection{}
	bindings, inventories := &v1alpha1.ScopedTokenBinding{}, &v1alpha1.TargetInventory{}
	orders := map[string][]client.Object{
		"the Secret first":     {secrets, connections, inventories, bindings},
		"the connection first": {connections, secrets, bindings, inventories},
		"the bindings first":   {bindings, secrets, inventories, connections},
	}
	for name, kinds := range orders {
		It("takes along what its bindings granted and nothing else: "+name, func(ctx context.Context) {
			w := newWorld(ctx)
			w.connect(w.other)
			granted := w.family()
			w.bind(builders.Binding("stays").In(w.other).ForTokenID(w.ci).OnDeployment(w.reports))
			w.expect("True/Granted", w.other+"/stays")
			Expect(w.familyRoles()).To(Equal(familyGranted))

			w.deleteNamespace(w.namespace, kinds...)
			w.expect(gone, append(granted, "loser")...)
			w.namespaceGone(w.namespace)
			Expect(w.familyRoles()).To(Equal(familyRevoked))
			Expect(w.on(w.ci, w.reports)).To(Equal("DEPLOYMENT_ADMIN"))
			w.stays("True/Granted", w.other+"/stays")
		})
	}

	It("holds nothing back once its bindings are released, where the operator restarted after the Secret went", func(ctx context.Context) {
		w := newWorld(ctx)
		granted := w.family()
		w.deleteNamespace(w.namespace, secrets)
		w.stop()
		w.deleteNamespace(w.namespace, connections, bindings)
		w.start()
		for _, name := range granted {
			w.stuck("Unknown/ConnectionNotReady", name, "SecretNotFound")
		}
		Eventually(w.acmeSays).WithArguments(w.namespace).Should(And(ContainSubstring("3 binding(s) need"), ContainSubstring(v1alpha1.AnnotationRelease), ContainSubstring(builders.SecretName)))
		again := builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator))
		Expect(apierrors.IsForbidden(w.kube.Create(w.ctx, again))).To(BeTrue(), "nothing can be made there any more")
		Expect(w.familyRoles()).To(Equal(familyGranted), "nobody could revoke")

		w.release(granted...)
		w.namespaceGone(w.namespace)
		Expect(w.familyRoles()).To(Equal(familyGranted), "as the user asked")
	})

	It("takes along what was granted through a ClusterAstroConnection, whatever restarts meanwhile", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		through := w.connectCluster(map[string][]v1alpha1.AllowRule{"all": {builders.AllowAll(w.namespace)}})["all"]
		w.bind(
			builders.Binding("a").ThroughCluster(through).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").ThroughCluster(through).ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Granted", "a", "b")
		w.stop()
		w.deleteNamespace(w.namespace, secrets, bindings)
		w.start()
		w.namespaceGone(w.namespace)
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})
})
