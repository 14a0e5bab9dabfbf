package stories

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const gone = "gone"

// apply creates objects as they are, but for a label by which they belong to this story.
func (w *world) apply(objects ...client.Object) {
	GinkgoHelper()
	for _, o := range objects {
		w.label(o)
		Expect(w.kube.Create(w.ctx, o)).To(Succeed())
	}
}

// replace puts an object in the place of the one of the same name.
func (w *world) replace(o client.Object) {
	GinkgoHelper()
	w.label(o)
	Expect(w.kube.Update(w.ctx, o)).To(Succeed())
}

func (w *world) label(o client.Object) {
	all := maps.Clone(o.GetLabels())
	if all == nil {
		all = map[string]string{}
	}
	all[storyLabel] = w.namespace
	o.SetLabels(all)
}

// bind creates bindings, in the story's first namespace where none is given.
func (w *world) bind(bindings ...*builders.BindingBuilder) {
	GinkgoHelper()
	for _, b := range bindings {
		o := b.Object()
		if o.Namespace == "" {
			o.Namespace = w.namespace
		}
		w.apply(o)
	}
}

// key is that of a binding given as "name" or "namespace/name".
func (w *world) key(name string) client.ObjectKey {
	if namespace, rest, found := strings.Cut(name, "/"); found {
		return client.ObjectKey{Namespace: namespace, Name: rest}
	}
	return client.ObjectKey{Namespace: w.namespace, Name: name}
}

// binding is a binding as it is now.
func (w *world) binding(name string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	b := &v1alpha1.ScopedTokenBinding{}
	Expect(w.kube.Get(w.ctx, w.key(name), b)).To(Succeed())
	return b
}

// readiness is status and reason of the Ready condition, such as "True/Granted"; "" if there is none yet.
func readiness(conditions []metav1.Condition) string {
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
		return string(c.Status) + "/" + c.Reason
	}
	return ""
}

// state is the readiness of a binding at its present generation, or "gone".
func (w *world) state(name string) string {
	GinkgoHelper()
	b := &v1alpha1.ScopedTokenBinding{}
	if err := w.kube.Get(w.ctx, w.key(name), b); apierrors.IsNotFound(err) {
		return gone
	} else if err != nil {
		return err.Error()
	}
	if b.Status.ObservedGeneration != b.Generation {
		return ""
	}
	return readiness(b.Status.Conditions)
}

// expect waits until every binding is in this state, such as "True/Granted" or "gone".
func (w *world) expect(state string, names ...string) {
	GinkgoHelper()
	for _, name := range names {
		Eventually(func() string { return w.state(name) }).Should(Equal(state), "binding "+name)
	}
}

// stays checks that every binding is in this state and remains so for a while.
func (w *world) stays(state string, names ...string) {
	GinkgoHelper()
	Consistently(func(g Gomega) {
		for _, name := range names {
			g.Expect(w.state(name)).To(Equal(state), "binding "+name)
		}
	}, 700*time.Millisecond, 50*time.Millisecond).Should(Succeed())
}

// condition is one condition of a binding; the zero value if it is not there.
func (w *world) condition(name, conditionType string) metav1.Condition {
	GinkgoHelper()
	if c := meta.FindStatusCondition(w.binding(name).Status.Conditions, conditionType); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// message is what the Ready condition of a binding says.
func (w *world) message(name string) string {
	GinkgoHelper()
	return w.condition(name, v1alpha1.ConditionReady).Message
}

// stalled says whether the binding is Stalled.
func (w *world) stalled(name string) bool {
	GinkgoHelper()
	return w.condition(name, v1alpha1.ConditionStalled).Status == metav1.ConditionTrue
}

// kstatus is what tools such as Flux and Argo CD make of the binding: Current, InProgress, Failed or Terminating.
func (w *world) kstatus(name string) status.Status {
	GinkgoHelper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(w.binding(name))
	Expect(err).NotTo(HaveOccurred())
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	Expect(err).NotTo(HaveOccurred())
	return result.Status
}

// edit changes a binding by a merge patch of what the function changes.
func (w *world) edit(name string, change func(*v1alpha1.ScopedTokenBinding)) {
	GinkgoHelper()
	b := w.binding(name)
	before := b.DeepCopy()
	change(b)
	Expect(w.kube.Patch(w.ctx, b, client.MergeFrom(before))).To(Succeed())
}

// role edits the role of a binding.
func (w *world) role(name, role string) {
	GinkgoHelper()
	w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = role })
}

// annotate sets an annotation of a binding.
func (w *world) annotate(name, key, value string) {
	GinkgoHelper()
	w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { metav1.SetMetaDataAnnotation(&b.ObjectMeta, key, value) })
}

// look asks for a reconcile of the binding by annotation, and waits until it is done.
func (w *world) look(name string) {
	GinkgoHelper()
	now := time.Now().Format(time.RFC3339Nano)
	w.annotate(name, v1alpha1.AnnotationRequestedAt, now)
	Eventually(func() string { return w.binding(name).Status.LastHandledReconcileAt }).Should(Equal(now))
}

// delete deletes bindings without waiting for them to go.
func (w *world) delete(names ...string) {
	GinkgoHelper()
	for _, name := range names {
		Expect(w.kube.Delete(w.ctx, w.binding(name))).To(Succeed())
	}
}

// deleteSecret deletes the Secret of the connection "acme".
func (w *world) deleteSecret(namespace string) {
	GinkgoHelper()
	Expect(w.kube.Delete(w.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: builders.SecretName}})).To(Succeed())
}

// editConnection changes the AstroConnection "acme" of a namespace.
func (w *world) editConnection(namespace string, change func(*v1alpha1.AstroConnection)) {
	GinkgoHelper()
	c := w.acme(namespace)
	before := c.DeepCopy()
	change(c)
	Expect(w.kube.Patch(w.ctx, c, client.MergeFrom(before))).To(Succeed())
}

// sweep lets a sweep interval pass for the connection "acme" of the first namespace, and waits until its sweep is over and
// all that follows from it.
func (w *world) sweep() {
	GinkgoHelper()
	w.sweepOf(w.namespace)
}

// annotationWoken wakes a connection by any new value.
const annotationWoken = "story/woken"

func (w *world) sweepOf(namespace string) {
	GinkgoHelper()
	pages := w.pages() // before the sweep is due, whoever wakes the connection
	w.advance(6 * time.Minute)
	w.editConnection(namespace, func(c *v1alpha1.AstroConnection) { // the timer knows nothing of the moved clock
		metav1.SetMetaDataAnnotation(&c.ObjectMeta, annotationWoken, time.Now().Format(time.RFC3339Nano))
	})
	Eventually(w.pages).Should(BeNumerically(">", pages), "the connection sweeps")
	w.waitIdle()
}

// roles are a token's roles, as TYPE/id=ROLE in order.
func (w *world) roles(token string) []string {
	var roles []string
	for _, r := range w.sim.Roles(token) {
		roles = append(roles, r.String())
	}
	slices.Sort(roles)
	return roles
}

// on is the role that a token holds on a Workspace or Deployment.
func (w *world) on(token, target string) string {
	for _, r := range w.sim.Roles(token) {
		if r.EntityID == target {
			return r.Role
		}
	}
	return ""
}
