package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A new binding by a name that another token had at the last listing", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sweep()
	})
	bind := func() {
		GinkgoHelper()
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
	}

	It("is granted its role on the token that has the name by now", func() {
		w.sim.RenameToken(w.ci, "ci-old")
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		bind()
		var said []string
		Eventually(func() string {
			said = append(said, w.state("b"))
			return w.on(again, w.etl)
		}).Should(Equal("DEPLOYMENT_ADMIN"))
		w.expect("True/Granted", "b")
		Expect(said).NotTo(ContainElement(HavePrefix("False/")), "it waits for a listing that is new enough")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("is told that no token has it, if none has, at the cost of one listing", func() {
		w.sim.RenameToken(w.ci, "ci-old")
		before := w.total()
		bind()
		w.expect("False/TokenNotFound", "b")
		Expect(w.total().Pages - before.Pages).To(Equal(1))
	})

	It("is told so as well where the token is gone", func() {
		w.sim.DeleteToken(w.ci)
		bind()
		w.expect("False/TokenNotFound", "b")
	})
})
