package stories

import (
	"context"
	"os/exec"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var _ = Describe("An operator that is taken away before its bindings", func() {
	var (
		w       *world
		granted []string
	)
	const local, cluster = "created", "through-cluster"
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		through := w.connectCluster(map[string][]v1alpha1.AllowRule{"all": {builders.AllowAll(w.namespace)}})["all"]
		w.bind(
			builders.Binding(local).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding(cluster).ThroughCluster(through).ForToken("ci").OnDeployment(w.models),
		)
		granted = []string{local, cluster}
		w.expect("True/Granted", granted...)
		w.stop()
		w.deleteNamespace(w.system, &corev1.Secret{}) // with `make undeploy` its namespace goes
		w.namespaceGone(w.system)
	})
	roles := func() []string { return []string{w.on(w.ci, w.data), w.on(w.ci, w.models)} }
	both := []string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}
	away := func() {
		GinkgoHelper()
		w.delete(granted...)
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Expect(w.kube.DeleteAllOf(w.ctx, &v1alpha1.ClusterAstroConnection{}, client.MatchingLabels{storyLabel: w.namespace})).To(Succeed())
		for _, name := range granted {
			Expect(readiness(w.binding(name).Status.Conditions)).To(Equal("True/Granted"), "the last thing that anybody said")
		}
		Consistently(w.forgotten(w.namespace), "500ms").Should(BeFalse())
		Expect(roles()).To(Equal(both), "nobody is there to revoke")
	}

	It("leaves everything as it is, and writes to no binding when it is back", func() {
		w.installAgain()
		before := w.total()
		Expect(w.costOf(w.start).Writes).To(BeZero())
		Expect(w.traffic.since(before.Kubernetes)).NotTo(ContainElement(ContainSubstring("/scopedtokenbindings/")))
		w.stays("True/Granted", granted...)
		Expect(roles()).To(Equal(both))
	})

	It("leaves what is deleted then until it is back, and revokes it then", func() {
		away()
		w.installAgain()
		w.start()
		w.expect(gone, granted...)
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
		Expect(roles()).To(Equal([]string{"", ""}))
	})

	It("needs every finalizer removed by hand where it does not come back, and the roles stay", func() {
		away()
		for _, name := range granted {
			w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		}
		w.expect(gone, granted...)
		w.editFinalizersAway()
		Expect(roles()).To(Equal(both))
	})
})

// installAgain makes the operator's namespace and its Secret anew.
func (w *world) installAgain() {
	GinkgoHelper()
	w.apply(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.system}},
		builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.operator)),
	)
}

// watchAgain is how long a client waits at most before it tries again to watch a kind that was not there.
const watchAgain = 30 * time.Second

var _ = Describe("The kinds, deleted while the operator runs,", func() {
	It("take along every object and role, and are served again once they are back", func(ctx context.Context) {
		w, env := separateCluster(ctx)
		w.start()
		w.connect(w.namespace)
		w.family()
		kubectl(env, "delete", "--wait=false", "-f", filepath.Join(env.Root, "config", "crd", "bases"))
		Eventually(func() string { return kubectl(env, "get", "crd", "-o", "name") }).Should(BeEmpty())
		Expect(w.familyRoles()).To(Equal(familyRevoked))

		kubectl(env, "apply", "--server-side", "-f", filepath.Join(env.Root, "config", "crd", "bases"))
		kubectl(env, "wait", "--for=condition=Established", "--timeout=20s", "-f", filepath.Join(env.Root, "config", "crd", "bases"))
		for _, served := range []client.ObjectList{&v1alpha1.AstroConnectionList{}, &v1alpha1.ScopedTokenBindingList{}} {
			Eventually(func() error { return w.kube.List(w.ctx, served) }).Should(Succeed(), "a kind is served a while after it is established")
		}
		w.apply(w.connection(builders.ConnectionName).In(w.namespace).Object())
		w.bind(builders.Binding("again").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return w.state("again") }, watchAgain+storyTimeout()).Should(Equal("True/Granted"))
		w.connected(w.namespace)
	})
})

// kubectl runs a command as an administrator of the environment, and returns what it prints.
func kubectl(env *environment.Environment, args ...string) string {
	GinkgoHelper()
	out, err := exec.Command(env.Kubectl, append([]string{"--kubeconfig", env.Kubeconfig}, args...)...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	return string(out)
}
