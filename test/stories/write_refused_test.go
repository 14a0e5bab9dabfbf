package stories

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// A role set that Astro refuses as invalid is tried again in parts, so that the culprit is found. What happens between the
// tries counts: each is decided on the read before it.
var _ = Describe("While a refused role set is tried again in parts,", func() {
	bad := func(w *world) *builders.BindingBuilder {
		return builders.Binding("bad").ForTokenID(w.ci).OnDeployment(w.etl).WithRole("No Such Role")
	}
	on := func(w *world, name, role string) *builders.BindingBuilder {
		return builders.Binding(name).ForTokenID(w.ci).OnWorkspace(w.science).WithRole(role)
	}
	// together has the bindings written in one role set.
	together := func(w *world, bindings ...*builders.BindingBuilder) {
		GinkgoHelper()
		w.stop()
		w.bind(bindings...)
		w.start()
		for _, b := range bindings {
			name := b.Object().Name
			Eventually(func() string { return w.state(name) }).ShouldNot(Or(BeEmpty(), HavePrefix("Unknown/")), name)
		}
		w.waitIdle()
		w.sweep()
	}
	colleague := func(w *world) { w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER") }

	for _, policy := range []v1alpha1.AdoptPolicy{v1alpha1.AdoptNever, v1alpha1.AdoptIfSameRole} {
		It("a role that somebody gives is not taken over by a binding that may not: adopt "+string(policy), func(ctx context.Context) {
			w := behind(ctx, whenRefused(colleague))
			together(w, bad(w), on(w, "careful", "WORKSPACE_MEMBER").Adopt(policy))
			Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_OWNER"))
			w.expect("False/ExistingRole", "careful")
			Expect(w.state("bad")).To(HavePrefix("False/"))
			w.delete("careful")
			w.expect(gone, "careful")
			w.waitIdle()
			Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_OWNER"), "it was never the operator's")
		})
	}

	It("a role that somebody gives is adopted by a binding that may, and its origin kept", func(ctx context.Context) {
		w := behind(ctx, whenRefused(colleague))
		together(w, bad(w), on(w, "b", "WORKSPACE_MEMBER"))
		Expect(w.on(w.ci, w.science)).To(Equal("WORKSPACE_MEMBER"))
		s := w.binding("b").Status
		Expect([]string{string(s.Origin), s.PreviousRole}).To(Equal([]string{"Adopted", "WORKSPACE_OWNER"}))
	})

	It("a role that somebody gives elsewhere is kept", func(ctx context.Context) {
		w := behind(ctx, whenRefused(func(w *world) { w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only") }))
		together(w, bad(w), on(w, "b", "WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
	})

	It("a binding that is deleted is given nothing", func(ctx context.Context) {
		w := behind(ctx, whenRefused(func(w *world) { w.delete("b") }))
		w.stop()
		w.bind(bad(w), on(w, "b", "WORKSPACE_MEMBER"), builders.Binding("c").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.start()
		w.expect(gone, "b")
		w.expect("True/Granted", "c")
		w.waitIdle()
		Expect([]string{w.on(w.ci, w.science), w.on(w.ci, w.data)}).To(Equal([]string{"", "WORKSPACE_MEMBER"}))
	})

	It("several culprits are all named, and every other binding gets its role", func(ctx context.Context) {
		w := newWorld(ctx)
		spaces := w.workspaces(4)
		together(w,
			bad(w), builders.Binding("bad-too").ForTokenID(w.ci).OnDeployment(w.reports).WithRole("No Such Role Either"),
			builders.Binding("s-0").ForTokenID(w.ci).OnWorkspace(spaces[0]).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("s-1").ForTokenID(w.ci).OnWorkspace(spaces[1]).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("s-2").ForTokenID(w.ci).OnWorkspace(spaces[2]).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("s-3").ForTokenID(w.ci).OnWorkspace(spaces[3]).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "s-0", "s-1", "s-2", "s-3")
		Expect([]string{w.state("bad"), w.state("bad-too")}).To(HaveEach(HavePrefix("False/")))
	})
})

// A credential that may do some things and not others is told so change by change.
var _ = Describe("Changes that Astro forbids", func() {
	for _, n := range []int{3, 7} {
		It(fmt.Sprintf("do not keep back one that it allows: %d", n), func(ctx context.Context) {
			w := emptyWorld(ctx)
			spaces := w.workspaces(n)
			etl := w.sim.AddDeployment(spaces[n-1], "dep")
			for range n + 1 { // so that the credential's sight of the Organization is not doubted
				w.sim.AddDeployment(spaces[n-1], "more")
			}
			roles := make([]astrosim.Role, 0, n)
			for _, ws := range spaces {
				roles = append(roles, astrosim.WorkspaceRole(ws, "WORKSPACE_OWNER"))
			}
			owner := w.sim.AddOrganizationToken(w.org, "owner-of-some", "ORGANIZATION_MEMBER", astrosim.Roles(roles...))
			w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.sim.AddDeployment(spaces[0], "seen"), "DEPLOYMENT_ADMIN") // so that the owner sees the token
			w.start()
			w.connectAs(w.namespace, owner)
			w.stop()
			forbidden := make([]string, 0, n)
			for i, ws := range spaces {
				forbidden = append(forbidden, fmt.Sprintf("forbidden-%d", i))
				w.bind(builders.Binding(forbidden[i]).ForTokenID(w.ci).OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
			}
			w.bind(builders.Binding("allowed").ForTokenID(w.ci).OnDeployment(etl))
			w.start()
			w.expect("True/Granted", "allowed")
			w.expect("False/PermissionDenied", forbidden...)
		})
	}
})

var _ = Describe("A role that Astro spells otherwise", func() {
	It("is tried twice, and then once a sweep", func(ctx context.Context) {
		w := newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{RoleNameCase: astrosim.Canonical}})
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl).WithRole("deploy only"))
		writes := func() int { return len(w.ownWrites(w.ci)) }
		Eventually(writes, "15s").Should(Equal(2))
		Consistently(writes, "8s").Should(Equal(2))
		w.expect("False/DriftDetected", "b")
		Expect(w.message("b")).To(ContainSubstring("change Deploy Only to deploy only"))
		w.sweep()
		w.waitIdle()
		Consistently(writes, "8s").Should(Equal(3))
	})
})
