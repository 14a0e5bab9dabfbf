package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// membersOnly narrows the rules of the world's connection to WORKSPACE_MEMBER.
func (w *world) membersOnly() {
	GinkgoHelper()
	w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
		c.Spec.Allow = []v1alpha1.AllowRule{w.rule(func(r *v1alpha1.AllowRule) {
			r.Roles, r.Tokens[0].NamePrefixes = []string{"WORKSPACE_MEMBER"}, []string{"ci"}
		})}
	})
}

var _ = Describe("A role that was adopted", func() {
	binding := func(w *world, role string) *builders.BindingBuilder {
		return builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole(role)
	}

	It("goes with its binding where the rules allow it, whatever the binding was edited to", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.sweep()
		w.membersOnly()
		w.bind(binding(w, "WORKSPACE_MEMBER"))
		w.expect("True/Adopted", "b")
		w.role("b", "WORKSPACE_OWNER")
		w.expect("False/RoleNotAllowed", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("stays where the rules allow it no more, whatever the binding was edited to", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		w.bind(binding(w, "WORKSPACE_OWNER"))
		w.expect("True/Adopted", "b")
		w.membersOnly()
		w.expect("False/RoleNotAllowed", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend, b.Spec.Role = true, "WORKSPACE_MEMBER" })
		w.expect("False/Suspended", "b")
		w.delete("b")
		w.expect("False/RoleNotAllowed", "b")
		Consistently(func() string { return w.on(w.ci, w.data) }, time.Second).Should(Equal("WORKSPACE_OWNER"))
	})

	It("is not one of two in a place of which the rules allow one", func(ctx context.Context) {
		w := newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{Duplicates: astrosim.Merge}})
		w.membersOnly()
		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"),
			astrosim.WorkspaceRole(w.data, "WORKSPACE_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER"))
		w.sweep()
		w.bind(binding(w, "WORKSPACE_MEMBER"))
		w.expect("False/ExistingRole", "b")
		Expect(w.roles(w.ci)).To(HaveLen(3))
	})
})

var _ = Describe("A credential that loses its rights", func() {
	It("does not keep a place that it can give no role on from another", func(ctx context.Context) {
		w := newWorld(ctx)
		weak, a := w.sim.AddOrganizationToken(w.org, "weak", "ORGANIZATION_OWNER"), w.other+"/a"
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER") // by which the weaker one still sees the token
		w.connectAs(w.other, weak)
		w.sweep()
		w.bind(builders.Binding("a").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", a)
		w.sim.SetRoles(weak, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_OPERATOR"))
		w.role(a, "Deploy Only")
		Eventually(func() string { return w.state(a) }).Should(HavePrefix("False/"))
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", "b")
	})
})
