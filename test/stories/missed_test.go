package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A Deployment that is made after its name was missed", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("first").ForToken("ci").OnDeploymentNamed(w.data, "new"))
		w.expect("False/TargetNotFound", "first")
		w.sim.AddDeployment(w.data, "new")
	})

	It("is found by a new binding, before any sweep", func() {
		w.advance(11 * time.Second)
		w.bind(builders.Binding("second").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "new"))
		w.expect("True/Granted", "second")
	})

	It("is found by a binding that is edited, before any sweep", func() {
		w.advance(11 * time.Second)
		w.role("first", "Deploy Only")
		w.expect("True/Granted", "first")
	})

	It("is found a little later by a new binding that comes within seconds", func() {
		w.bind(builders.Binding("second").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "new"))
		w.expect("False/TargetNotFound", "second")
		w.waitIdle()
		w.expect("True/Granted", "second")
	})

	It("costs a lookup in ten seconds, whatever number of bindings name what is not there", func() {
		const many = 40
		var names []string
		spent := w.costOf(func() {
			for i := range many {
				names = append(names, "missing-"+string(rune('a'+i/26))+string(rune('a'+i%26)))
				w.bind(builders.Binding(names[i]).ForToken("ci").OnDeploymentNamed(w.data, "nothing"))
			}
			w.expect("False/TargetNotFound", names...)
		})
		Expect(spent.Lookups).To(BeNumerically("<=", 4), "the target, and what it may be a slip for, now and a little later")
	})
})
