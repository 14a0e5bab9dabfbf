package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding by name that is made just after its token or target was made again in Astro", func() {
	It("is of the new token, which the operator has not listed yet", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.sweepAttempt()
		w.expect("True/Granted", "b")
		Expect(w.on(again, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("is of the new target, while the operator still remembers the old one", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("before").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "before")
		w.delete("before")
		w.expect(gone, "before")
		w.sim.DeleteDeployment(w.etl)
		again := w.sim.AddDeployment(w.data, "etl")
		w.bind(builders.Binding("b").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.sweepAttempt()
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, again)).To(Equal("DEPLOYMENT_ADMIN"))
	})
})
