package stories

import (
	"context"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
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
				w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
				w.delete("b")
				w.bind(builders.Binding("b").ForToken("other").OnWorkspaceNamed("science").WithRole("WORKSPACE_OWNER"))
			})
		}
		w.line.before.Store(&again)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return w.binding("b").Status.Token.Name }).Should(Equal("other"))
		w.expect("True/Granted", "b")
		s := w.binding("b").Status
		Expect([]string{s.Target.ID, s.Role}).To(Equal([]string{w.science, "WORKSPACE_OWNER"}))
		Expect(w.roles(w.ci)).To(ConsistOf("ORGANIZATION/"+w.org+"=ORGANIZATION_MEMBER", astrosim.TypeWorkspace+"/"+w.data+"=WORKSPACE_MEMBER"),
			"what was granted for the one whose finalizer was taken away stays, and nothing else")
	})
})
