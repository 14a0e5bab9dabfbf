package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A role that nobody declared, and that is stronger than what the rules let a tenant give", func() {
	var w, bob *world
	var cluster, weak string
	BeforeEach(func(ctx context.Context) {
		w = emptyWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN") // by hand
		w.start()
		rule := builders.AllowAll(w.other)
		rule.Roles = []string{"Deploy Only"}
		cluster, weak = w.connectCluster(map[string][]v1alpha1.AllowRule{"acme": {rule, builders.AllowAll(w.namespace)}})["acme"], w.other+"/weak"
		bob = w.editor("bob", w.other)
	})
	binding := func(name string) *builders.BindingBuilder {
		return builders.Binding(name).ThroughCluster(cluster).ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only")
	}
	lookAgain := func() {
		GinkgoHelper()
		bob.edit(weak, func(b *v1alpha1.ScopedTokenBinding) {
			metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationRequestedAt, "again")
		})
		Eventually(func() string { return w.binding(weak).Status.LastHandledReconcileAt }).Should(Equal("again"))
	}

	It("is not lowered by a binding with adopt: Always, nor removed with it", func() {
		w.unwritten(func() {
			bob.apply(binding("weak").In(w.other).Object())
			w.refused(weak, v1alpha1.ReasonExistingRole, "DEPLOYMENT_ADMIN", "spec.allow")
			Expect(w.binding(weak).Finalizers).To(BeEmpty())
			lookAgain()
			bob.delete(weak)
			w.expect(gone, weak)
		})
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("is lowered by whoever may give it", func() {
		w.bind(binding("strong"))
		w.expect("True/Adopted", "strong")
		Expect(w.on(w.ci, w.etl)).To(Equal("Deploy Only"))
	})

	It("is what the tenant may take over once it is no stronger", func() {
		bob.apply(binding("weak").In(w.other).Object())
		w.expect("False/ExistingRole", weak)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		lookAgain()
		w.expect("True/Adopted", weak)
	})
})
