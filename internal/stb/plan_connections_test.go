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

// TestPlanThroughOneConnection: with --connection what the manifests say of another one, and through it, is left out.
func TestPlanThroughOneConnection(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection("beside").To(w.sim.URL(), orgID).In(w.namespace).Object())
	w.declareGranted(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	changed := w.folder(
		builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).In(w.namespace).Allow(builders.AllowAll("other")).Object())
	p := w.plans(0, "-f", changed, "--connection", "beside")
	if got := p.actions(); got != "" || len(p.Connections) != 0 {
		t.Errorf("%s: %+v", got, p.Connections)
	}
	p = w.plans(codeChanges, "-f", changed, "--connection", builders.ConnectionName)
	if got := p.actions(); got != "ci-on-etl unchanged blocked" || len(p.Connections) != 1 {
		t.Errorf("%s: %+v", got, p.Connections)
	}
}

// TestPlanReadsThroughItsConnection: an Organization is read with the credential of the connection that the manifests are about,
// and with that of another where the user may not read it.
func TestPlanReadsThroughItsConnection(t *testing.T) {
	w := newWorld(t)
	other := builders.Connection("a-other").To(w.sim.URL(), orgID).In(w.namespace).WithSecret("other").Object()
	w.create(other)
	other.Status.Conditions = []metav1.Condition{says(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonConnected)}
	if err := kube.Status().Update(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	through := func(connection string) string {
		return w.folder(builders.Binding("a").Through(connection).ForTokenID(ciID).OnDeployment(reportsID).Object())
	}
	p := w.plans(codeChanges, "-f", through("a-other"))
	if got := p.actions(); got != "a create grant" {
		t.Errorf("there is no Secret other, and another connection leads there: %s", got)
	}
	w.create(builders.Secret(w.namespace, "other", "nonsense"))
	w.fails(`Secret NAMESPACE/other, key "token": `, "plan", "-f", through("a-other"))
	p = w.plans(codeChanges, "-f", through(builders.ConnectionName))
	if got := p.actions(); got != "a create grant" {
		t.Errorf("the credential of the other connection is none of its business: %s", got)
	}
}

// TestPlanWhileAstroIsAway: the operator works on through a connection that was proven once, as soon as it can.
func TestPlanWhileAstroIsAway(t *testing.T) {
	w := newWorld(t)
	folder := w.folder(builders.Binding("a").ForTokenID(ciID).OnDeployment(reportsID).Object())
	for proven, want := range map[string]string{selfID: "a create grant", "": "a create blocked"} {
		w.editConnection(func(c *v1alpha1.AstroConnection) {
			c.Status.CredentialTokenID = proven
			c.Status.Conditions = []metav1.Condition{says(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonUnreachable)}
		})
		if got := new(w.plans(codeChanges, "-f", folder)).actions(); got != want {
			t.Errorf("with credential %q: %s, want %s", proven, got, want)
		}
	}
}
