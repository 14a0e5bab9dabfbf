package stories

import (
	"context"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A journal that cannot be written", func() {
	It("keeps new roles from being given, and lets edits and revocations go on", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("edited").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("deleted").ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Granted", "edited", "deleted")
		w.written()
		refused := func(r *http.Request) {
			if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/configmaps") {
				r.URL.Path = "/refused"
			}
		}
		w.line.before.Store(&refused)

		w.bind(builders.Binding("new").ForToken("ci").OnDeployment(w.etl))
		w.expect("Unknown/JournalUnwritable", "new")
		Expect(w.message("new")).To(ContainSubstring("nothing new is given"))
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		w.advance(6 * time.Minute) // the next sweep is due, and there is no rest to wait for
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { metav1.SetMetaDataAnnotation(&c.ObjectMeta, "story/woken", "now") })
		Eventually(func() string { return w.acmeSays(w.namespace) }).Should(ContainSubstring("new roles may have to wait"))
		w.role("edited", "WORKSPACE_AUTHOR")
		w.delete("deleted")
		w.expect("True/RoleUpdated", "edited")
		w.expect(gone, "deleted")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_AUTHOR", ""}))
		Expect(w.binding("new").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))

		w.line.before.Store(nil)
		w.expect("True/Granted", "new")
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		w.sweep()
		Eventually(func() string { return w.acmeSays(w.namespace) }).ShouldNot(ContainSubstring("wait"))
	})
})
