package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Bindings that are all restored from a backup without status", func() {
	var w *world
	var names []string
	// Of three that declare different roles for one place, the first that was held is the last by name. One is adopted,
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
		w.expect("True/Granted", "a-loser") // neither was held, so the first by name
		w.expect("False/ConflictingBinding", "b-loser")
		w.delete("a-loser", "b-loser", "adopted", "workspace-token", "suspended", "looks")
		w.expect(gone, names...)
		Expect(roles()).To(Equal([][]string{
			{"DEPLOYMENT/" + w.models + "=Deploy Only", "ORGANIZATION/" + w.org + "=ORGANIZATION_MEMBER"}, {"WORKSPACE/" + w.data + "=WORKSPACE_MEMBER"},
		}), "what was granted was revoked")
	}

	It("are as they were: claims, winners, finalizers, origins; and nothing is written to Astro", func() {
		before, held, writes, uids := w.knownOf(names...), roles(), w.total().Writes, w.uids(names...)
		saved := w.disaster(names...)
		w.restore(saved, reversed(names)...) // the losers are older now
		w.start()
		for name, was := range before {
			w.expect(was.State, name)
		}
		w.sweep()
		Expect(w.knownOf(names...)).To(Equal(before))
		Expect(roles()).To(Equal(held))
		Expect(w.total().Writes).To(Equal(writes))
		Expect(w.uids(names...)).NotTo(ContainElements(uids...))
		promoted()
	})

	It("are as they were, where the backup lacked the finalizers too", func() {
		before, writes := w.knownOf(names...), w.total().Writes
		saved := w.disaster(names...)
		for _, b := range saved {
			b.Finalizers = nil
		}
		w.restore(saved, reversed(names)...)
		w.start()
		for name, was := range before {
			w.expect(was.State, name)
		}
		w.settle()
		got := w.knownOf(names...)
		suspended := got["suspended"]
		Expect(suspended.Held).To(Equal(before["suspended"].Held))
		suspended.Finalizers = before["suspended"].Finalizers // it comes back with the first look at one that is not suspended
		got["suspended"] = suspended
		Expect(got).To(Equal(before))
		Expect(w.total().Writes).To(Equal(writes))
	})

	It("end as they were, where the operator runs all the while and sees the losers first", func() {
		before, held := w.knownOf("z-winner", "m-same", "adopted", "workspace-token"), roles()
		saved := w.disaster(names...)
		w.start()
		w.connected(w.namespace)
		w.restore(saved, reversed(names)...)
		for name, was := range before {
			w.expect(was.State, name)
		}
		w.expect("False/ConflictingBinding", "a-loser", "b-loser")
		w.settle()
		Expect(w.knownOf("z-winner", "m-same", "adopted", "workspace-token")).To(Equal(before))
		Expect(roles()).To(Equal(held))
	})
})

var _ = Describe("Bindings restored from a backup, while Astro went on,", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(
			builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
			builders.Binding("d").ForToken("ci").OnDeploymentNamed(w.science, "models"),
		)
		w.expect("True/Granted", "b", "d")
	})
	restored := func(meanwhile func()) (writes int) {
		GinkgoHelper()
		saved := w.disaster("b", "d")
		meanwhile()
		writes = w.total().Writes
		w.restore(saved, "d", "b")
		w.start()
		Eventually(func() string { return w.state("b") }).ShouldNot(BeEmpty())
		Eventually(func() string { return w.state("d") }).ShouldNot(BeEmpty())
		w.settle()
		return w.total().Writes - writes
	}

	It("go by their pins and not by names that others have now", func() {
		var taker, workspace, deployment string
		Expect(restored(func() {
			w.sim.RenameToken(w.ci, "ci-renamed")
			w.sim.RenameWorkspace(w.data, "data-renamed")
			w.sim.RenameDeployment(w.models, "models-renamed")
			taker = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
			workspace = w.sim.AddWorkspace(w.org, "data")
			deployment = w.sim.AddDeployment(w.science, "models")
		})).To(BeZero())
		w.expect("True/Granted", "b", "d")
		Expect(w.roles(taker)).To(HaveLen(1))
		Expect([]string{w.on(w.ci, workspace), w.on(w.ci, deployment)}).To(HaveEach(""))
		s := w.binding("d").Status
		Expect([]string{s.Token.ID, s.Token.Name, s.Target.ID, s.Target.Name}).To(Equal([]string{w.ci, "ci-renamed", w.models, "models-renamed"}))
	})

	It("restore roles that were changed and removed, and leave those that others gave", func() {
		Expect(restored(func() {
			w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
			w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.models)
			w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		})).To(Equal(1), "one write for the token")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN", "Deploy Only"}))
		Expect([]v1alpha1.Origin{w.binding("b").Status.Origin, w.binding("d").Status.Origin}).To(HaveEach(v1alpha1.OriginCreated))
	})

	It("do not take a token that was made again under the old name, until somebody confirms it", func() {
		var again string
		Expect(restored(func() {
			w.sim.DeleteToken(w.ci)
			again = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		})).To(BeZero())
		w.expect("False/TokenReplaced", "b", "d")
		Expect(w.roles(again)).To(HaveLen(1))
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("True/Granted", "b")
		w.delete("d")
		w.expect(gone, "d")
		Expect(w.roles(again)).To(HaveLen(2))
	})

	It("say what is gone, and can be deleted", func() {
		Expect(restored(func() {
			w.sim.DeleteWorkspace(w.data)
			w.sim.DeleteDeployment(w.models)
		})).To(BeZero())
		w.expect("False/TargetNotFound", "b", "d")
		w.delete("b", "d")
		w.expect(gone, "b", "d")
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})

	It("grant again what was deleted since the backup, and leave undeclared what was made since", func() {
		saved := backup{"b": w.copyInto(w.namespace, "b")}
		w.delete("b")
		w.expect(gone, "b")
		w.bind(builders.Binding("later").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "later")
		rest := w.disaster("d", "later")
		saved["d"] = rest["d"]
		w.restore(saved, "b", "d")
		w.start()
		w.expect("True/Granted", "b", "d")
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginCreated))
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN", "DEPLOYMENT_ADMIN"}))
	})
})
