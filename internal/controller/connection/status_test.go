package connection

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func TestReadyCondition(t *testing.T) {
	proven := &access{identity: astro.Identity{TokenID: "clt"}, organization: astro.Organization{Name: "Acme"}}
	down := fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonUnreachable, "down")
	cases := map[string]struct {
		reason   string
		findings findings
		change   func(*v1alpha1.AstroConnection)
		want     string
		says     string
	}{
		"Proven": {reason: "Nothing is wrong.", findings: findings{access: proven, ready: true}, want: "True/Connected", says: `token clt is proven for Organization "Acme"`},
		"BadLift": {
			reason: "What is wrong with an annotation is said beside.", findings: findings{access: proven, ready: true},
			change: func(c *v1alpha1.AstroConnection) {
				c.Annotations = map[string]string{v1alpha1.AnnotationLiftRevocationLimit: "tomorrow"}
			},
			want: "True/Connected", says: "tomorrow",
		},
		"Down":             {reason: "Nobody could ask.", findings: findings{fault: down, access: proven, ready: true}, want: "Unknown/Unreachable", says: "down"},
		"Refused":          {reason: "Astro said no.", findings: findings{fault: notReady(v1alpha1.ReasonCredentialRejected, "no")}, want: "False/CredentialRejected"},
		"Throttled":        {reason: "Being asked to slow down takes nothing away.", findings: findings{fault: fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonRateLimited, "slow"), ready: true}, want: "True/RateLimited"},
		"Throttled before": {reason: "Nor does it give anything.", findings: findings{fault: fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonRateLimited, "slow")}, want: "Unknown/RateLimited"},
		"Warned":           {reason: "What goes on through it is told beside.", findings: findings{access: proven, ready: true, warnings: []string{"a", "b"}}, want: "True/Connected", says: "; a; b"},
		"Deleted": {
			reason: "A connection that is being deleted says who needs it, and what keeps them.", findings: findings{fault: down, usage: usage{holders: []string{"data/a", "data/b"}}},
			change: func(c *v1alpha1.AstroConnection) { c.DeletionTimestamp = new(metav1.Now()) },
			want:   "False/InUse", says: "2 binding(s) need the connection to revoke their roles: data/a, data/b",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1alpha1.AstroConnection{}
			if tc.change != nil {
				tc.change(c)
			}
			got, _ := tc.findings.readyCondition(c)
			if string(got.Status)+"/"+got.Reason != tc.want || !strings.Contains(got.Message, tc.says) {
				t.Errorf("%s\n%s/%s: %s", tc.reason, got.Status, got.Reason, got.Message)
			}
		})
	}
}
