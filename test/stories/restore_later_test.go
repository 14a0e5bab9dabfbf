package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

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
	restored := func(status bool, meanwhile func()) (writes int) {
		GinkgoHelper()
		saved := w.disaster("b", "d")
		meanwhile()
		writes = w.total().Writes
		w.restore(saved, status, "d", "b")
		w.start()
		Eventually(func() string { return w.state("b") }).ShouldNot(BeEmpty())
		Eventually(func() string { return w.state("d") }).ShouldNot(BeEmpty())
		w.sweep()
		return w.total().Writes - writes
	}
	origins := func() []v1alpha1.Origin {
		GinkgoHelper()
		return []v1alpha1.Origin{w.binding("b").Status.Origin, w.binding("d").Status.Origin}
	}

	var taker, workspace, deployment string
	renamed := func() {
		w.sim.RenameToken(w.ci, "ci-renamed")
		w.sim.RenameWorkspace(w.data, "data-renamed")
		w.sim.RenameDeployment(w.models, "models-renamed")
		taker = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		workspace = w.sim.AddWorkspace(w.org, "data")
		deployment = w.sim.AddDeployment(w.science, "models")
	}

	It("go by the ids in their status and not by names that others have now", func() {
		Expect(restored(withStatus, renamed)).To(BeZero())
		w.expect("True/Granted", "b", "d")
		Expect(w.roles(taker)).To(HaveLen(1))
		Expect([]string{w.on(w.ci, workspace), w.on(w.ci, deployment)}).To(HaveEach(""))
		s := w.binding("d").Status
		Expect([]string{s.Token.ID, s.Token.Name, s.Target.ID, s.Target.Name}).To(Equal([]string{w.ci, "ci-renamed", w.models, "models-renamed"}))
		Expect(origins()).To(HaveEach(v1alpha1.OriginCreated))
	})

	It("go by names that others have now where they come without status, and what they granted before is declared by nobody", func() {
		restored(withoutTheStatus, renamed)
		w.expect("True/Granted", "b", "d")
		Expect([]string{w.on(taker, workspace), w.on(taker, deployment)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
		w.delete("b", "d")
		w.expect(gone, "b", "d")
		Expect(w.roles(taker)).To(HaveLen(1))
		Expect(w.roles(w.ci)).To(HaveLen(3))
	})

	for how, status := range map[string]bool{"without status": withoutTheStatus, "with status": withStatus} {
		It("adopt roles that were changed, create those that were removed, and leave those that others gave: "+how, func() {
			Expect(restored(status, func() {
				w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
				w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.models)
				w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
			})).To(Equal(1), "one write for the token")
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN", "Deploy Only"}))
			Expect(origins()).To(Equal([]v1alpha1.Origin{v1alpha1.OriginAdopted, v1alpha1.OriginCreated}))
			Expect(w.binding("b").Status.PreviousRole).To(Equal("WORKSPACE_OWNER"))
			Expect([]string{w.state("b"), w.state("d")}).To(HaveEach(HavePrefix("True/")))
		})

		It("say what is gone, and can be deleted: "+how, func() {
			Expect(restored(status, func() {
				w.sim.DeleteWorkspace(w.data)
				w.sim.DeleteDeployment(w.models)
			})).To(BeZero())
			w.expect("False/TargetNotFound", "b", "d")
			w.delete("b", "d")
			w.expect(gone, "b", "d")
			Expect(w.roles(w.ci)).To(HaveLen(1))
		})

		It("grant again what was deleted since the backup, and leave undeclared what was made since: "+how, func() {
			saved := backup{"b": w.saved("b")}
			w.delete("b")
			w.expect(gone, "b")
			w.bind(builders.Binding("later").ForToken("ci").OnDeployment(w.etl))
			w.expect("True/Granted", "later")
			saved["d"] = w.disaster("d", "later")["d"]
			w.restore(saved, status, "b", "d")
			w.start()
			Eventually(func() bool { return w.claimed("b") && w.claimed("d") }).Should(BeTrue())
			w.waitIdle()
			want := []v1alpha1.Origin{v1alpha1.OriginCreated, v1alpha1.OriginCreated}
			if !status {
				want[1] = v1alpha1.OriginAdopted
			}
			Expect(origins()).To(Equal(want))
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN", "DEPLOYMENT_ADMIN"}))
		})
	}

	var again string
	madeAgain := func() {
		w.sim.DeleteToken(w.ci)
		again = w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
	}

	It("do not take a token that was made again under the old name, until somebody confirms it, where they have their status", func() {
		Expect(restored(withStatus, madeAgain)).To(BeZero())
		w.expect("False/TokenReplaced", "b", "d")
		Expect(w.roles(again)).To(HaveLen(1))
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("True/Granted", "b")
		w.delete("d")
		w.expect(gone, "d")
		Expect(w.roles(again)).To(HaveLen(2))
	})

	It("take a token that was made again under the old name where they come without status", func() {
		restored(withoutTheStatus, madeAgain)
		w.expect("True/Granted", "b", "d")
		Expect([]string{w.on(again, w.data), w.on(again, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
	})
})
