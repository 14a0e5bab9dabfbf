package inventory

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

var _ = Describe("An inventory that cannot be right", func() {
	It("shows no part of its rows while the listing of tokens is no evidence", func(ctx SpecContext) {
		s := newStory(ctx)
		admin := astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN"))
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", admin)
		s.sim.AddOrganizationToken(s.org, "etl", "ORGANIZATION_MEMBER", admin)
		s.connected()
		i := s.inventory("prod", s.named("prod-etl"))
		s.expect(i, "Ready", "True/Listed")
		shown := s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{ci, s.self}})
		s.sweep()
		h, _ := registry.Get(connection.KeyOf(s.conn))
		Eventually(h.Directory.Doubt).ShouldNot(BeEmpty())
		late := s.inventory("late", s.named("prod-etl"))
		s.expect(late, "Ready", "Unknown/ListIncomplete")
		Expect(s.names(late)).To(BeEmpty())
		Expect(s.names(i)).To(ConsistOf("ci", "etl"))
		shown()
		s.sweep()
		s.expect(late, "Ready", "True/Listed")
		Expect(s.names(late)).To(ConsistOf("ci", "etl"))
	})

	It("costs the sweeps nothing where no rule allows it", func(ctx SpecContext) {
		s := newStory(ctx)
		elsewhere := s.rule(true, s.workspace)
		elsewhere.Namespaces.Names = []string{"elsewhere"}
		s.shared(elsewhere)
		for n := range 5 {
			i := s.inventory(fmt.Sprint("made-up-", n), v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(fmt.Sprintf("cldemadeup%015d", n))})
			s.expect(i, "Accepted", "False/NamespaceNotAllowed")
		}
		before := s.sim.Counts().ByEndpoint[astrosim.DeploymentsList]
		s.sweep()
		s.sweep()
		Expect(s.sim.Counts().ByEndpoint[astrosim.DeploymentsList]).To(Equal(before))
	})
})
