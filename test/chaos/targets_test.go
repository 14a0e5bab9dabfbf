package main

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestJudgeTarget(t *testing.T) {
	cases := map[string]struct {
		reason  string
		happens func(*world, *entity, *v1alpha1.ScopedTokenBinding)
		says    string // the reason that Ready gives, True if it is Ready
		want    string // the problem
	}{
		"There":      {"Nothing has happened.", func(*world, *entity, *v1alpha1.ScopedTokenBinding) {}, "True", ""},
		"GoneReady":  {"It is gone, and the binding says Ready.", func(w *world, e *entity, _ *v1alpha1.ScopedTokenBinding) { w.deleteDeployment(e) }, "True", "should be ready=false"},
		"GoneTold":   {"It is gone, and the binding says so.", func(w *world, e *entity, _ *v1alpha1.ScopedTokenBinding) { w.deleteDeployment(e) }, v1alpha1.ReasonTargetNotFound, ""},
		"NoHeir":     {"There is no other of its name.", func(w *world, e *entity, _ *v1alpha1.ScopedTokenBinding) { w.deleteDeployment(e) }, v1alpha1.ReasonTargetReplaced, "should say one of"},
		"Heir":       {"Another has its name.", remade, v1alpha1.ReasonTargetReplaced, ""},
		"MovedReady": {"It has moved, and the status says where it was.", moved, "True", "says that"},
		"MovedTold":  {"The rules do not allow it there.", moved, v1alpha1.ReasonTargetNotAllowed, ""},
		"HeirConfirmed": {
			"Another has its name, and the user has confirmed it.",
			func(w *world, e *entity, b *v1alpha1.ScopedTokenBinding) {
				remade(w, e, b)
				metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationConfirmTarget, w.entities[len(w.entities)-1].id)
			},
			v1alpha1.ReasonTargetReplaced, "does not follow",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			w.must(w.sim.SetBehaviour("deployment-deletion", astrosim.Keep))
			e := w.entities[2]
			b := builders.Binding("b").In(namespaces[0]).ThroughCluster(w.shared()).ForTokenID(w.tokens[0].id).OnDeploymentNamed(e.workspace, e.name).Object()
			b.Spec.Role, b.UID, b.Generation, b.Finalizers = "DEPLOYMENT_ADMIN", "u", 1, []string{v1alpha1.FinalizerRevoke}
			b.Status = readyOn(w, e)
			s := &snapshot{world: w, missing: map[v1alpha1.ConnectionKind]bool{}, namespaceLabels: map[string]map[string]string{}}
			rule := builders.AllowAll("*")
			if c.says == v1alpha1.ReasonTargetNotAllowed {
				rule.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{e.workspace}}}
			}
			s.shared.Spec.Allow = []v1alpha1.AllowRule{rule}
			w.sim.GrantRole(w.tokens[0].id, e.kind, e.id, "DEPLOYMENT_ADMIN")
			c.happens(w, e, b)
			if c.says != "True" {
				b.Status.Conditions[0].Status, b.Status.Conditions[0].Reason = metav1.ConditionFalse, c.says
			}
			of := s.judge(b)
			s.checkAlone(of)
			if len(of.faults) == 0 {
				s.checkPlace(of.place, []*claim{of})
			}
			w.found = s.problems
			expectProblem(t, w, c.reason, c.want)
		})
	}
}

func remade(w *world, e *entity, _ *v1alpha1.ScopedTokenBinding) {
	w.deleteDeployment(e)
	w.makeAgain(e)
}

func moved(w *world, e *entity, _ *v1alpha1.ScopedTokenBinding) {
	e.workspace = w.workspacesBut(e.workspace)[0].id
	w.sim.MoveDeployment(e.id, e.workspace)
}

// readyOn is the status of a binding that is Ready.
func readyOn(w *world, e *entity) v1alpha1.ScopedTokenBindingStatus {
	st := v1alpha1.ScopedTokenBindingStatus{ObservedGeneration: 1, OrganizationID: w.org, Role: "DEPLOYMENT_ADMIN"}
	st.Token.ID, st.Token.Name = w.tokens[0].id, w.tokens[0].name
	st.Target.Kind, st.Target.ID, st.Target.Name, st.Target.WorkspaceID = v1alpha1.TargetDeployment, e.id, e.name, e.workspace
	st.Claim = &v1alpha1.Claim{State: v1alpha1.ClaimHeld, UID: "u"}
	st.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted, ObservedGeneration: 1}}
	return st
}

func TestJudgePin(t *testing.T) {
	cases := map[string]struct {
		reason    string
		confirmed string
		now       string
		want      string
	}{
		"Same":       {"It stays with its target.", "", "a", ""},
		"Unasked":    {"It follows another that nobody has confirmed.", "", "b", "nobody has confirmed"},
		"Confirmed":  {"The user has confirmed it.", "b", "b", ""},
		"OtherAsked": {"The user has confirmed another.", "c", "b", "nobody has confirmed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			b := builders.Binding("b").In(namespaces[0]).Object()
			b.UID, b.Status.Target.ID = "u", "a"
			w.judgePin(b)
			if c.confirmed != "" {
				metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationConfirmTarget, c.confirmed)
				w.facts.observe(b.DeepCopy())
				delete(b.Annotations, v1alpha1.AnnotationConfirmTarget) // it was stripped before the operator's answer came
			}
			b.Status.Target.ID = c.now
			w.judgePin(b)
			expectProblem(t, w, c.reason, c.want)
		})
	}
}
