package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("An operator with nothing to do", func() {
	It("lists the tokens once a sweep and writes nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		Expect(w.costOf(w.sweep)).To(Equal(cost{Pages: 1}))
	})
})
