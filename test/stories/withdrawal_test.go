package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A role that the rules no longer allow", func() {
	var w *world
	allow := func(roles ...string) {
		GinkgoHelper()
		rule := builders.AllowAll(w.namespace)
		rule.Roles = roles
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
	}
	granted := func(ctx context.Context, policy v1alpha1.WithdrawalPolicy) {
		GinkgoHelper()
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		w.sweep()
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.OnWithdrawal = policy })
		w.bind(
			builders.Binding("owner").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
			builders.Binding("adopted").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_OWNER"),
			builders.Binding("deployer").ForToken("ci").OnDeployment(w.models).WithRole("Deploy Only"),
		)
		w.expect("True/Granted", "owner", "deployer")
		w.expect("True/Adopted", "adopted")
		allow("Deploy Only")
		w.expect("False/RoleNotAllowed", "owner", "adopted")
	}

	It("stays as it is with onWithdrawal: Freeze, and is neither corrected nor changed", func(ctx context.Context) {
		granted(ctx, v1alpha1.WithdrawalFreeze)
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
		Expect(w.kstatus("owner")).To(Equal(status.FailedStatus))
		w.stays("True/Granted", "deployer")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_AUTHOR")
		w.sweep()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_AUTHOR"))

		allow("*")
		Eventually(func() string { return w.state("owner") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("is still revoked after Freeze when the binding goes: taking back needs no rule", func(ctx context.Context) {
		granted(ctx, v1alpha1.WithdrawalFreeze)
		w.delete("owner")
		w.expect(gone, "owner")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("stays with onWithdrawal: Revoke where the binding only observes", func(ctx context.Context) {
		granted(ctx, v1alpha1.WithdrawalRevoke)
		w.edit("deployer", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
		w.expect("True/InSync", "deployer")
		allow("WORKSPACE_MEMBER")
		w.expect("False/RoleNotAllowed", "deployer")
		w.waitIdle()
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
	})

	It("is not the one that is granted, where a binding is edited to another that they never allowed", func(ctx context.Context) {
		granted(ctx, v1alpha1.WithdrawalRevoke)
		w.role("deployer", "DEPLOYMENT_ADMIN")
		w.expect("False/RoleNotAllowed", "deployer")
		w.waitIdle()
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
		w.delete("deployer")
		w.expect(gone, "deployer")
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
	})

	It("is revoked with onWithdrawal: Revoke if the operator granted it, and granted anew when it is allowed", func(ctx context.Context) {
		granted(ctx, v1alpha1.WithdrawalRevoke)
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(BeEmpty())
		Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_OWNER"), "what was only adopted is not the operator's to take")
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
		w.stays("False/RoleNotAllowed", "owner")

		allow("*")
		w.expect("True/Granted", "owner")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})
})
