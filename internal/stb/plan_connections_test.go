package stb

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// editConnection edits the connection acme of the world, and its status.
func (w *world) editConnection(edit func(*v1alpha1.AstroConnection)) {
	w.Helper()
	var c v1alpha1.AstroConnection
	if err := kube.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}, &c); err != nil {
		w.Fatal(err)
	}
	edit(&c)
	status := c.Status
	if err := kube.Update(w.Context(), &c); err != nil {
		w.Fatal(err)
	}
	c.Status = status
	if err := kube.Status().Update(w.Context(), &c); err != nil {
		w.Fatal(err)
	}
}

// says is a condition of a connection.
func says(condition string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(today)}
}

// TestPlanLiftsTheRevocationLimit: an annotation of a connection is a change like any other, and what follows from it is planned.
func TestPlanLiftsTheRevocationLimit(t *testing.T) {
	w := newWorld(t)
	w.editConnection(func(c *v1alpha1.AstroConnection) {
		c.Spec.MaxRevocationsPerSweep = 1
		c.Status.Conditions = []metav1.Condition{says(v1alpha1.ConditionRevocationsPaused, metav1.ConditionTrue, v1alpha1.ReasonRevocationLimited)}
	})
	w.declareGranted(builders.Binding("old").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	c := builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).In(w.namespace).Object()
	c.Spec.MaxRevocationsPerSweep = 1
	p := w.plans(codeChanges, "-f", w.folder(c), "--prune")
	if got := p.actions(); got != "old delete blocked" || len(p.Connections) != 0 {
		t.Errorf("nothing is revoked while that is paused: %s, %+v", got, p.Connections)
	}
	c.Annotations = map[string]string{v1alpha1.AnnotationLiftRevocationLimit: "2026-03-01T13:00:00Z"}
	folder := w.folder(c)
	p = w.plans(codeChanges, "-f", folder, "--prune")
	if got := p.actions(); got != "old delete revoke" {
		t.Errorf("the limit is lifted: %s", got)
	}
	if p = w.plans(codeChanges, "-f", folder); len(p.Connections) != 1 || p.Connections[0].Operation != plan.Update {
		t.Errorf("the connection is changed: %+v", p)
	}
}
