package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPoliciesOfSplitReleases: where kinds and operator are in releases of their own, the operator's policies can be had, and
// whoever would go without them is told. They know only the operators that they name, so a further instance does not bring
// them along.
func TestPoliciesOfSplitReleases(t *testing.T) {
	const (
		left   = "set policies.forOperator=true here"
		before = "Set policies.forOperator=true in the release that runs the"
	)
	both := []string{"scopedtoken-operator-confined", "scopedtoken-operator-only"}
	cases := map[string]struct {
		reason, set string
		want        []string
		note        string
	}{
		"Together":    {"One release.", "operator.enabled=true", both, ""},
		"Kinds":       {"The account of the operator is not known here.", "operator.enabled=false", nil, before},
		"Operator":    {"It could be a further instance, whose policies would shut the first one out.", "crds.enabled=false", nil, left},
		"ForOperator": {"It is the one operator.", "crds.enabled=false,policies.forOperator=true", both, ""},
		"Objects":     {"No operator to name.", "crds.enabled=false,operator.enabled=false,policies.forOperator=true", nil, ""},
		"Off":         {"No policies are wanted.", "crds.enabled=false,policies.enabled=false,policies.forOperator=true", nil, ""},
		"KindsOff":    {"Nor here.", "operator.enabled=false,policies.enabled=false", nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "install", release, "config/chart", "--namespace", system, "--dry-run=client", "--set", tc.set)
			if err != nil {
				t.Fatal(err)
			}
			_, notes, _ := strings.Cut(out, "\nNOTES:\n")
			for _, note := range []string{left, before} {
				if told := strings.Contains(notes, note); told != (note == tc.note) {
					t.Errorf("%s\nwant the note %q: %t, got\n%s", tc.reason, note, note == tc.note, notes)
				}
			}
			var got []string
			for _, o := range of(render(t, "--set", tc.set), "ValidatingAdmissionPolicyBinding") {
				if strings.Contains(o.GetName(), "-operator-") {
					got = append(got, o.GetName())
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}
