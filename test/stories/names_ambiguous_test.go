package stories

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A name that two tokens have", func() {
	It("is an error that lists the ids, until one is left", func(ctx context.Context) {
		w := newWorld(ctx)
		twin := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sweep()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/TokenAmbiguous", "b")
		Expect(w.message("b")).To(And(ContainSubstring(w.ci), ContainSubstring(twin)))
		w.sim.RenameToken(twin, "other")
		w.sweep()
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("stays one while nobody knows what one of them holds", func(ctx context.Context) {
		w := newWorld(ctx)
		w.decide("roles-answer", astrosim.Stale)
		twin := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sweep()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: "tokens.*", Path: w.ci, Age: time.Hour})
		w.bind(builders.Binding("by-id").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/DriftDetected", "by-id") // Astro took the role, and does not show it
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/TokenAmbiguous", "b")
		Expect(w.on(twin, w.science)).To(BeEmpty())
	})

	Describe("since the last listing", func() {
		var (
			w      *world
			second string
		)
		twin := func() {
			w.advance(time.Minute)
			second = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		}
		ambiguous := func() {
			GinkgoHelper()
			w.expect("False/TokenAmbiguous", "b")
			Expect(w.message("b")).To(And(ContainSubstring(w.ci), ContainSubstring(second)))
			w.waitIdle()
			Expect([]string{w.on(w.ci, w.data), w.on(second, w.data)}).To(Equal([]string{"", ""}))
		}

		It("is ambiguous to a new binding", func(ctx context.Context) {
			w = newWorld(ctx)
			w.waitIdle()
			twin()
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
			ambiguous()
		})

		It("is ambiguous beside a binding of one of them", func(ctx context.Context) {
			w = newWorld(ctx)
			w.bind(builders.Binding("before").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"))
			w.expect("True/Granted", "before")
			twin()
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
			w.bind(builders.Binding("other").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER")) // which has the token worked on by its id
			w.expect("True/Granted", "other", "before")
			ambiguous()
		})

		It("is ambiguous to a binding that was suspended", func(ctx context.Context) {
			w = newWorld(ctx)
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").Suspended())
			w.waitIdle()
			before := w.binding("b").Status.Token.ID
			twin()
			w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
			if before == "" {
				ambiguous()
				return
			}
			w.expect("True/Granted", "b")
			Expect(w.on(second, w.data)).To(BeEmpty(), "the name stood for one token when the binding was looked at")
		})
	})

	It("is ambiguous though a listing without the second was under way when that was made, and has just been answered", func(ctx context.Context) {
		var held atomic.Pointer[chan struct{}]
		asked := make(chan struct{}, 100)
		w := behind(ctx, func(_ *world, r *http.Request, _ int) {
			if release := held.Load(); release != nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/tokens") && held.CompareAndSwap(release, nil) {
				asked <- struct{}{}
				<-*release
			}
		})
		w.waitIdle()
		release := make(chan struct{})
		held.Store(&release)
		w.advance(6 * time.Minute)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, annotationWoken, "now")
		})
		Eventually(asked).Should(Receive())
		w.advance(9 * time.Second)
		w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.advance(9 * time.Second)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		time.Sleep(500 * time.Millisecond) // it asks for the listing that is under way
		close(release)
		w.expect("False/TokenAmbiguous", "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("costs one listing in ten seconds, however many bindings spell it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.waitIdle()
		w.advance(time.Minute)
		cost := w.costOf(func() {
			for i := range 10 {
				w.bind(builders.Binding(fmt.Sprintf("b%d", i)).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
			}
		})
		Expect(cost.Pages).To(Equal(1))
	})

	It("is one token where the scopes or the home Workspaces differ", func(ctx context.Context) {
		w := newWorld(ctx)
		namesake := w.sim.AddWorkspaceToken(w.data, "ci", "WORKSPACE_MEMBER")
		w.sim.AddWorkspaceToken(w.science, "ci", "WORKSPACE_MEMBER")
		w.sweep()
		w.bind(
			builders.Binding("org").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"),
			builders.Binding("ws").ForWorkspaceToken(w.data, "ci").OnDeployment(w.etl),
		)
		w.expect("True/Granted", "org", "ws")
		Expect([]string{w.on(w.ci, w.etl), w.on(namesake, w.etl)}).To(Equal([]string{"Deploy Only", "DEPLOYMENT_ADMIN"}))
	})
})
