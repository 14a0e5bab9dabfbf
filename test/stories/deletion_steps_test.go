package stories

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// deleteNamespace deletes a namespace, and what lies in it in the order of the kinds, as the namespace controller does, which a
// bare API server lacks. From the first step on, the API server lets nobody make anything there. Between the kinds the
// operator has time to notice.
func (w *world) deleteNamespace(namespace string, kinds ...client.Object) {
	GinkgoHelper()
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	Expect(w.kube.Delete(w.ctx, n)).To(Succeed())
	Eventually(func() corev1.NamespacePhase {
		Expect(w.kube.Get(w.ctx, client.ObjectKeyFromObject(n), n)).To(Succeed())
		return n.Status.Phase
	}).Should(Equal(corev1.NamespaceTerminating))
	for _, kind := range kinds {
		Expect(w.kube.DeleteAllOf(w.ctx, kind, client.InNamespace(namespace))).To(Succeed())
		w.waitIdle()
	}
}

// namespaceGone checks that nothing holds up the namespace any more, and lets it go.
func (w *world) namespaceGone(namespace string) {
	GinkgoHelper()
	lists := []client.ObjectList{&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}, &v1alpha1.TargetInventoryList{}, &corev1.SecretList{}}
	for _, list := range lists {
		Eventually(func() int {
			Expect(w.kube.List(w.ctx, list, client.InNamespace(namespace))).To(Succeed())
			return meta.LenList(list)
		}).Should(BeZero(), "%T", list)
	}
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	Expect(w.kube.Get(w.ctx, client.ObjectKeyFromObject(n), n)).To(Succeed())
	n.Spec.Finalizers = nil
	Expect(w.kube.SubResource("finalize").Update(w.ctx, n)).To(Succeed())
	Eventually(func() bool { return apierrors.IsNotFound(w.kube.Get(w.ctx, client.ObjectKeyFromObject(n), n)) }).Should(BeTrue())
}

// release lets bindings go without revoking their roles.
func (w *world) release(names ...string) {
	GinkgoHelper()
	for _, name := range names {
		w.annotate(name, v1alpha1.AnnotationRelease, "true")
	}
}

// stuck waits until a binding that is being deleted says why it stays (a pattern), and how it can go all the same.
func (w *world) stuck(state, name string, says ...string) {
	GinkgoHelper()
	Eventually(func() string { return w.state(name) }).Should(MatchRegexp(state), name)
	for _, words := range append(says, v1alpha1.AnnotationRelease) {
		Eventually(func() string { return w.message(name) }).Should(ContainSubstring(words), name)
	}
	Expect(w.binding(name).Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
}

// acmeSays is what the Ready condition of the connection "acme" says.
func (w *world) acmeSays(namespace string) string {
	GinkgoHelper()
	if c := meta.FindStatusCondition(w.acme(namespace).Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}

// forgotten reports whether the connection "acme" of the namespace is gone.
func (w *world) forgotten(namespace string) func() bool {
	return func() bool {
		key := client.ObjectKey{Namespace: namespace, Name: builders.ConnectionName}
		return apierrors.IsNotFound(w.kube.Get(w.ctx, key, &v1alpha1.AstroConnection{}))
	}
}

// family is one binding of each kind that a namespace may hold: by name and by id, of both scopes, adopted and refused,
// beside a role on the token that nobody declared.
func (w *world) family() (granted []string) {
	GinkgoHelper()
	w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER")
	w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
	w.sweep()
	w.bind(
		builders.Binding("created").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
		builders.Binding("adopted").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		builders.Binding("workspace-token").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.etl),
	)
	w.expect("True/Granted", "created", "workspace-token")
	w.expect("True/Adopted", "adopted")
	w.bind(builders.Binding("loser").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
	w.expect("False/ConflictingBinding", "loser")
	return []string{"created", "adopted", "workspace-token"}
}

// familyRoles are the roles that Astro holds for the family: of created, adopted and workspace-token, and the one that
// nobody declared.
func (w *world) familyRoles() []string {
	return []string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.wsCI, w.etl), w.on(w.ci, w.models)}
}

var (
	familyGranted = []string{"WORKSPACE_MEMBER", "WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN", "Deploy Only"}
	familyRevoked = []string{"", "", "", "Deploy Only"}
)
