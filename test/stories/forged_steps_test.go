package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A claim that somebody has forged", func() {
	It("keeps no role of another's, whatever the annotation says", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")

		w.bind(builders.Binding("forged").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").
			Annotated(formerClaim, claimText(w, w.ci, "1970-01-01T00:00:00.000000Z"))) // its namespace has no connection
		w.expect("False/ConnectionNotFound", w.other+"/forged")

		w.role("b", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})
