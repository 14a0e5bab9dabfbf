package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A place that is taken", func() {
	It("is not taken over where spec.adopt forbids it", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.begin()
		ci := func(name string) *builders.BindingBuilder { return builders.Binding(name).ForToken("ci") }
		w.unwritten(func() {
			w.refuse(
				refusal{ci("never").Adopt(v1alpha1.AdoptNever).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonExistingRole, []string{"WORKSPACE_OWNER", w.data, "spec.adopt"}},
				refusal{ci("never-same").Adopt(v1alpha1.AdoptNever).OnDeployment(w.etl), v1alpha1.ReasonExistingRole, []string{"DEPLOYMENT_ADMIN", w.etl, "spec.adopt"}},
				refusal{ci("if-same").Adopt(v1alpha1.AdoptIfSameRole).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonExistingRole, []string{"WORKSPACE_OWNER", w.data, "spec.adopt"}},
			)
		})
		Expect(w.binding("never").Finalizers).To(BeEmpty())
		Expect(w.binding("never").Status.Role).To(Equal("WORKSPACE_OWNER"), "what Astro holds")
		Expect(w.binding("never").Status.Origin).To(BeEmpty())
		w.unwritten(func() {
			w.delete("never-same")
			w.expect(gone, "never-same")
			w.role("if-same", "WORKSPACE_OWNER")
			w.expect("True/Adopted", "if-same")
		})
	})

	It("is not shared with another role, which is told who has it", func(ctx context.Context) {
		w := newWorld(ctx)
		rule := builders.AllowAll(w.other)
		rule.Inventory = false
		shared := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {rule}})["shared"]
		w.connect(w.other) // whose rules, which are none, are its namespace's own to write
		w.bind(builders.Binding("first").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "first")
		second := func(name string) *builders.BindingBuilder {
			return builders.Binding(name).ForTokenID(w.ci).OnWorkspaceNamed("data").WithRole("WORKSPACE_OWNER")
		}
		w.unwritten(func() {
			w.refuse(
				refusal{second("second"), v1alpha1.ReasonConflictingBinding, []string{w.namespace + "/first", "WORKSPACE_MEMBER", "delete one of the two"}},
				refusal{second("stranger").In(w.other).ThroughCluster(shared), v1alpha1.ReasonConflictingBinding, []string{"WORKSPACE_MEMBER", "delete one of the two"}},
				refusal{second("curious").In(w.other), v1alpha1.ReasonConflictingBinding, []string{"WORKSPACE_MEMBER", "delete one of the two"}},
			)
		})
		Expect(w.binding("second").Finalizers).To(BeEmpty())
		for _, name := range []string{w.other + "/stranger", w.other + "/curious"} {
			Expect(w.message(name)).NotTo(ContainSubstring(w.namespace+"/first"), "a namespace is not told of another's bindings")
		}
		w.unwritten(func() {
			w.delete("second", w.other+"/stranger", w.other+"/curious")
			w.expect(gone, "second", w.other+"/stranger", w.other+"/curious")
		})
		w.stays("True/Granted", "first")
	})

	It("on the token's own scope is never touched, nor is a token whose own role is hidden", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.sim.SetRoles(w.ci, astrosim.WorkspaceRole(w.science, "WORKSPACE_OWNER"), astrosim.DeploymentRole(w.models, "Deploy Only"))
		w.begin()
		w.unwritten(func() {
			w.refuse(
				refusal{builders.Binding("add").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonOwnScopeRoleProtected, []string{"own scope", "the connection's API token"}},
				refusal{builders.Binding("change").ForTokenID(w.ci).OnDeployment(w.models), v1alpha1.ReasonOwnScopeRoleProtected, []string{"own scope", "the connection's API token"}},
			)
		})
		w.sim.GrantRole(w.ci, astrosim.TypeOrganization, w.org, "ORGANIZATION_MEMBER")
		w.sweep()
		w.expect("True/Granted", "add")
		w.expect("True/Adopted", "change")
	})

	It("is not taken for empty where the token's own role is hidden, so that a deleted binding waits", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.SetRoles(w.ci, astrosim.DeploymentRole(w.models, "Deploy Only"))
		w.delete("b")
		w.stuck("False/OwnScopeRoleProtected", "b", "own scope", "the connection's API token")
		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_MEMBER"))
		w.sweep()
		w.expect(gone, "b")
		Expect(w.roles(w.ci)).To(HaveLen(1), "the role was revoked once it was shown")
	})
})

var _ = Describe("A foreign role whose Deployment is gone", func() {
	var w *world
	dead := func(ctx context.Context) {
		w = emptyWorld(ctx)
		w.decide("deployment-deletion", astrosim.Keep)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.reports, "Deploy Only")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.sim.DeleteDeployment(w.reports)
		w.start()
	}
	member := func() *builders.BindingBuilder {
		return builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}

	It("is named when Astro refuses every write because of it", func(ctx context.Context) {
		dead(ctx)
		w.connect(w.namespace)
		w.refuse(refusal{member(), v1alpha1.ReasonRefusedByAstro, []string{w.reports, "Deploy Only", "danglingRoles: Drop", "remove them in Astro"}})
		Expect(w.message("b")).NotTo(ContainSubstring(w.models))
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.reports)
		w.sweep()
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
	})

	It("is dropped where the connection says so, and no other is", func(ctx context.Context) {
		dead(ctx)
		w.apply(
			builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(builders.ConnectionName).In(w.namespace).DropDangling().Object(),
		)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only") // there, but one kind of look misses it
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: astrosim.DeploymentsGet, Path: w.etl})
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.DeploymentsList, IDs: []string{w.models}})
		kept := w.raws(w.ci, w.reports)
		w.bind(member())
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.reports)).To(BeEmpty())
		Expect(w.raws(w.ci, w.data)).To(Equal(kept))
	})
})
