package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A name that looks like another", func() {
	It("is hinted at: tokens, targets and roles", func(ctx context.Context) {
		w := emptyWorld(ctx)
		composed := w.sim.AddOrganizationToken(w.org, "\u00c9quipe donn\u00e9es", "ORGANIZATION_MEMBER")
		dashed := w.sim.AddDeployment(w.data, "prod-etl")
		w.begin()
		ci := func(name string) *builders.BindingBuilder { return builders.Binding(name).ForToken("ci") }
		is := "there is one that differs "
		w.refuse(
			refusal{builders.Binding("nfd").ForToken("E\u0301quipe donne\u0301es").OnDeployment(w.etl), v1alpha1.ReasonTokenNotFound, []string{is + "in how accents are written: " + composed}},
			refusal{builders.Binding("case").ForToken("CI").OnDeployment(w.etl), v1alpha1.ReasonTokenNotFound, []string{is + "in letter case: " + w.ci}},
			refusal{builders.Binding("home").ForWorkspaceToken(w.data, "WS-CI").OnDeployment(w.etl), v1alpha1.ReasonTokenNotFound, []string{is + "in letter case: " + w.wsCI}},
			refusal{ci("dash").OnDeploymentNamed(w.data, "prod\u2013etl"), v1alpha1.ReasonTargetNotFound, []string{is + "in dashes: " + dashed}},
			refusal{ci("ws").OnWorkspaceNamed(" data").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotFound, []string{is + "in spaces: " + w.data}},
			refusal{ci("elsewhere").OnDeploymentNamed(w.science, "prod_etl"), v1alpha1.ReasonTargetNotFound, []string{"may see it"}},
			refusal{ci("role").OnDeployment(w.models).WithRole("deploy only"), v1alpha1.ReasonRoleNotFound, []string{is + `in letter case: "Deploy Only"`}},
		)
		Expect(w.message("elsewhere")).NotTo(ContainSubstring("differs"))
	})

	It("is hinted at only where the rules allow it", func(ctx context.Context) {
		w := emptyWorld(ctx)
		foreign := w.sim.AddOrganizationToken(w.org, "Secret", "ORGANIZATION_MEMBER")
		w.begin()
		rule := builders.AllowAll(w.namespace)
		rule.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"ci", "CI"}}}
		rule.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{w.data}}}
		rule.Roles = []string{"Deploy Only", "WORKSPACE_MEMBER"}
		shared := w.connectCluster(map[string][]v1alpha1.AllowRule{"team": {rule}})["team"]
		bind := func(name, token string) *builders.BindingBuilder {
			return builders.Binding(name).ThroughCluster(shared).ForToken(token)
		}
		is := "there is one that differs in letter case: "
		w.refuse(
			refusal{bind("token", "CI").OnDeployment(w.etl).WithRole("Deploy Only"), v1alpha1.ReasonTokenNotFound, []string{is + w.ci}},
			refusal{bind("role", "ci").OnDeployment(w.etl).WithRole("deploy only"), v1alpha1.ReasonRoleNotAllowed, []string{is + `"Deploy Only"`}},
			refusal{bind("target", "ci").OnWorkspaceNamed("DATA").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotAllowed, []string{is + w.data}},
			refusal{bind("foreign", "secret").OnDeployment(w.etl).WithRole("Deploy Only"), v1alpha1.ReasonTokenNotAllowed, nil},
			refusal{bind("hidden", "ci").OnWorkspaceNamed("Science").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotAllowed, nil},
		)
		for _, name := range []string{"foreign", "hidden"} {
			Expect(w.message(name)).NotTo(ContainSubstring("differs"), name)
		}
		Expect(w.message("foreign")).NotTo(ContainSubstring(foreign))
		Expect(w.message("hidden")).NotTo(ContainSubstring(w.science))
	})
})
