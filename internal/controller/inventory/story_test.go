package inventory

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

var _ = Describe("An inventory", func() {
	It("lists the tokens on its target with the columns of the Astro CLI", func(ctx SpecContext) {
		s := newStory(ctx)
		made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		admin := astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN"))
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", admin,
			astrosim.Description("deploys"), astrosim.CreatedAt(made), astrosim.CreatedBy("Grace Hopper"))
		etl := s.sim.AddWorkspaceToken(s.workspace, "airflow", "WORKSPACE_MEMBER", admin)
		s.sim.AddOrganizationToken(s.org, "elsewhere", "ORGANIZATION_MEMBER")
		s.sim.AddDeploymentToken(s.deployment, "its own", "DEPLOYMENT_ADMIN")
		s.connected()
		i := s.inventory("prod", s.named("prod-etl"))
		Expect(s.expect(i, "Ready", "True/Listed")).To(Equal(`2 token(s) hold a role on Deployment "prod-etl", 2 of them undeclared`))
		Expect(i.Status.Target).To(Equal(v1alpha1.BoundTarget{Kind: "Deployment", ID: s.deployment, Name: "prod-etl", WorkspaceID: s.workspace}))
		Expect(i.Status.Tokens).To(HaveLen(2))
		Expect(i.Status.Tokens[0]).To(And(HaveField("ID", etl), HaveField("Name", "airflow"), HaveField("Scope", v1alpha1.ScopeWorkspace)))
		row := i.Status.Tokens[1]
		Expect(row.CreatedAt.Time).To(BeTemporally("==", made))
		row.CreatedAt = nil
		Expect(row).To(Equal(v1alpha1.InventoryToken{
			ID: ci, Name: "ci", Description: "deploys", Scope: v1alpha1.ScopeOrganization, Role: "DEPLOYMENT_ADMIN", CreatedBy: "Grace Hopper",
		}))
		Expect(i.Status.Total).To(BeEquivalentTo(2))
		Expect(i.Status.Undeclared).To(BeEquivalentTo(2))
		s.expect(i, "Accepted", "True/Accepted")
		s.expect(i, "Resolved", "True/Resolved")
	})

	It("counts what is beyond its cap", func(ctx SpecContext) {
		s := newStory(ctx)
		for n := range 205 {
			s.sim.AddOrganizationToken(s.org, fmt.Sprintf("token-%03d", n), "ORGANIZATION_MEMBER",
				astrosim.Roles(astrosim.WorkspaceRole(s.workspace, "WORKSPACE_MEMBER")))
		}
		s.connected()
		i := s.inventory("data", v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"})
		s.expect(i, "Ready", "True/Listed")
		Expect(i.Status.Tokens).To(HaveLen(200))
		Expect(i.Status.Tokens[199].Name).To(Equal("token-199"))
		Expect(i.Status.Total).To(BeEquivalentTo(205))
		Expect(i.Status.Remaining).To(BeEquivalentTo(5))
		Expect(i.Status.Undeclared).To(BeEquivalentTo(205))
	})

	It("shows what a sweep found, and nothing costs a call a target or a needless write", func(ctx SpecContext) {
		s := newStory(ctx)
		other := s.sim.AddDeployment(s.workspace, "dev")
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER")
		s.connected()
		changed, same := s.inventory("prod", s.named("prod-etl")), s.inventory("dev", s.named("dev"))
		s.expect(changed, "Ready", "True/Listed")
		s.expect(same, "Ready", "True/Listed")
		Expect(same.Status.Target.ID).To(Equal(other))
		Eventually(s.patches).Should(Equal(2), "one that Kubernetes is about to refuse counts until then")
		before, total := s.patches(), s.sim.Counts().Total
		s.sim.GrantRole(ci, "DEPLOYMENT", s.deployment, "DEPLOYMENT_ADMIN")
		s.sweep()
		Eventually(func() []string { return s.names(changed) }).Should(ConsistOf("ci"))
		Eventually(s.patches).Should(Equal(before + 1))
		Expect(s.sim.Counts().Total).To(Equal(total+3), "a proof, a page, and one look at both targets")
		s.sim.RevokeRole(ci, "DEPLOYMENT", s.deployment)
		s.sweep()
		Eventually(func() []string { return s.names(changed) }).Should(BeEmpty())
		Eventually(s.patches).Should(Equal(before + 2))
	})

	It("names the binding that declares a role, and is not deceived by a claim of another object", func(ctx SpecContext) {
		s := newStory(ctx)
		admin := astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN"))
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", admin)
		s.sim.AddOrganizationToken(s.org, "rogue", "ORGANIZATION_MEMBER", admin)
		s.connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		Expect(i.Status.Undeclared).To(BeEquivalentTo(2))

		second, first := s.bind("second", ci), s.bind("first", ci)
		s.claim(second, ci, second.UID)
		declaredBy := func() string { return s.get(i).Status.Tokens[0].DeclaredBy }
		Eventually(declaredBy).Should(Equal(s.namespace + "/second"))
		s.claim(first, ci, first.UID)
		Eventually(declaredBy).Should(Equal(s.namespace + "/first"))
		Expect(i.Status.Undeclared).To(BeEquivalentTo(1))

		for _, b := range []*v1alpha1.ScopedTokenBinding{first, second} {
			Expect(kube.Delete(ctx, b)).To(Succeed())
			Expect(kube.Patch(ctx, b, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
		}
		Eventually(declaredBy).Should(BeEmpty())
	})

	It("finds a target that is made a moment later, without a sweep", func(ctx SpecContext) {
		s := newStory(ctx).connected()
		early := s.inventory("early", s.named("late"))
		s.expect(early, "Ready", "False/TargetNotFound")
		id := s.sim.AddDeployment(s.workspace, "late")
		Eventually(func() string { return s.get(early).Status.Target.ID }, "20s").Should(Equal(id))
		s.expect(early, "Ready", "True/Listed")
	})

	It("follows what is written by id before any sweep", func(ctx SpecContext) {
		s := newStory(ctx)
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER")
		s.connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		s.sim.GrantRole(ci, "DEPLOYMENT", s.deployment, "DEPLOYMENT_ADMIN")
		h, _ := registry.Get(connection.KeyOf(s.conn))
		at := time.Now()
		read, err := h.Client.GetToken(ctx, ci)
		Expect(err).NotTo(HaveOccurred())
		registry.Record(h, read, at)
		Eventually(func() []string { return s.names(i) }).Should(ConsistOf("ci"))
	})

	It("says which tokens it cannot judge", func(ctx SpecContext) {
		s := newStory(ctx)
		hidden := s.sim.AddOrganizationToken(s.org, "hidden", "ORGANIZATION_MEMBER")
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, IDs: []string{hidden}})
		s.connected()
		i := s.inventory("prod", s.named("prod-etl"))
		Expect(s.expect(i, "Ready", "Unknown/ListIncomplete")).To(ContainSubstring("1 of the Organization's tokens came without their roles"))
	})

	It("says that there is no such target, and finds it after a sweep", func(ctx SpecContext) {
		s := newStory(ctx).connected()
		i := s.inventory("new", s.named("new"))
		Expect(s.expect(i, "Resolved", "False/TargetNotFound")).To(ContainSubstring(`Deployment "new" in Workspace ` + s.workspace))
		s.expect(i, "Ready", "False/TargetNotFound")
		s.expect(i, "Stalled", "True/TargetNotFound")
		Expect(i.Status.Target.Name).To(Equal("new"))
		s.sim.AddDeployment(s.workspace, "new")
		s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER")
		s.sweep()
		s.expect(i, "Ready", "True/Listed")
	})

	It("says that there is no such connection", func(ctx SpecContext) {
		s := newStory(ctx)
		s.ref = v1alpha1.ConnectionReference{Name: "acme"}
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "False/ConnectionNotFound")
		s.expect(i, "Stalled", "True/ConnectionNotFound")
		s.connected()
		s.expect(i, "Ready", "True/Listed")
	})

	It("stays as it is during an outage", func(ctx SpecContext) {
		s := newStory(ctx).connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		version := i.ResourceVersion
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError})
		h, _ := registry.Get(connection.KeyOf(s.conn))
		h.Directory.ExpireTargets()
		registry.Record(h, mustToken(ctx, h, s.self), time.Now())
		Consistently(func() string { return s.get(i).ResourceVersion }, "4s").Should(Equal(version))
	})
})

