package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A connection that may not list tokens", func() {
	It("is no trouble of the tokens whose names bindings through it spell", func(ctx context.Context) {
		w := newWorld(ctx)
		blind := w.sim.AddOrganizationToken(w.org, "blind", "ORGANIZATION_OWNER")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.list", Caller: blind})
		w.apply(builders.Secret(w.other, builders.SecretName, w.sim.Credential(blind)), w.connection(builders.ConnectionName).In(w.other).Object())
		Eventually(func() string { return readiness(w.acme(w.other).Status.Conditions) }).Should(HavePrefix("False/"))
		w.bind(builders.Binding("spelled").In(w.other).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.waitIdle()
		asked := func() int { return w.sim.Counts().Faults[astrosim.FaultForbidden] }
		before := asked()
		w.role("b", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "b")
		Consistently(asked, 2*time.Second).Should(Equal(before))
	})
})
