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

var _ = Describe("One bad binding among good ones of its token", func() {
	It("is named, and the others are granted", func(ctx context.Context) {
		w := newWorld(ctx)
		spaces := w.workspaces(5)
		var good []string
		w.bind(builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"))
		for _, ws := range spaces {
			good = append(good, "on-"+ws)
			w.bind(builders.Binding("on-" + ws).ForToken("ci").OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", good...)
		w.expect("False/RoleNotFound", "bad")
		Expect(w.message("bad")).To(ContainSubstring("No Such Role"))
		Expect(w.stalled("bad")).To(BeTrue())
		Expect(w.kstatus("bad")).To(Equal(status.FailedStatus))
		for _, ws := range spaces {
			Expect(w.on(w.ci, ws)).To(Equal("WORKSPACE_MEMBER"))
		}
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("does not keep later edits of the others waiting, and is granted once it is corrected", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("deploy only"),
			builders.Binding("good").ForToken("ci").OnDeployment(w.models), // a Workspace's role might be what the other lacks
		)
		w.expect("True/Granted", "good")
		w.expect("False/RoleNotFound", "bad")
		spent := w.costOf(func() {
			w.role("good", "Deploy Only")
			w.expect("True/RoleUpdated", "good")
		})
		Expect(spent.Writes).To(Equal(1), "the bad one is not tried each time")
		w.role("bad", "Deploy Only")
		w.expect("True/Granted", "bad")
	})

	It("is tried at once when it is made anew", func(ctx context.Context) {
		w := newWorld(ctx)
		bad := builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("Soon There")
		w.bind(bad, builders.Binding("good").ForToken("ci").OnDeployment(w.models))
		w.expect("True/Granted", "good")
		w.expect("False/RoleNotFound", "bad")
		w.sim.AddCustomRole(w.org, "Soon There", "DEPLOYMENT")
		w.delete("bad")
		w.expect(gone, "bad")
		w.bind(bad)
		w.expect("True/Granted", "bad")
	})

	It("can be deleted although nothing was ever granted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"))
		w.expect("False/RoleNotFound", "bad")
		w.delete("bad")
		w.expect(gone, "bad")
	})
})

var _ = Describe("A role that nobody declared and whose Deployment is gone", func() {
	dangling := func(ctx context.Context) *world {
		GinkgoHelper()
		w := newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{DeploymentDeletion: astrosim.Keep}})
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "DEPLOYMENT_ADMIN")
		w.sim.DeleteDeployment(w.models)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		return w
	}

	It("is named as what keeps Astro from taking the change", func(ctx context.Context) {
		w := dangling(ctx)
		w.expect("False/RefusedByAstro", "b")
		Expect(w.message("b")).To(And(ContainSubstring(w.models), ContainSubstring("danglingRoles")))
		Expect(w.on(w.ci, w.models)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("is dropped where the connection says so", func(ctx context.Context) {
		w := dangling(ctx)
		w.expect("False/RefusedByAstro", "b")
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DanglingRoles = v1alpha1.DanglingDrop })
		w.look("b")
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("A role whose custom role is deleted while a token holds it, so that Astro refuses every set", func() {
	retired := func(ctx context.Context) *world {
		return newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{CustomRoleChange: astrosim.RejectNextWrite}})
	}
	undeclared := func(ctx context.Context) *world {
		w := retired(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.sim.DeleteCustomRole(w.org, "Deploy Only")
		w.bind(builders.Binding("c").ForToken("ci").OnDeployment(w.reports))
		w.expect("False/RefusedByAstro", "c")
		return w
	}

	It("is named where nobody declared it", func(ctx context.Context) {
		w := undeclared(ctx)
		Expect(w.message("c")).To(And(ContainSubstring("Deploy Only"), ContainSubstring(w.models), ContainSubstring("danglingRoles")))
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
	})

	It("is dropped where nobody declared it and the connection says so", func(ctx context.Context) {
		w := undeclared(ctx)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DanglingRoles = v1alpha1.DanglingDrop })
		w.look("c")
		w.expect("True/Granted", "c")
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
	})

	It("is named where a suspended binding holds it, and given up for nobody", func(ctx context.Context) {
		w := retired(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.models).WithRole("Deploy Only"))
		w.expect("True/Granted", "b")
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", "b")
		w.sim.DeleteCustomRole(w.org, "Deploy Only")
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.DanglingRoles = v1alpha1.DanglingDrop })
		w.bind(builders.Binding("c").ForToken("ci").OnDeployment(w.reports))
		w.expect("False/RefusedByAstro", "c")
		Expect(w.message("c")).To(And(ContainSubstring("Deploy Only"), ContainSubstring(w.models), ContainSubstring("bindings that hold them")))
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		w.expect("True/Granted", "b")
		w.look("c")
		w.expect("True/Granted", "c")
		w.expect("False/RoleNotFound", "b")
	})
})
