package stories

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("What an instance that was taken away has left in its journal", func() {
	It("is dealt with by the one that takes its connections over, once and for all", func(ctx context.Context) {
		const a, rest = "shard=a", "shard!=a"
		s := newInstances(emptyWorld(ctx), a, rest)
		t := s.tenant("left", "a", 1)
		s.by[a].line.severAfter(3) // finalizer, page made, entry: Astro gets the role, and no status tells of it
		names := s.declare(t)
		held := func() string { return s.on(t.tokens[0], t.workspaces[0]) }
		Eventually(held).Should(Equal("WORKSPACE_MEMBER"))
		s.by[a].crash()
		s.by[rest].stop()
		s.relabel("left", "b")
		s.by[rest].start()
		s.expect("True/Granted", names[0])
		s.edit(names[0], func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		s.delete(names[0])
		s.expect(gone, names[0])
		s.by[rest].stop()
		s.by[rest].start()
		Consistently(held, "5s").Should(Equal("WORKSPACE_MEMBER"), "the role was to stay")
	})
})

var _ = Describe("An operator whose clock was an hour ahead, and that is killed in a write", func() {
	It("leaves nothing behind that the next one waits for as long", func(ctx context.Context) {
		w := newWorld(ctx)
		w.stop()
		w.advance(time.Hour)
		w.start()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensRoles})
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(w.strikes(astrosim.FaultHang)).Should(BeNumerically(">", 0))
		w.crash()
		w.sim.ClearFaults()
		w.advance(-time.Hour)
		w.delete("b")
		w.start()
		w.advance(time.Minute)
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("leaves claims behind that a write without an answer waits for no longer than for others", func(ctx context.Context) {
		w := newWorld(ctx)
		w.advance(2 * time.Hour)
		w.bind(builders.Binding("a").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "a")
		w.stop()
		w.advance(-2 * time.Hour)
		w.start()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable, Endpoint: astrosim.TokensRoles})
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(w.strikes(astrosim.FaultServerError)).Should(BeNumerically(">", 0))
		w.expect("Unknown/Unreachable", "b")
		w.delete("b")
		w.sim.ClearFaults()
		w.advance(time.Minute)
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})
