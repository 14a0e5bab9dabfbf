package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// claimed writes a claim of somebody's own making into the status of a backup.
func claimed(uid any) func(*unstructured.Unstructured) {
	return func(o *unstructured.Unstructured) {
		GinkgoHelper()
		claim := map[string]any{"uid": uid, "state": "Held", "claimedAt": longAgo, "host": "api.astronomer.io"}
		Expect(unstructured.SetNestedMap(o.Object, claim, "status", "claim")).To(Succeed())
	}
}

var _ = Describe("A binding that is restored with the status of its backup", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("z-first").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "z-first")
		w.bind(builders.Binding("a-second").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConflictingBinding", "a-second")
		w.waitIdle()
	})
	// lost stops the operator and takes the bindings away, roles left; it returns the backups.
	lost := func() (first, second *unstructured.Unstructured) {
		GinkgoHelper()
		w.stopAtRest()
		first, second = w.saved("z-first"), w.saved("a-second")
		w.lose("z-first")
		w.lose("a-second")
		return first, second
	}

	for order, reverse := range map[string]bool{"in order": false, "the loser before the winner": true} {
		It("has its role and its origin as before, and nothing is written to Astro: "+order, func() {
			backups := make([]*unstructured.Unstructured, 2)
			backups[0], backups[1] = lost()
			if reverse {
				backups[0], backups[1] = backups[1], backups[0]
			}
			w.restoreWhole(backups[0])
			w.restoreWhole(backups[1])
			writes := w.total().Writes
			w.start()
			w.expect("False/ConflictingBinding", "a-second")
			Eventually(func() string { return w.state("z-first") }).Should(HavePrefix("True/"))
			w.waitIdle()
			Expect(w.total().Writes).To(Equal(writes))
			Expect(w.binding("z-first").Status.Origin).To(Equal(v1alpha1.OriginCreated))
			Expect(w.binding("z-first").Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
			w.delete("a-second", "z-first")
			w.expect(gone, "a-second", "z-first")
			Expect(w.on(w.ci, w.data)).To(BeEmpty())
		})
	}

	It("does not take a token that was made again under its name", func() {
		first, _ := lost()
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.restoreWhole(first)
		w.start()
		w.expect("False/TokenReplaced", "z-first")
		w.waitIdle()
		Expect(w.roles(again)).To(HaveLen(1))
	})

	for which, uid := range map[string]any{"of another object": "00000000-0000-4000-8000-000000000000", "of no object": ""} {
		It("does not come before a claim that was taken meanwhile, though its backup has a claim "+which, func() {
			first, _ := lost()
			w.bind(builders.Binding("meanwhile").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.start()
			Eventually(func() string { return w.state("meanwhile") }).Should(HavePrefix("True/"))
			w.waitIdle()
			w.restoreWhole(first, claimed(uid), func(o *unstructured.Unstructured) {
				Expect(unstructured.SetNestedField(o.Object, "WORKSPACE_OWNER", "spec", "role")).To(Succeed())
			})
			w.expect("False/ConflictingBinding", "z-first")
			w.restart()
			w.stays("False/ConflictingBinding", "z-first")
			Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		})
	}
})

var _ = Describe("A binding whose backup is restored into a namespace that the rules do not allow what it says", func() {
	It("has no claim by the status, and takes nothing along when it is deleted", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := w.tenancy()
		w.bind(builders.Binding("b").ThroughCluster(cluster).ForToken("ci").OnDeployment(w.models).WithRole("Deploy Only"))
		w.expect("True/Granted", "b")
		backup := w.saved("b")
		copied := w.other + "/b"
		w.unwritten(func() {
			w.stop()
			w.restoreWhole(backup, func(o *unstructured.Unstructured) { o.SetNamespace(w.other) }, claimed(string(backup.GetUID())))
			w.start()
			Eventually(func() string { return w.state(copied) }).Should(HavePrefix("False/"))
			w.waitIdle()
			w.delete(copied)
			w.expect(gone, copied)
		})
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
	})
})
