package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Drift", func() {
	It("is repaired from one sweep, with one read and one write of that token only", func(ctx context.Context) {
		w := newWorld(ctx)
		tokens := w.tokens(4)
		names := []string{"b-0", "b-1", "b-2", "b-3"}
		for i, name := range names {
			w.bind(builders.Binding(name).ForTokenID(tokens[i]).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", names...)
		w.sweep()

		w.sim.RevokeRole(tokens[2], astrosim.TypeWorkspace, w.data)
		w.sim.GrantRole(tokens[2], astrosim.TypeDeployment, w.models, "Deploy Only")
		spent := w.costOf(func() {
			w.sweep()
			w.expect("True/DriftCorrected", "b-2")
		})
		Expect([]int{spent.Pages, spent.Gets, spent.Writes, spent.Kubernetes}).To(Equal([]int{1, 1, 1, 1}))
		Expect(w.on(tokens[2], w.data)).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.on(tokens[2], w.models)).To(Equal("Deploy Only"), "what somebody else gave is not drift")
		w.stays("True/Granted", "b-0", "b-1", "b-3")
	})

	It("is repaired when a role was changed, and when nothing but the token's own is left", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Granted", "a", "b")
		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER"))
		w.sweep()
		w.expect("True/DriftCorrected", "a", "b")
		Expect(w.message("a")).To(And(ContainSubstring("after WORKSPACE_OWNER was found at 20"), ContainSubstring("Ada Admin")))
		Expect(w.message("b")).To(ContainSubstring("after no role was found at 20"))
		said := w.message("a")
		w.sweep()
		Expect(w.message("a")).To(Equal(said), "of the last correction, until there is another")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		Expect(w.message("a")).To(ContainSubstring("after no role was found at 20"))
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
	})

	It("is told of the target as it is by now, though it was restored before", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "b")
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		w.expect("True/DriftCorrected", "b")
		w.sim.MoveDeployment(w.etl, w.science)
		w.sim.RenameDeployment(w.etl, "loads")
		w.sweep()
		Eventually(func() string { return w.message("b") }).Should(And(
			ContainSubstring(`on Deployment "loads" in Workspace `+w.science), ContainSubstring("after no role was found at 20")))
		w.waitIdle()
		Expect(w.costOf(w.sweep).Kubernetes).To(BeZero(), "what stays the same is not written again")
	})

	It("is found at once where somebody asks for it by annotation", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.look("b")
		w.expect("True/DriftCorrected", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("is not fought over for ever with a second writer, who is named", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("fought").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("calm").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "fought", "calm")
		for range 6 {
			w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
			w.sweep()
		}
		w.expect("False/ExternalWriter", "fought")
		Expect(w.stalled("fought")).To(BeTrue())
		Expect(w.kstatus("fought")).To(Equal(status.FailedStatus))
		Expect(w.message("fought")).To(ContainSubstring("Ada Admin"), "as Astro names who wrote last")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"), "left to the other")
		w.stays("True/Granted", "calm")
		spent := w.costOf(w.sweep)
		Expect([]int{spent.Gets, spent.Writes, spent.Kubernetes}).To(Equal([]int{0, 0, 0}), "no more fighting")

		w.look("fought") // the other writer is gone, and somebody says so
		w.expect("True/DriftCorrected", "fought")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
