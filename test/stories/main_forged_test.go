package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A claim that somebody has forged", func() {
	It("keeps no role of another's, where neither rules nor status bear it out", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")

		var forged v1alpha1.HeldClaim
		b := w.binding("b")
		held := pin.Held(b)
		Expect(held).NotTo(BeNil())
		Expect(b.Finalizers).To(ContainElement(v1alpha1.FinalizerRevoke))
		forged = *held
		forged.Role, forged.Time = "WORKSPACE_OWNER", metav1.NewMicroTime(time.Unix(0, 0))
		value, err := pin.Encode(forged)
		Expect(err).NotTo(HaveOccurred())
		w.bind(builders.Binding("forged").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").
			Annotated(v1alpha1.AnnotationHeld, value)) // its namespace has no connection
		w.expect("False/ConnectionNotFound", w.other+"/forged")

		w.role("b", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})
