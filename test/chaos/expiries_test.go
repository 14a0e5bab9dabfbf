package main

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestJudgeExpired(t *testing.T) {
	expired := func(b *v1alpha1.ScopedTokenBinding) {
		b.Status.Claim = nil
		b.Status.Conditions[0].Reason = v1alpha1.ReasonExpired
	}
	cases := map[string]struct {
		reason string
		in     time.Duration
		says   func(*v1alpha1.ScopedTokenBinding)
		want   string // the problem
	}{
		"NotYet":      {"Until then it has its role.", time.Hour, func(*v1alpha1.ScopedTokenBinding) {}, ""},
		"Ready":       {"It is over, and the binding goes on as before.", -time.Second, func(*v1alpha1.ScopedTokenBinding) {}, "has expired"},
		"Told":        {"It is over, and the binding says so.", -time.Second, expired, ""},
		"StillClaims": {"It says so, and holds its claim.", -time.Second, func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions[0].Reason = v1alpha1.ReasonExpired }, "holds a claim"},
		"NotReady": {"It says so as if it were a fault.", -time.Second, func(b *v1alpha1.ScopedTokenBinding) {
			expired(b)
			b.Status.Conditions[0].Status = metav1.ConditionFalse
		}, "should be Ready"},
		"NeverMeant": {"It was over when the binding was made.", -time.Hour, func(b *v1alpha1.ScopedTokenBinding) {
			expired(b)
			b.Status.Conditions[0].Status = metav1.ConditionFalse
		}, ""},
		"Suspended": {"Who is suspended is left alone.", -time.Second, func(b *v1alpha1.ScopedTokenBinding) {
			b.Spec.Suspend = true
			b.Status.Conditions[0].Status, b.Status.Conditions[0].Reason = metav1.ConditionFalse, v1alpha1.ReasonSuspended
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := judged(t)
			e := w.entities[2]
			b := builders.Binding("b").In(namespaces[0]).ThroughCluster(w.shared()).ForTokenID(w.tokens[0].id).OnDeployment(e.id).Object()
			b.Spec.Role, b.UID, b.Generation, b.Finalizers = "DEPLOYMENT_ADMIN", "u", 1, []string{v1alpha1.FinalizerRevoke}
			b.CreationTimestamp, b.Spec.ExpiresAt = metav1.NewTime(time.Now().Add(-time.Minute)), new(metav1.NewTime(time.Now().Add(c.in)))
			b.Status = readyOn(w, e)
			w.sim.GrantRole(w.tokens[0].id, e.kind, e.id, "DEPLOYMENT_ADMIN")
			c.says(b)
			s := &snapshot{world: w, missing: map[v1alpha1.ConnectionKind]bool{}, namespaceLabels: map[string]map[string]string{}}
			s.shared.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll("*")}
			s.checkAlone(s.judge(b))
			w.found = s.problems
			expectProblem(t, w, c.reason, c.want)
		})
	}
}
