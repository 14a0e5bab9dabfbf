package stories

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// mayRemove gives the connection "acme" one rule, which allows its namespace to have removed what nobody declares, but for what
// is changed.
func (w *world) mayRemove(change ...func(*v1alpha1.AllowRule)) {
	GinkgoHelper()
	rule := builders.AllowAll(w.namespace)
	rule.RemoveUndeclared = true
	for _, c := range change {
		c(&rule)
	}
	w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{rule} })
	Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(w.acme(w.namespace).Generation))
}

// byHand makes Organization tokens, each with a role on the Workspace data that nobody declares.
func (w *world) byHand(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.sim.AddOrganizationToken(w.org, fmt.Sprintf("hand-%d", i), "ORGANIZATION_MEMBER", astrosim.Roles(astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER")))
	}
	return ids
}

// remover makes an inventory of the Workspace data, by the name "data", that removes what nobody declares.
func (w *world) remover() {
	GinkgoHelper()
	w.apply(&v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "data"},
		Spec: v1alpha1.TargetInventorySpec{
			ConnectionRef: v1alpha1.ConnectionReference{Name: builders.ConnectionName},
			Target:        v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(w.data)},
			Undeclared:    v1alpha1.UndeclaredRemove,
		},
	})
}

func (w *world) removerNow() *v1alpha1.TargetInventory {
	GinkgoHelper()
	i := &v1alpha1.TargetInventory{}
	Expect(w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "data"}, i)).To(Succeed())
	return i
}

// toRemove are the tokens whose roles are to be removed.
func (w *world) toRemove() (tokens []string) {
	GinkgoHelper()
	for _, v := range w.removerNow().Status.Removals {
		tokens = append(tokens, v.ID)
	}
	return tokens
}

// confirmation is what stands for the removals, once those of the tokens are all there are and may be confirmed.
func (w *world) confirmation(tokens ...string) string {
	GinkgoHelper()
	w.sweep()
	Eventually(w.toRemove).Should(ConsistOf(tokens))
	w.sweep()
	Eventually(w.removerWarns).Should(And(ContainSubstring("set the annotation"), Not(ContainSubstring("which are new"))))
	return w.removerNow().Status.Confirm
}

// confirm sets the annotation.
func (w *world) confirm(value string) {
	GinkgoHelper()
	i := w.removerNow()
	before := i.DeepCopy()
	metav1.SetMetaDataAnnotation(&i.ObjectMeta, v1alpha1.AnnotationConfirmUndeclared, value)
	Expect(w.kube.Patch(w.ctx, i, client.MergeFrom(before))).To(Succeed())
}

// removerWarns is what the inventory warns of.
func (w *world) removerWarns() string {
	GinkgoHelper()
	if c := meta.FindStatusCondition(w.removerNow().Status.Conditions, v1alpha1.ConditionWarning); c != nil {
		return c.Reason + ": " + c.Message
	}
	return ""
}

// stayOwners checks that tokens keep what was given by hand, over a sweep and the while for which an inventory gathers changes.
func (w *world) stayOwners(tokens ...string) {
	GinkgoHelper()
	w.waitIdle()
	w.sweep()
	Consistently(func(g Gomega) {
		for _, t := range tokens {
			g.Expect(w.on(t, w.data)).To(Equal("WORKSPACE_OWNER"))
		}
	}).WithTimeout(3 * time.Second).Should(Succeed())
}

// removerReady is what the inventory says of Ready.
func (w *world) removerReady() string {
	GinkgoHelper()
	return meta.FindStatusCondition(w.removerNow().Status.Conditions, v1alpha1.ConditionReady).Message
}
