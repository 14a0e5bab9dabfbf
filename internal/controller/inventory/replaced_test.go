package inventory

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// again deletes the Deployment and makes another under its name, on which a token has a role.
func (s *story) again() (id string) {
	s.sim.DeleteDeployment(s.deployment)
	id = s.sim.AddDeployment(s.workspace, "prod-etl")
	s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(id, "DEPLOYMENT_ADMIN")))
	s.sweep()
	return id
}

func (s *story) confirm(i *v1alpha1.TargetInventory, id string) {
	GinkgoHelper()
	before := s.get(i).DeepCopy()
	i.Annotations = map[string]string{v1alpha1.AnnotationConfirmTarget: id}
	Expect(kube.Patch(s.ctx, i, client.MergeFrom(before))).To(Succeed())
}

var _ = Describe("An inventory of a target that was made again under its name", func() {
	It("says so, and lists the other once the user has confirmed it", func(ctx SpecContext) {
		s := newStory(ctx).connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		again := s.again()
		Expect(s.expect(i, "Ready", "False/TargetReplaced")).To(And(
			ContainSubstring("with id "+s.deployment), ContainSubstring("another with id "+again), ContainSubstring(v1alpha1.AnnotationConfirmTarget)))
		s.expect(i, "Resolved", "False/TargetReplaced")
		s.expect(i, "Stalled", "True/TargetReplaced")
		Expect(i.Status.Target).To(And(HaveField("ID", s.deployment), HaveField("WorkspaceID", s.workspace)))
		Expect(i.Status.Tokens).To(BeEmpty())

		s.confirm(i, s.deployment)
		Consistently(func() string { return s.expect(i, "Ready", "False/TargetReplaced") }, "1s").Should(ContainSubstring(again))
		s.confirm(i, again)
		s.expect(i, "Ready", "True/Listed")
		Expect(i.Status.Target.ID).To(Equal(again))
		Expect(s.names(i)).To(ConsistOf("ci"))
	})

	It("names the others, where several have its name", func(ctx SpecContext) {
		s := newStory(ctx).connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		other := s.sim.AddDeployment(s.workspace, "prod-etl")
		again := s.again()
		Expect(s.expect(i, "Ready", "False/TargetReplaced")).To(And(ContainSubstring(other), ContainSubstring(again), ContainSubstring("spec.target.id")))
		s.confirm(i, again)
		Consistently(func() string { return s.expect(i, "Ready", "False/TargetReplaced") }, "1s").Should(ContainSubstring(again), "none of several is taken")
	})

	It("says that it is not found, where the rules do not allow the other", func(ctx SpecContext) {
		s := newStory(ctx)
		rule := s.rule(true, s.workspace)
		rule.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{s.deployment}}}
		s.shared(rule)
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		again := s.again()
		Expect(s.expect(i, "Ready", "False/TargetNotFound")).NotTo(ContainSubstring(again))
		s.confirm(i, again)
		Consistently(func() string { return s.expect(i, "Ready", "False/TargetNotFound") }, "1s").ShouldNot(ContainSubstring(again))
		Expect(i.Status.Target.ID).To(Equal(s.deployment))
		s.allow(rule, s.rule(true, s.workspace))
		s.expect(i, "Ready", "True/Listed")
	})
})

// allow replaces the rules of the connection.
func (s *story) allow(rules ...v1alpha1.AllowRule) {
	GinkgoHelper()
	before := s.conn.DeepCopyObject().(client.Object)
	s.conn.ConnectionSpec().Allow = rules
	Expect(kube.Patch(s.ctx, s.conn, client.MergeFrom(before))).To(Succeed())
}
