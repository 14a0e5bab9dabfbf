package stories

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// costCentre is a label that a policy demands, and needsIt what the policy says.
const (
	costCentre = "cost-centre"
	needsIt    = "every object needs the label cost-centre"
	never      = "the platform team froze this"
)

// policy is a ValidatingAdmissionPolicy that came later than the operator.
type policy struct {
	namespace, group, resource string
	demands, says              string // as CEL, and in words
	reason                     metav1.StatusReason
}

// labelled demands the label of what is written to a resource of the operator's group.
func (w *world) labelled(resource string) policy {
	return policy{
		namespace: w.namespace, group: v1alpha1.GroupVersion.Group, resource: resource, says: needsIt, reason: metav1.StatusReasonForbidden,
		demands: "has(object.metadata.labels) && '" + costCentre + "' in object.metadata.labels",
	}
}

// frozen allows no write at all.
func (w *world) frozen(resource string) policy {
	return policy{namespace: w.namespace, group: v1alpha1.GroupVersion.Group, resource: resource, says: never, demands: "false"}
}

// enforce makes the policy, and waits until it refuses a write of the object. The function returned takes it away.
func (w *world) enforce(p policy, probe client.Object) (lift func()) {
	GinkgoHelper()
	name := w.namespace + "-" + strings.ReplaceAll(p.resource, "/", "-")
	rule := admissionv1.Rule{APIGroups: []string{p.group}, APIVersions: []string{"*"}, Resources: []string{p.resource}}
	validation := admissionv1.Validation{Expression: p.demands, Message: p.says}
	if p.reason != "" {
		validation.Reason = &p.reason
	}
	made := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			Validations: []admissionv1.Validation{validation},
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{Operations: []admissionv1.OperationType{admissionv1.Update}, Rule: rule},
			}}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": p.namespace},
			}},
		},
	}
	return w.standing(p.resource, probe, p.says, made, binding)
}

// failingWebhook is an admission webhook for a resource that nobody answers for, and that must not be passed by.
func (w *world) failingWebhook(resource string, probe client.Object) (lift func()) {
	GinkgoHelper()
	fail, none, url, timeout := admissionv1.Fail, admissionv1.SideEffectClassNone, "https://127.0.0.1:1/", int32(1)
	made := &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace + "-" + resource},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "nobody.stories.example", FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &timeout,
			AdmissionReviewVersions: []string{"v1"}, ClientConfig: admissionv1.WebhookClientConfig{URL: &url},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{resource}},
			}},
		}},
	}
	return w.standing(resource, probe, "failed calling webhook", made)
}

// standing makes what refuses writes, and waits until it does.
func (w *world) standing(resource string, probe client.Object, says string, objects ...client.Object) (lift func()) {
	GinkgoHelper()
	w.apply(objects...)
	lift = func() {
		for _, o := range objects {
			Expect(client.IgnoreNotFound(w.kube.Delete(w.ctx, o))).To(Succeed())
		}
	}
	DeferCleanup(lift)
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"story/probe":"x"}}}`))
	_, sub, _ := strings.Cut(resource, "/")
	Eventually(func() error {
		now := probe.DeepCopyObject().(client.Object)
		if sub == "" {
			return w.kube.Patch(w.ctx, now, patch, client.DryRunAll)
		}
		status := client.RawPatch(types.MergePatchType, []byte(`{"status":{"observedGeneration":0}}`))
		return w.kube.SubResource(sub).Patch(w.ctx, now, status, client.DryRunAll)
	}).Should(MatchError(ContainSubstring(says)))
	return lift
}

// events are the notes of the events about an object that have the reason, each once however often it came.
func (w *world) events(o client.Object, reason string) func() []string {
	return func() (notes []string) {
		var list eventsv1.EventList
		Expect(w.kube.List(w.ctx, &list, client.InNamespace(o.GetNamespace()))).To(Succeed())
		for i := range list.Items {
			if e := &list.Items[i]; e.Regarding.UID == o.GetUID() && e.Reason == reason {
				notes = append(notes, e.Type+" "+e.Note)
			}
		}
		return notes
	}
}