var _ = Describe("An inventory through a ClusterAstroConnection", func() {
	// Whether the target is there or not, somebody whom the rules forbid it reads the same.
	DescribeTable("is refused", func(ctx SpecContext, target func(s *story) (there, absent v1alpha1.TargetReference)) {
		s := newStory(ctx)
		mine := s.sim.AddWorkspace(s.org, "mine")
		s.shared(s.rule(true, mine))
		there, absent := target(s)
		a, b := s.inventory("there", there), s.inventory("absent", absent)
		message := s.expect(a, "Accepted", "False/InventoryNotAllowed")
		Expect(s.expect(b, "Accepted", "False/InventoryNotAllowed")).To(Equal(message))
		s.expect(a, "Resolved", "Unknown/Pending")
		Expect(s.get(a).Status.Target.ID).To(Equal(string(there.ID)))
		Expect(a.Status.Tokens).To(BeEmpty())
		Expect(conditionsOf(a)).To(Equal(conditionsOf(s.get(b))))
	},
		Entry("a Workspace by name", func(*story) (there, absent v1alpha1.TargetReference) {
			return v1alpha1.TargetReference{Kind: "Workspace", Name: "data"}, v1alpha1.TargetReference{Kind: "Workspace", Name: "nothing"}
		}),
		Entry("a Deployment by id", func(s *story) (there, absent v1alpha1.TargetReference) {
			return v1alpha1.TargetReference{Kind: "Deployment", ID: v1alpha1.AstroID(s.deployment)},
				v1alpha1.TargetReference{Kind: "Deployment", ID: "cabcdefghijklmnopqrstuvwx"}
		}),
		Entry("a Deployment by name", func(s *story) (there, absent v1alpha1.TargetReference) {
			return s.named("prod-etl"), s.named("nothing")
		}),
	)

	It("needs a rule of its own, and is emptied when that goes", func(ctx SpecContext) {
		s := newStory(ctx)
		s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN")))
		s.shared(s.rule(true, s.workspace))
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		Expect(s.names(i)).To(ConsistOf("ci"))

		before := s.conn.DeepCopyObject().(client.Object)
		s.conn.ConnectionSpec().Allow[0].Inventory = false
		Expect(kube.Patch(ctx, s.conn, client.MergeFrom(before))).To(Succeed())
		s.expect(i, "Ready", "False/InventoryNotAllowed")
		Expect(i.Status.Tokens).To(BeEmpty())
		Expect(i.Status.Total).To(BeZero())
		Expect(i.Status.Target.ID).To(BeEmpty())
	})
})

