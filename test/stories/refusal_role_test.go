package stories

import (
	"context"
	"fmt"
	"slices"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A role that Astro does not take", func() {
	It("is named, with the next step and the id of the request", func(ctx context.Context) {
		w := emptyWorld(ctx)
		tokens := w.tokens(6)
		w.sim.AddCustomRole(w.org, "Science Only", "DEPLOYMENT", astrosim.RestrictedTo(w.science))
		w.sim.AddCustomRole(w.org, "DAG Reader", "DAG")
		w.begin()
		i := 0
		bind := func(name, role string) *builders.BindingBuilder { // each of a token of its own
			i++
			return builders.Binding(name).ForTokenID(tokens[i-1]).OnDeployment(w.etl).WithRole(role)
		}
		w.refuse(
			refusal{bind("unknown", "No Such Role"), v1alpha1.ReasonRoleNotFound, []string{`"No Such Role"`, "correct spec.role", "request "}},
			refusal{bind("case", "deploy only"), v1alpha1.ReasonRoleNotFound, []string{`"deploy only"`, "correct spec.role"}},
			refusal{bind("of-dags", "DAG Reader"), v1alpha1.ReasonRoleNotFound, []string{`"DAG Reader"`, "correct spec.role"}},
			refusal{bind("restricted", "Science Only"), v1alpha1.ReasonRefusedByAstro, []string{"Science Only", w.science, w.etl, "choose another role", "request "}},
		)
		w.sim.GrantRole(tokens[4], astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.refuse(refusal{bind("restricted-in", "Science Only"), v1alpha1.ReasonRefusedByAstro, []string{"Science Only", w.science, w.etl, "request "}})

		w.role("unknown", "Deploy Only")
		w.expect("True/Granted", "unknown")
		Expect(w.kstatus("unknown")).To(Equal(status.CurrentStatus))
		w.delete("case")
		w.expect(gone, "case")
	})

	It("keeps no place from a binding whose role can be given, and does not win it back", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("first").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"))
		w.expect("False/RoleNotFound", "first")
		w.bind(builders.Binding("typo").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role Either"))
		w.expect("False/ConflictingBinding", "typo") // as neither can be given
		w.bind(builders.Binding("second").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("True/Granted", "second")
		w.look("first")
		w.expect("False/ConflictingBinding", "first")
		Expect(w.message("first")).To(ContainSubstring("second"))
		Expect(w.on(w.ci, w.etl)).To(Equal("Deploy Only"))
		w.delete("second")
		w.expect(gone, "second")
		w.expect("False/RoleNotFound", "first")
	})

	It("keeps no other binding of the token waiting", func(ctx context.Context) {
		w := newWorld(ctx)
		deployments := make([]string, 5)
		for i := range deployments {
			deployments[i] = w.sim.AddDeployment(w.data, fmt.Sprintf("d-%d", i))
		}
		slices.Sort(deployments)
		var bindings []*builders.BindingBuilder
		for i, d := range deployments {
			role := "No Such Role"
			if i == len(deployments)-1 {
				role = "Deploy Only"
			}
			bindings = append(bindings, builders.Binding(fmt.Sprintf("b-%d", i)).ForTokenID(w.ci).OnDeployment(d).WithRole(role).Suspended())
		}
		w.bind(bindings...)
		w.expect("False/Suspended", "b-0", "b-1", "b-2", "b-3", "b-4")
		w.stop() // so that all are awake at once
		for i := range bindings {
			w.edit(fmt.Sprintf("b-%d", i), func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		}
		w.start()
		w.expect("True/Granted", "b-4")
		for i := range 4 {
			w.refused(fmt.Sprintf("b-%d", i), v1alpha1.ReasonRoleNotFound, `"No Such Role"`)
		}
		Expect(w.roles(w.ci)).To(HaveLen(2))
	})
})

var _ = Describe("A Deployment role without a role on the Workspace", func() {
	for choice, reason := range map[astrosim.Choice]string{
		astrosim.Reject400: v1alpha1.ReasonParentRoleMissing,
		astrosim.Reject403: v1alpha1.ReasonParentRoleMissing,
	} {
		It("is refused in words that name the Workspace, and given once there is one: "+string(choice), func(ctx context.Context) {
			w := newWorld(ctx)
			w.decide("deployment-without-workspace", choice)
			w.refuse(refusal{builders.Binding("deployment").ForToken("ci").OnDeployment(w.etl), reason, []string{w.data, "bind it to the Workspace", "request "}})
			w.bind(builders.Binding("workspace").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_ACCESSOR"))
			w.expect("True/Granted", "workspace")
			w.sweep()
			w.expect("True/Granted", "deployment")
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.etl)}).To(Equal([]string{"WORKSPACE_ACCESSOR", "DEPLOYMENT_ADMIN"}))
		})
	}

	It("goes in one write with a Workspace role that is declared with it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.decide("deployment-without-workspace", astrosim.Reject400)
		w.bind(
			builders.Binding("workspace").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_ACCESSOR"),
			builders.Binding("deployment").ForToken("ci").OnDeployment(w.etl),
		)
		w.expect("True/Granted", "workspace", "deployment")
	})

	for _, role := range []string{"WORKSPACE_MEMBER", "WORKSPACE_ACCESSOR"} {
		It("lets a binding to the Workspace go although Astro puts a role of its own in its place: "+role, func(ctx context.Context) {
			w := newWorld(ctx)
			w.decide("remove-workspace-role", astrosim.AddAccessor)
			w.bind(
				builders.Binding("workspace").ForToken("ci").OnWorkspace(w.data).WithRole(role),
				builders.Binding("deployment").ForToken("ci").OnDeployment(w.etl),
			)
			w.expect("True/Granted", "workspace", "deployment")
			cost := w.costOf(func() {
				w.delete("workspace")
				w.expect(gone, "workspace")
			})
			Expect(cost.Writes).To(Equal(1))
			Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_ACCESSOR"), "Astro wants it for the Deployment's")
			w.stays("True/Granted", "deployment")
			w.sweep()
			Expect(w.costOf(w.sweep).Writes).To(BeZero())
		})
	}

	It("is no drift where Astro gives one by itself", func(ctx context.Context) {
		w := newWorld(ctx)
		w.decide("deployment-without-workspace", astrosim.AddAccessor)
		w.bind(builders.Binding("deployment").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "deployment")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_ACCESSOR"))
		w.sweep()
		Expect(w.costOf(w.sweep)).To(Equal(cost{Pages: 1, Lookups: 1}))
		w.delete("deployment")
		w.expect(gone, "deployment")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_ACCESSOR"), "nobody declared it")
	})
})
