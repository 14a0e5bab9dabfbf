package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A write that has no answer, and arrives after later ones", func() {
	It("brings back no role of a binding that is gone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("old").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Granted", "old")
		w.waitIdle()
		lost := w.strikes(astrosim.FaultReset)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultReset, Endpoint: astrosim.TokensRoles, Times: 1})
		w.bind(builders.Binding("new").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(lost).Should(Equal(1))
		w.expect("True/Granted", "new") // at the second try
		w.delete("old")
		Eventually(func() string { return w.on(w.ci, w.science) }).Should(BeEmpty(), "its role is taken out")
		w.expect("False/Revoking", "old")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER") // which the lost write brought along
		w.expect(gone, "old")
		Expect(w.on(w.ci, w.science)).To(BeEmpty())
		w.sweep()
		w.expect("True/Granted", "new")
	})
})
