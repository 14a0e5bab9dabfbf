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

var _ = Describe("A binding that names what is not there", func() {
	It("is refused in words that name it: tokens", func(ctx context.Context) {
		w := emptyWorld(ctx)
		twins := []string{w.sim.AddOrganizationToken(w.org, "twin", "ORGANIZATION_MEMBER"), w.sim.AddOrganizationToken(w.org, "twin", "ORGANIZATION_MEMBER")}
		w.sim.AddDeploymentToken(w.etl, "dep-ci", "DEPLOYMENT_ADMIN")
		w.begin()
		refused := func(reason string, b *builders.BindingBuilder, says ...string) refusal {
			return refusal{b.OnDeployment(w.etl), reason, says}
		}
		bind := builders.Binding
		w.unwritten(func() {
			w.refuse(
				refused(v1alpha1.ReasonTokenNotFound, bind("name").ForToken("nobody"), `Organization token "nobody"`, "check spec.token"),
				refused(v1alpha1.ReasonTokenNotFound, bind("id").ForTokenID(nobody), nobody, "check spec.token"),
				refused(v1alpha1.ReasonTokenNotFound, bind("case").ForToken("CI"), `"CI"`, "check spec.token"),
				refused(v1alpha1.ReasonTokenNotFound, bind("scope").ForToken("ws-ci"), `Organization token "ws-ci"`, "check spec.token"),
				refused(v1alpha1.ReasonTokenNotFound, bind("dep").ForToken("dep-ci"), `"dep-ci"`, "check spec.token"),
				refused(v1alpha1.ReasonTokenNotFound, bind("home").ForWorkspaceToken(w.science, "ws-ci"), `Workspace token "ws-ci"`, w.science, "check spec.token"),
				refused(v1alpha1.ReasonTokenAmbiguous, bind("twin").ForToken("twin"), `"twin"`, twins[0], twins[1], "spec.token.id"),
			)
		})
		Expect(w.binding("name").Status.Token.Name).To(Equal("nobody"), "the columns show what is looked for")
		Expect(w.binding("name").Finalizers).To(BeEmpty())
		w.delete("id")
		w.expect(gone, "id")

		w.sim.AddOrganizationToken(w.org, "nobody", "ORGANIZATION_MEMBER")
		w.sim.RenameToken(twins[1], "single")
		w.sweep()
		w.expect("True/Granted", "name", "twin")
		Expect(w.on(twins[0], w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("is refused in words that name it: targets", func(ctx context.Context) {
		w := emptyWorld(ctx)
		twins := []string{w.sim.AddWorkspace(w.org, "twin"), w.sim.AddWorkspace(w.org, "twin")}
		etls := []string{w.etl, w.sim.AddDeployment(w.data, "etl")}
		w.sim.AddDeployment(w.science, "reports")
		w.begin()
		ci := func(name string) *builders.BindingBuilder { return builders.Binding(name).ForToken("ci") }
		misplaced := ci("misplaced").In(w.namespace).OnDeployment(w.etl).Object()
		misplaced.Spec.Target.WorkspaceID = v1alpha1.AstroID(w.science)
		w.unwritten(func() {
			const check = "check spec.target"
			w.refuse(
				refusal{ci("ws-name").OnWorkspaceNamed("nowhere").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotFound, []string{`Workspace "nowhere"`, check}},
				refusal{ci("ws-id").OnWorkspace(nobody).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotFound, []string{nobody, check}},
				refusal{ci("ws-case").OnWorkspaceNamed("Data").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotFound, []string{`"Data"`, check}},
				refusal{ci("ws-twin").OnWorkspaceNamed("twin").WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetAmbiguous, []string{`"twin"`, twins[0], twins[1], "spec.target.id"}},
				refusal{ci("dep-name").OnDeploymentNamed(w.data, "nowhere"), v1alpha1.ReasonTargetNotFound, []string{`Deployment "nowhere"`, w.data, check}},
				refusal{ci("dep-id").OnDeployment(nobody), v1alpha1.ReasonTargetNotFound, []string{nobody, check}},
				refusal{ci("dep-elsewhere").OnDeploymentNamed(w.science, "etl"), v1alpha1.ReasonTargetNotFound, []string{`"etl"`, w.science, check}},
				refusal{ci("dep-is-ws").OnDeployment(w.data), v1alpha1.ReasonTargetNotFound, []string{w.data, check}},
				refusal{ci("ws-is-dep").OnWorkspace(w.etl).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonTargetNotFound, []string{w.etl, check}},
				refusal{ci("dep-twin").OnDeploymentNamed(w.data, "etl"), v1alpha1.ReasonTargetAmbiguous, []string{`"etl"`, etls[0], etls[1], "spec.target.id"}},
			)
			w.apply(misplaced)
			w.refused("misplaced", v1alpha1.ReasonTargetNotFound, w.etl, w.data, w.science, "spec.target.workspaceId")
		})
		w.bind(ci("narrowed").OnDeploymentNamed(w.data, "reports")) // there is one of that name in each Workspace
		w.expect("True/Granted", "narrowed")
		Expect(w.on(w.ci, w.reports)).To(Equal("DEPLOYMENT_ADMIN"))
	})
})

var _ = Describe("A binding of a token that cannot be bound", func() {
	It("is told so, and nothing is written", func(ctx context.Context) {
		w := emptyWorld(ctx)
		ofDeployment := w.sim.AddDeploymentToken(w.etl, "dep-ci", "DEPLOYMENT_ADMIN")
		direct := w.sim.AddOrganizationToken(w.org, "direct", "ORGANIZATION_MEMBER", astrosim.Kind("DIRECT_ACCESS"))
		w.sim.AddOrganizationToken(w.org, "late", "ORGANIZATION_MEMBER", astrosim.Expires(time.Now().Add(-time.Hour)))
		w.begin()
		elsewhere := builders.Binding("elsewhere").In(w.namespace).ForWorkspaceTokenID(w.wsCI).OnDeployment(w.etl).Object()
		elsewhere.Spec.Token.WorkspaceID = v1alpha1.AstroID(w.science)
		bind := builders.Binding
		w.unwritten(func() {
			w.refuse(
				refusal{bind("org-is-ws").ForTokenID(w.wsCI).OnDeployment(w.etl), v1alpha1.ReasonTokenScopeMismatch, []string{w.wsCI, "scope Workspace", "spec.token.scope"}},
				refusal{bind("ws-is-org").ForWorkspaceTokenID(w.ci).OnDeployment(w.etl), v1alpha1.ReasonTokenScopeMismatch, []string{w.ci, "scope Organization", "spec.token.scope"}},
				refusal{bind("foreign").ForWorkspaceToken(w.data, "ws-ci").OnDeployment(w.models), v1alpha1.ReasonTokenScopeMismatch, []string{`"ws-ci"`, w.models, w.science, "use an Organization token"}},
				refusal{bind("of-deployment").ForTokenID(ofDeployment).OnDeployment(w.etl), v1alpha1.ReasonTokenKindUnsupported, []string{ofDeployment, "DEPLOYMENT", "only Organization and Workspace tokens"}},
				refusal{bind("direct-id").ForTokenID(direct).OnDeployment(w.etl), v1alpha1.ReasonTokenKindUnsupported, []string{direct, "DIRECT_ACCESS", "only tokens of kind STANDARD"}},
				refusal{bind("direct-name").ForToken("direct").OnDeployment(w.etl), v1alpha1.ReasonTokenKindUnsupported, []string{`"direct"`, "DIRECT_ACCESS"}},
				refusal{bind("expired").ForToken("late").OnDeployment(w.etl), v1alpha1.ReasonTokenExpired, []string{`"late"`, "make a new token"}},
				refusal{bind("self-id").ForTokenID(w.operator).OnDeployment(w.etl), v1alpha1.ReasonSelfProtected, []string{"credential", "bind another token"}},
				refusal{bind("self-name").ForToken("operator").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), v1alpha1.ReasonSelfProtected, []string{"credential", "bind another token"}},
			)
			w.apply(elsewhere)
			w.refused("elsewhere", v1alpha1.ReasonTokenScopeMismatch, w.wsCI, w.science, "spec.token.workspaceId")
		})
		Expect(w.sim.Roles(w.operator)).To(HaveLen(1))
	})
})
