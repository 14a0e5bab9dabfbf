package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// manyBindings binds a few tokens in many ways, so that an idle operator has a reason to be tempted.
func (w *world) manyBindings() {
	GinkgoHelper()
	w.bind(
		builders.Binding("by-name").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
		builders.Binding("by-id").ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"),
		builders.Binding("workspace-token").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl"),
		builders.Binding("observed").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_OWNER").Observe(),
		builders.Binding("suspended").ForToken("ci").OnDeployment(w.models).Suspended(),
		builders.Binding("loser").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
	)
	w.expect("True/Granted", "by-name", "by-id", "workspace-token")
	w.expect("True/WouldChange", "observed")
	w.expect("False/Suspended", "suspended")
	w.expect("False/ConflictingBinding", "loser")
	Eventually(w.journal).Should(BeEmpty(), "what the statuses say is taken out of it a second later")
	w.sweep() // the connection counts its bindings
}

var _ = Describe("An operator with nothing to do", func() {
	It("lists the tokens once a sweep and writes nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manyBindings()
		spent := w.costOf(func() {
			for range 4 {
				w.sweep()
			}
		})
		Expect(spent).To(Equal(cost{Pages: 4, Lookups: 8}), "a look at all Workspaces, and one at all Deployments, that are bound")
	})

	It("sweeps by its own timer, likewise", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sweep()
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second} })
		Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(int64(2)))
		begun := time.Now()
		spent := w.costOf(func() {
			pages := w.pages()
			Eventually(w.pages).Should(BeNumerically(">", pages))
		})
		due := int(time.Since(begun)/(4500*time.Millisecond)) + 1 // each a tenth early at most
		Expect(spent.Pages).To(BeNumerically("<=", due))
		Expect(spent).To(Equal(cost{Pages: spent.Pages, Lookups: spent.Pages}))
	})

	It("writes nothing after a restart", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manyBindings()
		spent := w.costOf(w.restart)
		Expect([]int{spent.Writes, spent.Kubernetes, spent.Events}).To(Equal([]int{0, 0, 0}))
		Expect(spent.Gets).To(BeZero(), "the listing says all there is to say")
		w.stays("True/Granted", "by-name", "by-id", "workspace-token")
	})

	It("writes nothing to the bindings while Astro is away, and shows it on the connection", func(ctx context.Context) {
		w := newWorld(ctx)
		w.manyBindings()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHTML})
		w.waitIdle()
		before := w.total().Kubernetes
		w.advance(6 * time.Minute)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, "story/woken", "once")
		})
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).ShouldNot(Equal("True/Connected"))
		w.waitIdle()
		Expect(w.traffic.since(before)).To(HaveEach(ContainSubstring("/astroconnections/")))
		w.stays("True/Granted", "by-name", "by-id", "workspace-token")
	})

	It("needs one page for a thousand tokens", func(ctx context.Context) {
		w := newWorld(ctx)
		for i := range 990 {
			w.sim.AddOrganizationToken(w.org, fmt.Sprintf("t-%d", i), "ORGANIZATION_MEMBER")
		}
		w.sweep()
		Expect(w.costOf(w.sweep)).To(Equal(cost{Pages: 1}))
	})
})
