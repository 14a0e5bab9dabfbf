package inventory

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func (s *story) byID() v1alpha1.TargetReference {
	return v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(s.deployment)}
}

var _ = Describe("An inventory of what was never found", func() {
	// The rules go by where the target is, or by its id, and nobody could look.
	DescribeTable("is not refused while Astro cannot be asked", func(ctx SpecContext, fault astrosim.Fault,
		target func(*story) v1alpha1.TargetReference, want string,
	) {
		s := newStory(ctx)
		s.shared(s.rule(true, s.workspace))
		end := s.sim.Inject(fault)
		i := s.inventory("prod", target(s))
		s.expect(i, "Ready", want)
		s.expect(i, "Accepted", want)
		s.expect(i, "Reconciling", "True"+want[len("Unknown"):])
		end()
		s.expect(i, "Ready", "True/Listed")
	},
		Entry("of a Deployment by id, in an outage", astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.DeploymentsList},
			(*story).byID, "Unknown/Unreachable"),
		Entry("of a Deployment by id, by its rate limit", astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "1", Endpoint: astrosim.DeploymentsList},
			(*story).byID, "Unknown/RateLimited"),
		Entry("of a Workspace by name", astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.WorkspacesList},
			func(*story) v1alpha1.TargetReference {
				return v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"}
			}, "Unknown/Unreachable"),
	)

	It("is not refused while its connection is not ready", func(ctx SpecContext) {
		s := newStory(ctx)
		s.share(s.rule(true, s.workspace))
		Expect(kube.Create(ctx, s.conn)).To(Succeed())
		i := s.inventory("prod", s.byID())
		s.expect(i, "Ready", "Unknown/ConnectionNotReady")
		s.expect(i, "Accepted", "Unknown/ConnectionNotReady")
		s.credential(operatorNamespace)
		s.expect(i, "Ready", "True/Listed")
	})

	It("is listed once its Deployment has moved to where the rules allow it", func(ctx SpecContext) {
		s := newStory(ctx)
		mine := s.sim.AddWorkspace(s.org, "mine")
		s.interval = 5 * time.Second
		s.shared(s.rule(true, mine))
		i := s.inventory("prod", s.byID())
		s.expect(i, "Ready", "False/InventoryNotAllowed")
		s.sim.MoveDeployment(s.deployment, mine)
		s.expect(i, "Ready", "True/Listed")
		Expect(i.Status.Target.WorkspaceID).To(Equal(mine))
	})
})

var _ = Describe("A rule that is taken away", func() {
	It("empties the list, though the connection is busy with a slow sweep", func(ctx SpecContext) {
		s := newStory(ctx)
		s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN")))
		s.shared(s.rule(true, s.workspace))
		i := s.inventory("prod", s.byID())
		s.expect(i, "Ready", "True/Listed")
		DeferCleanup(s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensList}))
		s.sweep()
		before := s.conn.DeepCopyObject().(client.Object)
		s.conn.ConnectionSpec().Allow[0].Inventory = false
		Expect(kube.Patch(ctx, s.conn, client.MergeFrom(before))).To(Succeed())
		s.expect(i, "Ready", "False/InventoryNotAllowed") // a page is given up after twenty seconds
		Expect(i.Status.Tokens).To(BeEmpty())
	})
})
