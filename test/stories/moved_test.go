package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A Workspace token's role on a Deployment that was moved to another Workspace, so that Astro refuses every set", func() {
	It("is named where nobody declared it, and dropped where the connection says so", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.wsCI, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.sim.MoveDeployment(w.etl, w.science)
		w.sweep()
		w.bind(builders.Binding("c").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.reports))
		w.expect("False/RefusedByAstro", "c")
		Expect(w.message("c")).To(And(ContainSubstring(w.etl), ContainSubstring("moved away"), ContainSubstring("danglingRoles")))
		Expect(w.on(w.wsCI, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DanglingRoles = v1alpha1.DanglingDrop })
		w.look("c")
		w.expect("True/Granted", "c")
		Expect(w.on(w.wsCI, w.etl)).To(BeEmpty())
	})

	moved := func(ctx context.Context) *world {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		return w
	}

	It("is left out where its binding says that the token does not fit, and given again once the Deployment is back", func(ctx context.Context) {
		w := moved(ctx)
		w.sim.MoveDeployment(w.etl, w.science)
		w.sweep()
		w.expect("False/TokenScopeMismatch", "b")
		w.bind(builders.Binding("c").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.reports))
		w.expect("True/Granted", "c")
		w.stays("False/TokenScopeMismatch", "b")
		Expect(w.binding("b").Status.Role).To(Equal(w.on(w.wsCI, w.etl)))
		w.sim.MoveDeployment(w.etl, w.data)
		w.sweep()
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(w.on(w.wsCI, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("is named where a suspended binding holds it", func(ctx context.Context) {
		w := moved(ctx)
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.sim.MoveDeployment(w.etl, w.science)
		w.sweep()
		w.bind(builders.Binding("c").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.reports))
		w.expect("False/RefusedByAstro", "c")
		Expect(w.message("c")).To(And(ContainSubstring(w.etl), ContainSubstring("moved away")))
		Expect(w.on(w.wsCI, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})
})
