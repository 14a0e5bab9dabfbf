package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A ClusterAstroConnection that is deleted", func() {
	var w *world
	var cluster string
	BeforeEach(func(ctx context.Context) {
		w = emptyWorld(ctx)
		w.start()
		cluster = w.tenancy()
	})
	remove := func() {
		GinkgoHelper()
		c := &v1alpha1.ClusterAstroConnection{}
		Expect(w.kube.Get(w.ctx, client.ObjectKey{Name: cluster}, c)).To(Succeed())
		Expect(w.kube.Delete(w.ctx, c)).To(Succeed())
	}
	absent := func() bool {
		return apierrors.IsNotFound(w.kube.Get(w.ctx, client.ObjectKey{Name: cluster}, &v1alpha1.ClusterAstroConnection{}))
	}
	finalized := func(b *builders.BindingBuilder, annotated bool) *v1alpha1.ScopedTokenBinding {
		o := withFinalizer(b.ThroughCluster(cluster).ForTokenID(w.ci).Object())
		if annotated {
			o.Annotations = w.forgeries(w.ci, w.etl, "DEPLOYMENT_ADMIN")
		}
		return o
	}

	for which, annotated := range map[string]bool{"a finalizer": false, "a finalizer and a made-up claim": true} {
		It("is not held up by who is in a namespace to which no rule speaks, with "+which, func() {
			xavier := w.editor("xavier", w.system)
			xavier.apply(finalized(builders.Binding("x").In(w.system).OnDeployment(w.etl), annotated))
			w.expect("False/NamespaceNotAllowed", w.system+"/x")
			w.waitIdle()
			remove()
			Eventually(absent).Should(BeTrue())
			xavier.delete(w.system + "/x")
			w.expect(gone, w.system+"/x")
		})

		It("is not held up by who is refused the target, with "+which, func() {
			bob := w.editor("bob", w.other)
			bob.apply(finalized(builders.Binding("x").In(w.other).OnDeployment(w.models), annotated))
			w.expect("False/TargetNotAllowed", w.other+"/x")
			w.waitIdle()
			remove()
			Eventually(absent).Should(BeTrue())
		})

		It("is not held up by one that only observes, with "+which, func() {
			bob := w.editor("bob", w.other)
			bob.apply(finalized(builders.Binding("x").In(w.other).OnDeployment(w.etl).Observe(), annotated))
			w.expect("True/WouldChange", w.other+"/x")
			w.waitIdle()
			remove()
			Eventually(absent).Should(BeTrue())
		})

		It("is not held up by one that is made after the deletion, with "+which, func() {
			w.bind(builders.Binding("b").ThroughCluster(cluster).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "b")
			remove()
			w.waitIdle()
			Expect(absent()).To(BeFalse(), "b needs it")
			xavier := w.editor("xavier", w.system)
			xavier.apply(finalized(builders.Binding("x").In(w.system).OnDeployment(w.etl), annotated))
			Eventually(func() string { return w.state(w.system + "/x") }).ShouldNot(BeEmpty())
			w.delete("b")
			w.expect(gone, "b")
			Eventually(absent).Should(BeTrue())
			Expect(w.on(w.ci, w.data)).To(BeEmpty())
		})
	}

	It("is held while a binding has a claim, though its user has taken the finalizer away", func() {
		w.bind(builders.Binding("b").ThroughCluster(cluster).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
		remove()
		w.waitIdle()
		Expect(absent()).To(BeFalse())
		w.delete("b")
		w.expect(gone, "b")
		Eventually(absent).Should(BeTrue())
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

var _ = Describe("An AstroConnection that is deleted", func() {
	It("is not held up by a binding that was never given anything, finalizer or not", func(ctx context.Context) {
		w := newWorld(ctx)
		w.apply(withFinalizer(builders.Binding("x").In(w.namespace).ForTokenID(nobody).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Object()))
		w.expect("False/TokenNotFound", "x")
		w.waitIdle()
		Expect(w.kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
		Eventually(w.forgotten(w.namespace)).Should(BeTrue())
		w.delete("x")
		w.expect(gone, "x")
	})
})
