package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A token that another writer keeps changing back", func() {
	const restores = 3 // within an hour
	var w *world
	undone := func() { // as by Terraform, which sets the whole set that it knows
		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER"))
	}
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(
			builders.Binding("changed").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("removed").ForToken("ci").OnDeployment(w.models),
		)
		w.expect("True/Granted", "changed", "removed")
		w.sweep()
		before := w.total().Writes
		for range 2 * restores {
			undone()
			w.sweep()
		}
		Expect(w.total().Writes-before).To(Equal(restores), "then it is left alone")
	})

	It("is left to that one, who is named, until somebody asks for another try", func() {
		for _, name := range []string{"changed", "removed"} {
			w.expect("False/ExternalWriter", name)
			Expect(w.stalled(name)).To(BeTrue())
			Expect(w.message(name)).To(And(ContainSubstring("Ada Admin"), ContainSubstring("requestedAt")))
		}
		Expect(w.costOf(w.sweep).Writes).To(BeZero())
		w.look("changed")
		Eventually(func() string { return w.state("changed") }).Should(HavePrefix("True/"))
		w.stays("False/ExternalWriter", "removed") // nobody asked for that one
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", ""}))
		w.look("removed")
		Eventually(func() string { return w.state("removed") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.models)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("is still written for other bindings, which leave what is fought over as it is", func() {
		w.bind(builders.Binding("new").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "new")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_OWNER", ""}))
		w.stays("False/ExternalWriter", "changed", "removed")
	})

	It("is tried again after an hour, in one write", func() {
		w.advance(time.Hour)
		spent := w.costOf(w.sweep)
		Expect(spent.Writes).To(Equal(1))
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"}))
	})

	It("is given to a binding that is made anew, which nobody has fought over", func() {
		w.delete("removed")
		w.expect(gone, "removed")
		w.bind(builders.Binding("removed").ForToken("ci").OnDeployment(w.models))
		w.expect("True/Granted", "removed")
		Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.models)}).To(Equal([]string{"WORKSPACE_OWNER", "DEPLOYMENT_ADMIN"}))
		w.stays("False/ExternalWriter", "changed")
	})

	It("is revoked all the same when its bindings go", func() {
		w.delete("changed", "removed")
		w.expect(gone, "changed", "removed")
		Expect(w.roles(w.ci)).To(HaveLen(1))
	})
})
