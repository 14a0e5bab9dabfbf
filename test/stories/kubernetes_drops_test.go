package stories

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// drop makes a policy that takes a field out of every update of a resource of ours in the world's namespace, and waits until it
// does, by what probe tells. The function returned takes it away.
func (w *world) drop(resource, field string, probe func() bool) (lift func()) {
	GinkgoHelper()
	name := w.namespace + "-" + strings.ReplaceAll(resource, "/", "-")
	path := strings.ReplaceAll(field, ".", "/")
	made := &admissionv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
			MatchConditions:    []admissionv1.MatchCondition{{Name: "has", Expression: "has(object." + field + ")"}},
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{resource}},
				},
			}}},
			Mutations: []admissionv1.Mutation{{
				PatchType: admissionv1.PatchTypeJSONPatch,
				JSONPatch: &admissionv1.JSONPatch{Expression: `[JSONPatch{op: "remove", path: "/` + path + `"}]`},
			}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{
			PolicyName: name,
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace},
			}},
		},
	}
	for _, o := range []client.Object{made, binding} {
		Expect(w.kube.Create(w.ctx, o)).To(Succeed())
		DeferCleanup(func(ctx context.Context) { _ = w.kube.Delete(ctx, o) })
	}
	Eventually(probe, 20*time.Second).Should(BeTrue(), "the policy is not enforced")
	return func() {
		GinkgoHelper()
		Expect(w.kube.Delete(w.ctx, binding)).To(Succeed())
		Expect(w.kube.Delete(w.ctx, made)).To(Succeed())
		Eventually(probe, 20*time.Second).Should(BeFalse(), "the policy is still enforced")
	}
}

var _ = Describe("A policy of the cluster that takes parts out of the operator's writes", func() {
	It("is told where it takes the finalizer of bindings, which holds nobody up and costs Astro nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		probe := builders.Binding("probe").In(w.namespace).ForToken("ci").OnWorkspace(nobody).WithRole("WORKSPACE_MEMBER").Suspended().Object()
		w.apply(probe)
		lift := w.drop("scopedtokenbindings", "metadata.finalizers", func() bool { return !w.keeps(probe.DeepCopy()) })
		w.bind(
			builders.Binding("new").ForToken("ci").OnDeployment(w.etl),
			builders.Binding("adopting").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("False/KubernetesRefused", "new", "adopting")
		Expect(w.message("new")).To(And(ContainSubstring("the change of its finalizers"), ContainSubstring("policy or webhook")))
		Eventually(w.events(w.binding("new"), v1alpha1.ReasonKubernetesRefused)).Should(ConsistOf(HavePrefix("Warning")))
		calls := w.sim.Counts().Total
		time.Sleep(2 * time.Second)
		Expect(w.sim.Counts().Total-calls).To(BeNumerically("<", 15), "calls to Astro in two seconds")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		lift()
		w.expect("True/Granted", "new", "adopting")
	})

	It("is told where it takes the claim out of statuses, and the role is revoked all the same", func(ctx context.Context) {
		w := newWorld(ctx)
		probe := builders.Binding("probe").In(w.namespace).ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Object()
		w.apply(probe)
		w.expect("True/Granted", "probe")
		lift := w.drop("scopedtokenbindings/status", "status.claim", func() bool { return !w.claims(w.binding("probe")) })
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("False/KubernetesRefused", "b")
		Expect(w.message("b")).To(And(ContainSubstring("status.claim"), ContainSubstring("CRDs of the operator's version")))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		w.stays("False/KubernetesRefused", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())

		w.bind(builders.Binding("c").ForToken("ci").OnDeployment(w.models))
		w.expect("False/KubernetesRefused", "c")
		w.restart()
		w.stays("False/KubernetesRefused", "c")
		lift()
		w.expect("True/Granted", "c")
		Expect(w.binding("c").Status.Claim).NotTo(BeNil())
	})

	It("is told where it takes the finalizer of connections", func(ctx context.Context) {
		w := newWorld(ctx)
		probe := w.connection("probe").In(w.namespace).Object()
		w.apply(probe)
		Eventually(func() bool { return w.keeps(probe.DeepCopyObject().(client.Object)) }).Should(BeTrue())
		lift := w.drop("astroconnections", "metadata.finalizers", func() bool { return !w.keeps(probe.DeepCopyObject().(client.Object)) })
		w.apply(w.connection("late").In(w.namespace).Object())
		w.bind(builders.Binding("b").Through("late").ForToken("ci").OnDeployment(w.etl))
		w.expect("Unknown/ConnectionNotReady", "b")
		Expect(w.message("b")).To(ContainSubstring(v1alpha1.ReasonKubernetesRefused))
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		lift()
		w.expect("True/Granted", "b")
	})
})

// claims writes the binding's status anew, without a change, and reports whether its claim is there after it.
func (w *world) claims(b *v1alpha1.ScopedTokenBinding) bool {
	before := b.DeepCopy()
	if b.Status.Claim == nil {
		b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimReleased}
	}
	b.Status.LastHandledReconcileAt += "."
	Expect(w.kube.Status().Patch(w.ctx, b, client.MergeFrom(before), client.DryRunAll)).To(Succeed())
	return b.Status.Claim != nil
}

// keeps adds a finalizer, as a dry run, and reports whether it is there after it.
func (w *world) keeps(o client.Object) bool {
	if w.kube.Get(w.ctx, client.ObjectKeyFromObject(o), o) != nil {
		return false
	}
	before, _ := o.DeepCopyObject().(client.Object)
	o.SetFinalizers(append(o.GetFinalizers(), "example.com/probe"))
	Expect(w.kube.Patch(w.ctx, o, client.MergeFrom(before), client.DryRunAll)).To(Succeed())
	return len(o.GetFinalizers()) > 0
}
