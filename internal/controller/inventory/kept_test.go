package inventory

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// TestDeclaredTarget: what a name was found to stand for is kept while something is in the way, unless the rules do not let the user
// know it.
func TestDeclaredTarget(t *testing.T) {
	cases := map[string]struct {
		reason, condition string
		fault             string
		kept              bool
	}{
		"Gone":         {"It is not found any more.", v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound, true},
		"Replaced":     {"Another has its name.", v1alpha1.ConditionResolved, v1alpha1.ReasonTargetReplaced, true},
		"Forbidden":    {"Astro does not let the credential look.", v1alpha1.ConditionResolved, v1alpha1.ReasonPermissionDenied, true},
		"NoConnection": {"Its connection is being made again.", v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotFound, true},
		"Refused":      {"The rules do not allow the inventory.", v1alpha1.ConditionAccepted, v1alpha1.ReasonNamespaceNotAllowed, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			i := &v1alpha1.TargetInventory{}
			i.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"}
			i.Status.Target = v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, Name: "data", ID: "w1"}
			if got := declaredTarget(i, fault.NotTrue(c.condition, c.fault, "x")); (got.ID == "w1") != c.kept || got.Name != "data" {
				t.Errorf("%s got %+v", c.reason, got)
			}
		})
	}
}

// TestWaits: a sweep that finds nothing new is of interest to who cannot rely on the listing, and to who removes what may have
// become undeclared without Astro showing anything else.
func TestWaits(t *testing.T) {
	for reason, c := range map[string]struct {
		policy v1alpha1.UndeclaredPolicy
		ready  string
		want   bool
	}{
		"It reports.":            {v1alpha1.UndeclaredReport, "Listed", false},
		"Its listing is none.":   {v1alpha1.UndeclaredReport, v1alpha1.ReasonListIncomplete, true},
		"It removes.":            {v1alpha1.UndeclaredRemove, "Listed", true},
		"It says nothing of it.": {"", "Listed", false},
	} {
		i := &v1alpha1.TargetInventory{}
		i.Spec.Undeclared = c.policy
		i.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: c.ready}}
		if waits(i) != c.want {
			t.Errorf("%s want %t", reason, c.want)
		}
	}
}
