package stories

import (
	"context"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A change that Astro takes and does not show", func() {
	It("is drift that is looked at again, until it shows", func(ctx context.Context) {
		w := newWorld(ctx)
		w.decide("roles-answer", astrosim.Stale)
		over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: "tokens.*", Path: w.ci, Age: time.Hour})
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/DriftDetected", "b")
		w.told("b", "looks again")
		Expect(w.kstatus("b")).To(Equal(status.InProgressStatus))
		over()
		w.expect("True/Granted", "b")
	})
})

var _ = Describe("An inventory", func() {
	It("says what it waits for", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.AddDeployment(w.data, "twin")
		w.sim.AddDeployment(w.data, "twin")
		w.apply(w.connection("empty").In(w.namespace).WithSecret("nowhere").Object())
		bindings := builders.AllowAll(w.namespace)
		bindings.Inventory = false
		shared := w.connectCluster(map[string][]v1alpha1.AllowRule{"others": {builders.AllowAll(w.other)}, "bindings": {bindings}})
		acme := v1alpha1.ConnectionReference{Name: builders.ConnectionName}
		cluster := func(name string) v1alpha1.ConnectionReference {
			return v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: shared[name]}
		}
		workspace := func(id string) v1alpha1.TargetReference {
			return v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(id)}
		}
		w.take("listed", acme, workspace(w.data))
		w.take("gone", acme, workspace(nobody))
		w.take("twins", acme, v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: "twin", WorkspaceID: v1alpha1.AstroID(w.data)})
		w.take("nowhere", v1alpha1.ConnectionReference{Name: "nowhere"}, workspace(w.data))
		w.take("unready", v1alpha1.ConnectionReference{Name: "empty"}, workspace(w.data))
		w.take("stranger", cluster("others"), workspace(w.data))
		w.take("curious", cluster("bindings"), workspace(w.data))
		for name, reason := range map[string]string{
			"listed": v1alpha1.ReasonListed, "gone": v1alpha1.ReasonTargetNotFound, "twins": v1alpha1.ReasonTargetAmbiguous,
			"nowhere": v1alpha1.ReasonConnectionNotFound, "unready": v1alpha1.ReasonConnectionNotReady,
			"stranger": v1alpha1.ReasonNamespaceNotAllowed, "curious": v1alpha1.ReasonInventoryNotAllowed,
		} {
			Eventually(w.inventory(name)).Should(HaveSuffix("/"+reason), name)
		}
	})
})

// take makes an inventory in the story's first namespace.
func (w *world) take(name string, through v1alpha1.ConnectionReference, of v1alpha1.TargetReference) {
	GinkgoHelper()
	w.takeIn(w.namespace, name, through, of)
}

func (w *world) takeIn(namespace, name string, through v1alpha1.ConnectionReference, of v1alpha1.TargetReference) {
	GinkgoHelper()
	w.apply(&v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.TargetInventorySpec{ConnectionRef: through, Target: of},
	})
}

// inventory reads the readiness of an inventory.
func (w *world) inventory(name string) func() string {
	return func() string {
		var i v1alpha1.TargetInventory
		if err := w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, &i); err != nil {
			return err.Error()
		}
		return readiness(i.Status.Conditions)
	}
}
