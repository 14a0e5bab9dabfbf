package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const withStatus, withoutTheStatus = true, false

var _ = Describe("Bindings that are all restored from a backup", func() {
	var w *world
	var names []string
	// Of three that declare different roles for one place, the first that was claimed is the last by name. One is adopted,
	// two share a grant, one is suspended, one is of a Workspace token, and one only looks.
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.sweep()
		first := func(b *builders.BindingBuilder, state string) {
			GinkgoHelper()
			w.bind(b)
			w.expect(state, b.Object().Name)
			names = append(names, b.Object().Name)
		}
		names = nil
		first(builders.Binding("z-winner").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"), "True/Granted")
		first(builders.Binding("m-same").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), "True/Granted")
		first(builders.Binding("b-loser").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"), "False/ConflictingBinding")
		first(builders.Binding("a-loser").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_AUTHOR"), "False/ConflictingBinding")
		first(builders.Binding("adopted").ForToken("ci").OnWorkspaceNamed("science").WithRole("WORKSPACE_MEMBER"), "True/Adopted")
		first(builders.Binding("workspace-token").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl"), "True/Granted")
		first(builders.Binding("looks").ForToken("ci").OnDeployment(w.models).WithRole("DEPLOYMENT_ADMIN").Observe(), "True/WouldChange")
		first(builders.Binding("suspended").ForToken("ci").OnDeployment(w.reports), "True/Granted")
		w.edit("suspended", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "suspended")
	})
	roles := func() [][]string { return [][]string{w.roles(w.ci), w.roles(w.wsCI)} }
	promoted := func() {
		GinkgoHelper()
		w.delete("z-winner", "m-same")
		w.expect(gone, "z-winner", "m-same")
		Eventually(func() string { return w.state("a-loser") }).Should(HavePrefix("True/"), "neither was claimed: the older, then the first by name")
		w.expect("False/ConflictingBinding", "b-loser")
		w.edit("suspended", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		Eventually(func() bool { return w.claimed("suspended") }).Should(BeTrue())
		w.delete("a-loser", "b-loser", "adopted", "workspace-token", "suspended", "looks")
		w.expect(gone, names...)
		Expect(roles()).To(Equal([][]string{
			{"DEPLOYMENT/" + w.models + "=Deploy Only", "ORGANIZATION/" + w.org + "=ORGANIZATION_MEMBER"}, {"WORKSPACE/" + w.data + "=WORKSPACE_MEMBER"},
		}), "what was granted was revoked")
	}

	DescribeTable("have the winners whose roles Astro holds, though the losers are older now, and nothing is written to Astro:",
		func(status, finalizers bool) {
			before, held, writes, uids := w.knownOf(names...), roles(), w.total().Writes, w.uids(names...)
			saved := w.disaster(names...)
			if !finalizers {
				for _, o := range saved {
					o.SetFinalizers(nil)
				}
			}
			w.restore(saved, status, reversed(names)...)
			want := before
			if !status {
				want = withoutStatus(before)
			}
			suspended := want["suspended"]
			suspended.Held, suspended.Origin, suspended.Previous, suspended.State = false, "", "", "False/Suspended"
			if !finalizers {
				suspended.Finalizers = nil
			}
			want["suspended"] = suspended
			w.start()
			for name, k := range want {
				w.expect(k.State, name)
			}
			w.sweep()
			Expect(w.knownOf(names...)).To(Equal(want))
			Expect(roles()).To(Equal(held))
			Expect(w.total().Writes).To(Equal(writes))
			Expect(w.uids(names...)).NotTo(ContainElements(uids...))
			promoted()
		},
		Entry("without status, all roles that are there are adopted", withoutTheStatus, true),
		Entry("without status, and the finalizers come back with the claims", withoutTheStatus, false),
		Entry("with status, origins are as they were", withStatus, true),
		Entry("with status, and the finalizers come back with the claims", withStatus, false),
	)

	for how, status := range map[string]bool{"without status": withoutTheStatus, "with status": withStatus} {
		It("leave the role of a suspended one in Astro, where that is deleted before it has its claim again: "+how, func() {
			saved := w.disaster(names...)
			w.restore(saved, status, "suspended")
			w.start()
			w.expect("False/Suspended", "suspended")
			w.waitIdle()
			w.unwritten(func() {
				w.delete("suspended")
				w.expect(gone, "suspended")
			})
			Expect(w.on(w.ci, w.reports)).To(Equal("DEPLOYMENT_ADMIN"))
		})
	}

	It("lose their order where the operator runs all the while: the first that it sees takes the role over, and the next by age has it after that", func() {
		saved := w.disaster(names...)
		w.start()
		w.restore(saved, withoutTheStatus, "a-loser")
		w.expect("True/Adopted", "a-loser")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_AUTHOR"))
		Expect(w.binding("a-loser").Status.PreviousRole).To(Equal("WORKSPACE_MEMBER"))
		w.restore(saved, withoutTheStatus, "b-loser", "m-same", "z-winner", "adopted", "workspace-token")
		w.expect("False/ConflictingBinding", "b-loser", "m-same", "z-winner")
		Expect(w.message("z-winner")).To(ContainSubstring(w.namespace + "/a-loser"))
		w.expect("True/Adopted", "adopted", "workspace-token")
		w.delete("a-loser")
		w.expect(gone, "a-loser")
		w.expect("True/Adopted", "b-loser")
		w.expect("False/ConflictingBinding", "m-same", "z-winner")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("keep their order where the operator runs, if they take over only the role that they declare", func() {
		saved := w.disaster(names...)
		for _, loser := range []string{"a-loser", "b-loser"} {
			Expect(unstructured.SetNestedField(saved[loser].Object, string(v1alpha1.AdoptIfSameRole), "spec", "adopt")).To(Succeed())
		}
		w.start()
		w.unwritten(func() {
			w.restore(saved, withoutTheStatus, "a-loser", "b-loser")
			w.expect("False/ExistingRole", "a-loser", "b-loser")
			w.restore(saved, withoutTheStatus, "m-same", "z-winner")
			w.expect("True/Adopted", "m-same", "z-winner")
			w.expect("False/ConflictingBinding", "a-loser", "b-loser")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("claim their roles where a running operator sees them before their status is restored, and nothing is written to Astro", func() {
		some := []string{"workspace-token", "adopted", "m-same", "z-winner"}
		saved := w.disaster(names...)
		w.start()
		w.unwritten(func() {
			w.restore(saved, withStatus, some...)
			for _, name := range some {
				Eventually(func() bool { return w.claimed(name) }).Should(BeTrue(), name)
			}
			w.waitIdle()
			for _, name := range some {
				Expect(w.state(name)).To(HavePrefix("True/"), name)
				Expect(w.claimed(name)).To(BeTrue(), name)
				Expect(w.binding(name).Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke), name)
			}
		})
		w.delete(some...)
		w.expect(gone, some...)
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.wsCI, w.etl)}).To(HaveEach(""))
	})
})
