package stories

import (
	"context"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding made again under its name, while the operator is about to report on the one before,", func() {
	It("is pinned to what it declares itself", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.AddOrganizationToken(w.org, "other", "ORGANIZATION_MEMBER")
		w.sweep()
		var once sync.Once
		again := func(r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/scopedtokenbindings/b/status") {
				return
			}
			once.Do(func() {
				defer GinkgoRecover()
				w.vanish("b")
				w.bind(builders.Binding("b").ForToken("other").OnWorkspaceNamed("science").WithRole("WORKSPACE_OWNER"))
			})
		}
		w.line.before.Store(&again)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string {
			var b v1alpha1.ScopedTokenBinding
			_ = w.kube.Get(w.ctx, w.key("b"), &b) // there is a moment without one
			return b.Status.Token.Name
		}).Should(Equal("other"))
		w.expect("True/Granted", "b")
		s := w.binding("b").Status
		Expect([]string{s.Target.ID, s.Role}).To(Equal([]string{w.science, "WORKSPACE_OWNER"}))
		Expect(w.on(w.ci, w.science)).To(BeEmpty(), "nobody declared it for that token")
	})
})
