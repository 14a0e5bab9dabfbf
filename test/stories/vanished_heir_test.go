package stories

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// beforeStatus does something once, just before the operator writes the status of a binding for which it is ready.
func (w *world) beforeStatus(name string, ready func() bool, do func()) (done *atomic.Bool) {
	done = &atomic.Bool{}
	hook := func(r *http.Request) {
		its := r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/scopedtokenbindings/"+name+"/status")
		if its && ready() && done.CompareAndSwap(false, true) {
			do()
		}
	}
	w.line.before.Store(&hook)
	return done
}

var _ = Describe("A binding that joins another's role", func() {
	join := func(w *world) *builders.BindingBuilder {
		return builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}

	It("keeps nothing if it goes before its status tells, while the other is leaving", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("a").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable})
		w.delete("a")
		w.bind(join(w))
		w.expect("Unknown/Unreachable", "b")
		strip := func() {
			b := w.binding("b")
			before := b.DeepCopy()
			b.Finalizers = nil
			_ = w.kube.Patch(w.ctx, b, client.MergeFrom(before))
			_ = w.kube.Delete(w.ctx, b)
		}
		done := w.beforeStatus("b", func() bool {
			b := &v1alpha1.ScopedTokenBinding{}
			return w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "b"}, b) == nil && len(b.Finalizers) > 0
		}, strip)
		w.sim.ClearFaults()
		w.sweepAttempt()
		w.expect(gone, "a", "b")
		Expect(done.Load()).To(BeTrue(), "b had no finalizer before its status")
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
	})

	It("can be deleted before its status tells", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("a").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		w.waitIdle()
		done := w.beforeStatus("b", func() bool { return true }, func() { w.delete("b") })
		w.bind(join(w))
		w.expect(gone, "b")
		Expect(done.Load()).To(BeTrue())
		w.stays("True/Granted", "a")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