func (s *story) rule(inventory bool, workspace string) v1alpha1.AllowRule {
	return v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{s.namespace}}, Roles: []string{"*"}, Inventory: inventory,
		Tokens:  []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}},
		Targets: []v1alpha1.TargetRule{{WorkspaceIDs: []string{workspace}}},
	}
}

// bind makes a binding as it comes back from a backup: its status has a claim, but that of an object that is gone.
func (s *story) bind(name, token string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	return s.bindIn(s.namespace, name, token)
}

// bindIn is bind in another namespace.
func (s *story) bindIn(namespace, name, token string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	b := &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerRevoke}},
		Spec: v1alpha1.ScopedTokenBindingSpec{
			ConnectionRef: s.ref, Role: "DEPLOYMENT_ADMIN", Target: s.named("prod-etl"),
			Token: v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"},
		},
	}
	Expect(kube.Create(s.ctx, b)).To(Succeed())
	s.claim(b, token, "00000000-0000-4000-8000-000000000000")
	return b
}

// claim writes the status that the operator writes once the object with the uid holds its claim.
func (s *story) claim(b *v1alpha1.ScopedTokenBinding, token string, uid types.UID) {
	GinkgoHelper()
	h, _ := registry.Get(connection.KeyOf(s.conn))
	before := b.DeepCopy()
	b.Status.Origin = v1alpha1.OriginCreated
	b.Status.OrganizationID, b.Status.Token.ID = s.org, token
	b.Status.Target = v1alpha1.BoundTarget{Kind: v1alpha1.TargetDeployment, ID: s.deployment}
	b.Status.Claim = &v1alpha1.Claim{UID: uid, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NowMicro(), Host: h.Host}
	Expect(kube.Status().Patch(s.ctx, b, client.MergeFrom(before))).To(Succeed())
}

// conditionsOf are the conditions without their times.
func conditionsOf(i *v1alpha1.TargetInventory) []string {
	var all []string
	for _, c := range i.Status.Conditions {
		all = append(all, fmt.Sprint(c.Type, c.Status, c.Reason, c.Message))
	}
	return all
}

func mustToken(ctx context.Context, h connection.Handle, id string) astro.Token {
	GinkgoHelper()
	t, listed, err := h.Directory.Token(ctx, id)
	Expect(err).NotTo(HaveOccurred())
	Expect(listed).To(BeTrue())
	return t
}
