package stories

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// lose deletes a binding while no operator runs, finalizer or not, and returns what a backup of it holds: everything but
// the status.
func (w *world) lose(name string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	b := w.binding(name)
	backup := &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Name, Annotations: b.Annotations, Finalizers: b.Finalizers},
		Spec:       b.Spec,
	}
	w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil })
	w.delete(name)
	w.expect(gone, name)
	return backup
}

// held is the annotation with the claim.
func (w *world) held(name string) string {
	GinkgoHelper()
	return w.binding(name).Annotations[v1alpha1.AnnotationHeld]
}

var _ = Describe("A binding restored from a backup without its status", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		w.bind(
			builders.Binding("adopted").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
			builders.Binding("created").ForToken("ci").OnDeploymentNamed(w.data, "etl"),
		)
		w.expect("True/Adopted", "adopted")
		w.expect("True/Granted", "created")
	})

	It("has the same pins, and nothing is written to Astro", func() {
		w.stop()
		claims := []string{w.held("adopted"), w.held("created")}
		backups := []*v1alpha1.ScopedTokenBinding{w.lose("adopted"), w.lose("created")}
		w.sim.RenameToken(w.ci, "renamed since the backup")
		taker := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		writes := w.total().Writes
		w.apply(backups[0], backups[1])
		w.start()
		w.expect("True/Adopted", "adopted")
		w.expect("True/Granted", "created")

		Expect([]string{w.held("adopted"), w.held("created")}).To(Equal(claims))
		Expect(w.total().Writes).To(Equal(writes))
		Expect(w.roles(taker)).To(HaveLen(1))
		s := w.binding("adopted").Status
		Expect([]string{s.Token.ID, s.Target.ID, string(s.Origin), s.PreviousRole}).To(Equal([]string{w.ci, w.data, "Adopted", "WORKSPACE_OWNER"}))
		Expect(w.binding("created").Status.Origin).To(Equal(v1alpha1.OriginCreated))
	})

	It("has its finalizer put back if the backup lacked it, and is revoked when it goes", func() {
		w.stop()
		backup := w.lose("created")
		backup.Finalizers = nil
		w.apply(backup)
		w.start()
		w.expect("True/Granted", "created")
		Expect(w.binding("created").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		w.delete("created")
		w.expect(gone, "created")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("The annotation with the claim", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
	})
	strip := func() {
		GinkgoHelper()
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { delete(b.Annotations, v1alpha1.AnnotationHeld) })
	}

	It("is put back when somebody strips it", func() {
		strip()
		Eventually(func() string { return w.held("b") }).Should(ContainSubstring(w.ci))
		w.stays("True/Granted", "b")
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
	})

	It("stripped from a binding that is being deleted is PinLost, and the finalizer stays until it is released", func() {
		w.stop()
		w.delete("b")
		strip()
		w.start()
		w.expect("False/PinLost", "b")
		Expect(w.message("b")).To(ContainSubstring(v1alpha1.AnnotationRelease))
		Expect(w.binding("b").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.annotate("b", v1alpha1.AnnotationRelease, "true")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("that somebody rewrites to another token revokes nothing of that one", func() {
		other := w.sim.AddOrganizationToken(w.org, "other", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER")))
		w.sweep()
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) {
			b.Annotations[v1alpha1.AnnotationHeld] = strings.ReplaceAll(b.Annotations[v1alpha1.AnnotationHeld], w.ci, other)
		})
		w.delete("b")
		w.settle()
		Expect(w.on(other, w.data)).To(Equal("WORKSPACE_OWNER"))
	})
})
