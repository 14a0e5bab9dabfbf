package stories

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Granting", func() {
	It("grants the three families by name and by id", func(ctx context.Context) {
		w := newWorld(ctx)
		ids := w.tokens(1)
		wsID := w.sim.AddWorkspaceToken(w.data, "ws-other", "WORKSPACE_MEMBER")
		w.bind(
			builders.Binding("ws-name").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_AUTHOR"),
			builders.Binding("ws-id").ForTokenID(ids[0]).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
			builders.Binding("dep-name").ForToken("ci").OnDeploymentNamed(w.data, "etl").WithRole("Deploy Only"),
			builders.Binding("dep-id").ForTokenID(ids[0]).OnDeployment(w.models).WithRole("DEPLOYMENT_ADMIN"),
			builders.Binding("wsdep-name").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl").WithRole("DEPLOYMENT_ADMIN"),
			builders.Binding("wsdep-id").ForWorkspaceTokenID(wsID).OnDeployment(w.reports).WithRole("Deploy Only"),
		)
		w.expect("True/Granted", "ws-name", "ws-id", "dep-name", "dep-id", "wsdep-name", "wsdep-id")

		org := func(role string) string { return astrosim.OrganizationRole(w.org, role).String() }
		Expect(w.roles(w.ci)).To(ConsistOf(org("ORGANIZATION_MEMBER"), "WORKSPACE/"+w.data+"=WORKSPACE_AUTHOR", "DEPLOYMENT/"+w.etl+"=Deploy Only"))
		Expect(w.roles(ids[0])).To(ConsistOf(org("ORGANIZATION_MEMBER"), "WORKSPACE/"+w.data+"=WORKSPACE_OWNER", "DEPLOYMENT/"+w.models+"=DEPLOYMENT_ADMIN"))
		Expect(w.roles(w.wsCI)).To(ConsistOf("WORKSPACE/"+w.data+"=WORKSPACE_MEMBER", "DEPLOYMENT/"+w.etl+"=DEPLOYMENT_ADMIN"))
		Expect(w.roles(wsID)).To(ConsistOf("WORKSPACE/"+w.data+"=WORKSPACE_MEMBER", "DEPLOYMENT/"+w.reports+"=Deploy Only"))
	})

	It("says in the status what the CLI's list says, and what it pinned", func(ctx context.Context) {
		w := newWorld(ctx)
		token := w.sim.AddOrganizationToken(w.org, "deployer", "ORGANIZATION_MEMBER",
			astrosim.Description("for releases"), astrosim.CreatedBy("Grace"), astrosim.ExpiresInDays(30))
		w.advance(time.Minute)
		w.bind(builders.Binding("b").ForToken("deployer").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "b")

		s := w.binding("b").Status
		Expect(s.OrganizationID).To(Equal(w.org))
		Expect(s.Token.ID).To(Equal(token))
		Expect([]string{s.Token.Name, s.Token.Description, string(s.Token.Scope), s.Token.CreatedBy}).To(Equal(
			[]string{"deployer", "for releases", "Organization", "Grace"}))
		Expect(s.Token.CreatedAt).NotTo(BeNil())
		Expect(s.Token.ExpiresAt).NotTo(BeNil())
		Expect(s.Target).To(Equal(v1alpha1.BoundTarget{Kind: v1alpha1.TargetDeployment, ID: w.etl, Name: "etl", WorkspaceID: w.data}))
		Expect(s.Role).To(Equal("DEPLOYMENT_ADMIN"), "the default of a Deployment")
		Expect(s.Origin).To(Equal(v1alpha1.OriginCreated))
		for _, kind := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced} {
			Expect(string(w.condition("b", kind).Status)).To(Equal("True"), kind)
			Expect(w.condition("b", kind).ObservedGeneration).To(Equal(w.binding("b").Generation))
		}
		Expect(w.kstatus("b")).To(Equal(status.CurrentStatus))
	})

	It("follows an edited role with one read and one write", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Eventually(w.journal).ShouldNot(ContainSubstring(string(w.binding("b").UID)), "the status has the claim")

		spent := w.costOf(func() {
			w.role("b", "WORKSPACE_OPERATOR")
			w.expect("True/RoleUpdated", "b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OPERATOR"))
		Expect(w.binding("b").Status.Role).To(Equal("WORKSPACE_OPERATOR"))
		Expect([]int{spent.Gets, spent.Writes, spent.Pages, spent.Kubernetes}).To(Equal([]int{1, 1, 0, 1}))
	})

	It("revokes what it granted when the binding goes, and nothing else", func(ctx context.Context) {
		w := newWorld(ctx)
		before := w.roles(w.ci)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.roles(w.ci)).To(Equal(before))
	})

	It("revokes whatever role stands there by then", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("leaves the role with deletionPolicy Retain", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Retain())
		w.expect("True/Granted", "b")
		spent := w.costOf(func() {
			w.delete("b")
			w.expect(gone, "b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		Expect(spent.Writes).To(BeZero())
	})

	It("lets a binding go whose token was deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.DeleteToken(w.ci)
		w.delete("b")
		w.expect(gone, "b")
	})
})
