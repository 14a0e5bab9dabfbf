package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// labelSecret labels the Secret of the connection "acme" as a credential, with a value that is JSON.
func (w *world) labelSecret(value string) {
	GinkgoHelper()
	s := &corev1.Secret{}
	s.Namespace, s.Name = w.namespace, builders.SecretName
	patch := `{"metadata":{"labels":{"` + v1alpha1.LabelCredential + `":` + value + `}}}`
	Expect(kube.Patch(w.ctx, s, client.RawPatch(types.MergePatchType, []byte(patch)))).To(Succeed())
}

var _ = Describe("A Secret, where the operator uses labelled ones only,", func() {
	It("is used while it is labelled, and not otherwise", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.instance.labelled = true
		w.start()
		state := func() string { return readiness(w.acme(w.namespace).Status.Conditions) }
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)), w.connection(builders.ConnectionName).In(w.namespace).Object())
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl))
		Eventually(state).Should(Equal("False/SecretNotLabelled"))
		Expect(w.acmeSays(w.namespace)).To(ContainSubstring("kubectl -n " + w.namespace + " label secret " + builders.SecretName + " astro.scopedtoken.dev/credential=true"))
		w.unready("b", v1alpha1.ReasonSecretNotLabelled)
		Expect(w.sim.Counts().Total).To(BeZero(), "the credential is not shown to Astro")

		w.labelSecret(`"false"`)
		Consistently(state, "500ms").Should(Equal("False/SecretNotLabelled"))
		w.labelSecret(`"true"`)
		Eventually(state).Should(Equal("True/Connected"))
		w.expect("True/Granted", "b")

		w.labelSecret("null")
		Eventually(state).Should(Equal("False/SecretNotLabelled"))
		w.stays("True/Granted", "b")
	})
})
