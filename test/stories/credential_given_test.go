package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A role that a stranger gives to the token that a connection works with", func() {
	acme := v1alpha1.ConnectionReference{Name: builders.ConnectionName}
	data := v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"}

	It("by a binding holds up no deletion through that connection, restarted or not", func(ctx context.Context) {
		w := emptyWorld(ctx)
		theirs := w.sim.AddOrganizationToken(w.org, "theirs", "ORGANIZATION_OWNER")
		w.start()
		w.connectAs(w.namespace, theirs)
		cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {{
			Namespaces: v1alpha1.NamespaceRule{Names: []string{w.other}},
			Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}},
			Targets:    []v1alpha1.TargetRule{{DeploymentIDs: []string{w.models}}},
			Roles:      []string{"DEPLOYMENT_ADMIN"},
		}}})["shared"]
		w.bind(
			builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("c").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "b", "c")
		x := w.other + "/x"
		w.bind(builders.Binding("x").In(w.other).ThroughCluster(cluster).ForTokenID(theirs).OnDeployment(w.models))
		w.expect("True/Granted", x)
		Expect(w.on(theirs, w.models)).To(Equal("DEPLOYMENT_ADMIN"))

		w.sim.DeleteToken(w.ci)
		w.sweep()
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
		w.expect("False/TokenNotFound", "b", "c")
		w.delete("b")
		w.expect(gone, "b")
		w.restart()
		w.take("inv", acme, data)
		Eventually(w.inventory("inv")).Should(Equal("True/Listed"))

		w.delete(x)
		w.expect(gone, x)
		Expect(w.on(theirs, w.models)).To(BeEmpty())
		w.sweep()
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"), "nor does taking it away again")
		w.delete("c")
		w.expect(gone, "c")
	})

	It("in Astro holds up no deletion and no inventory of those who share a ClusterAstroConnection", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.namespace)}})["shared"]
		through := v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: cluster}
		w.bind(
			builders.Binding("b").ThroughCluster(cluster).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("c").ThroughCluster(cluster).ForWorkspaceTokenID(w.wsCI).OnDeployment(w.etl),
		)
		w.expect("True/Granted", "b", "c")

		w.sim.GrantRole(w.operator, astrosim.TypeDeployment, w.models, "DEPLOYMENT_ADMIN")
		w.sim.DeleteToken(w.ci)
		w.restart()
		w.take("inv", through, data)
		Eventually(w.inventory("inv")).Should(Equal("True/Listed"))
		w.expect("False/TokenNotFound", "b")
		w.delete("b")
		w.expect(gone, "b")

		w.sim.RevokeRole(w.operator, astrosim.TypeDeployment, w.models)
		w.sim.DeleteToken(w.wsCI)
		w.restart()
		w.take("late", through, data)
		Eventually(w.inventory("late")).Should(Equal("True/Listed"))
		w.delete("c")
		w.expect(gone, "c")
	})
})
