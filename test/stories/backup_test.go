package stories

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
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

// claimed reports whether the binding holds its claim, as its status has it.
func (w *world) claimed(name string) bool {
	GinkgoHelper()
	return pin.Claimed(w.binding(name)) != nil
}

// journal is all that the pages of the operator's journal hold.
func (w *world) journal() string {
	GinkgoHelper()
	var pages corev1.ConfigMapList
	Expect(w.kube.List(w.ctx, &pages, client.InNamespace(w.system), client.HasLabels{journal.Label})).To(Succeed())
	var all strings.Builder
	for i := range pages.Items {
		for _, data := range pages.Items[i].Data {
			all.WriteString(data)
		}
	}
	return all.String()
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

	It("finds token and target by their names anew, adopts the roles, and nothing is written to Astro", func() {
		w.stopAtRest()
		backups := []*v1alpha1.ScopedTokenBinding{w.lose("adopted"), w.lose("created")}
		writes := w.total().Writes
		w.apply(backups[0], backups[1])
		w.start()
		w.expect("True/Adopted", "adopted", "created")
		Expect(w.total().Writes).To(Equal(writes))
		s := w.binding("adopted").Status
		Expect([]string{s.Token.ID, s.Target.ID, string(s.Origin), s.PreviousRole}).To(Equal([]string{w.ci, w.data, "Adopted", "WORKSPACE_MEMBER"}))
	})

	It("has its finalizer put back if the backup lacked it, and is revoked when it goes", func() {
		w.stopAtRest()
		backup := w.lose("created")
		backup.Finalizers = nil
		w.apply(backup)
		w.start()
		w.expect("True/Adopted", "created")
		Expect(w.binding("created").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		w.delete("created")
		w.expect(gone, "created")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("A binding that is deleted before an operator ever looked at it", func() {
	It("says that the record of its claim may be lost where the token holds its very role, and revokes nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.stopAtRest()
		w.bind(
			builders.Binding("held").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
			builders.Binding("not-held").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		for _, name := range []string{"held", "not-held"} {
			w.edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = []string{v1alpha1.FinalizerRevoke} })
			w.delete(name)
		}
		w.start()
		w.expect(gone, "not-held")
		w.stuck("False/PinLost", "held", "WORKSPACE_MEMBER", "data")
		w.release("held")
		w.expect(gone, "held")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("The annotation that carried the claim once", func() {
	It("means nothing, whoever writes it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		other := w.sim.AddOrganizationToken(w.org, "other", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER")))
		w.sweep()
		w.annotate("b", formerClaim, claimText(w, other, "1999-01-01T00:00:00.000000Z"))
		w.stays("True/Granted", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(other, w.data)).To(Equal("WORKSPACE_OWNER"))
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

// formerClaim is an annotation that an operator before the first release believed.
const formerClaim = "astro.scopedtoken.dev/held"

// claimText is what somebody may have made up for it.
func claimText(w *world, token, at string) string {
	return fmt.Sprintf(`{"host":%q,"organization":%q,"token":%q,"scope":"Organization","targetKind":"Workspace","target":%q,"role":"WORKSPACE_OWNER","origin":"Created","time":%q}`,
		strings.TrimPrefix(w.sim.URL(), "http://"), w.org, token, w.data, at)
}
