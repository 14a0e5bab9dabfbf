package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// The order of claims is the operator's. What users may do to it is to wait until another goes.
var _ = Describe("The order of claims on one place", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.connect(w.other)
	})
	declare := func(name, role string) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(w.data).WithRole(role)
	}

	It("goes by when a claim was taken, not by which object is older", func() {
		w.bind(declare("a-old", "WORKSPACE_OWNER").Observe())
		w.expect("True/WouldChange", "a-old")
		w.bind(declare("new", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "new")
		w.edit("a-old", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeEnforce })
		w.expect("False/ConflictingBinding", "a-old")
		w.restart()
		w.stays("False/ConflictingBinding", "a-old")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("is not changed by a creationTimestamp in a manifest, nor by an edit of it: the API server keeps its own", func() {
		w.bind(declare("b", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		backdated := declare("a", "WORKSPACE_OWNER").In(w.other).Object()
		backdated.CreationTimestamp = metav1.NewTime(time.Unix(0, 0))
		w.apply(backdated)
		w.edit(w.other+"/a", func(b *v1alpha1.ScopedTokenBinding) { b.CreationTimestamp = metav1.NewTime(time.Unix(0, 0)) })
		Expect(w.binding(w.other + "/a").CreationTimestamp.Time).To(BeTemporally("~", time.Now(), time.Hour))
		w.expect("False/ConflictingBinding", w.other+"/a")
		w.stays("True/Granted", "b")
	})

	It("is not kept by a binding that is deleted and made again under its name", func() {
		w.bind(declare("a", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		w.bind(declare("b", "WORKSPACE_OWNER").In(w.other))
		w.expect("False/ConflictingBinding", w.other+"/b")
		w.delete("a")
		w.expect(gone, "a")
		Eventually(func() string { return w.state(w.other + "/b") }).Should(HavePrefix("True/"))
		w.bind(declare("a", "WORKSPACE_MEMBER").Annotated(annotationHeld, w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", longAgo)))
		w.expect("False/ConflictingBinding", "a")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("is kept while the first is suspended, and while its role is edited", func() {
		w.bind(declare("z-first", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "z-first")
		w.edit("z-first", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "z-first")
		w.bind(declare("a-second", "WORKSPACE_OWNER").In(w.other))
		w.expect("False/ConflictingBinding", w.other+"/a-second")
		w.edit("z-first", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend, b.Spec.Role = false, "WORKSPACE_AUTHOR" })
		Eventually(func() string { return w.state("z-first") }).Should(HavePrefix("True/"))
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_AUTHOR"))
		w.stays("False/ConflictingBinding", w.other+"/a-second")
	})

	It("is lost by the first where it only observes for a while", func() {
		w.bind(declare("a-first", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a-first")
		w.bind(declare("second", "WORKSPACE_OWNER").In(w.other))
		w.expect("False/ConflictingBinding", w.other+"/second")
		w.edit("a-first", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		Eventually(func() string { return w.state(w.other + "/second") }).Should(HavePrefix("True/"))
		w.waitIdle()
		w.edit("a-first", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeEnforce })
		w.expect("False/ConflictingBinding", "a-first")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("is the operator's though its clock is set back", func() {
		w.bind(declare("z-first", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "z-first")
		w.advance(-time.Hour)
		w.bind(declare("a-second", "WORKSPACE_MEMBER").In(w.other))
		w.expect("True/Granted", w.other+"/a-second")
		w.waitIdle()
		w.role(w.other+"/a-second", "WORKSPACE_OWNER")
		w.expect("False/ConflictingBinding", w.other+"/a-second")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
