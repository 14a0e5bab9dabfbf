package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding restored into another namespace than it was saved from", func() {
	It("claims nothing where the rules do not allow that namespace, and takes nothing along when it goes", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		names := w.connectCluster(map[string][]v1alpha1.AllowRule{"mine": {builders.AllowAll(w.namespace)}})
		w.bind(builders.Binding("b").ThroughCluster(names["mine"]).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.unwritten(func() {
			w.apply(w.copyInto(w.other, "b"))
			w.expect("False/NamespaceNotAllowed", w.other+"/b")
			w.stays("True/Granted", "b")
			w.delete(w.other + "/b")
			w.expect(gone, w.other+"/b")
		})
		w.role("b", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("claims nothing either of a token or target that the rules do not allow there", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		theirs := w.rule(func(r *v1alpha1.AllowRule) { r.Namespaces.Names = []string{w.other} }) // tokens team-…, in data only
		names := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.namespace), theirs}})
		w.bind(
			builders.Binding("b").ThroughCluster(names["shared"]).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("t").ThroughCluster(names["shared"]).ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.etl).WithRole("Deploy Only"),
		)
		w.expect("True/Granted", "b", "t")
		w.unwritten(func() {
			w.apply(w.copyInto(w.other, "b"), w.copyInto(w.other, "t"))
			w.expect("False/TokenNotAllowed", w.other+"/b")
			w.expect("False/RoleNotAllowed", w.other+"/t")
			w.delete(w.other+"/b", w.other+"/t")
			w.expect(gone, w.other+"/b", w.other+"/t")
			w.stays("True/Granted", "b", "t")
		})
	})

	It("shares the grant where that namespace may have it, and the last to go revokes it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.unwritten(func() {
			w.apply(w.copyInto(w.other, "b"))
			w.expect("True/Granted", w.other+"/b")
			w.delete("b")
			w.expect(gone, "b")
		})
		w.delete(w.other + "/b")
		w.expect(gone, w.other+"/b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("does not push aside a claim that is settled, by a time that somebody made up", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Granted", "b")
		forged := w.copyInto(w.other, "b")
		forged.Spec.Role = "WORKSPACE_ACCESSOR"
		metav1.SetMetaDataAnnotation(&forged.ObjectMeta, formerClaim, claimText(w, w.ci, "1999-01-01T00:00:00.000000Z"))
		w.unwritten(func() {
			w.apply(forged)
			w.expect("False/ConflictingBinding", w.other+"/b")
			w.look("b")
			w.look(w.other + "/b")
			w.sweep()
			w.stays("False/ConflictingBinding", w.other+"/b")
			w.stays("True/Granted", "b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})
})
