package fault_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	. "github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func answers() []metav1.Condition {
	return []metav1.Condition{condition("Accepted", "True", "A", "a"), condition("Resolved", "True", "R", "r"), condition("Synced", "True", "S", "s")}
}

func short(all []metav1.Condition) (words []string) {
	for _, c := range all {
		words = append(words, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return words
}

func TestAnswersAndReady(t *testing.T) {
	changed := func(at int, status metav1.ConditionStatus) []metav1.Condition {
		all := answers()
		all[at].Status, all[at].Reason, all[at].Message = status, "N", "n"
		return all
	}
	cases := map[string]struct {
		reason  string
		fault   *Fault
		answers []metav1.Condition
		want    []string
		ready   string
	}{
		"None":   {"Without a fault all is as asked, and Ready says the last.", nil, answers(), []string{"Accepted=True A: a", "Resolved=True R: r", "Synced=True S: s"}, "Ready=True S: s"},
		"First":  {"What comes after a fault has to wait.", NotTrue("Accepted", "No", "no"), answers(), []string{"Accepted=False No: no", "Resolved=Unknown Pending: not looked at while Accepted is not True", "Synced=Unknown Pending: not looked at while Accepted is not True"}, "Ready=False No: no"},
		"Middle": {"What comes before stays.", CouldNotCheck("Resolved", "Odd", "odd"), answers(), []string{"Accepted=True A: a", "Resolved=Unknown Odd: odd", "Synced=Unknown Pending: not looked at while Resolved is not True"}, "Ready=Unknown Odd: odd"},
		"Last":   {"Nothing waits for the last.", NotTrue("Synced", "No", "no"), answers(), []string{"Accepted=True A: a", "Resolved=True R: r", "Synced=False No: no"}, "Ready=False No: no"},
		"Other":  {"A fault of none of them changes none.", Quiet(), answers(), []string{"Accepted=True A: a", "Resolved=True R: r", "Synced=True S: s"}, "Ready=True S: s"},
		"FalseBeforeUnknown": {
			"False weighs more than an Unknown before it.", NotTrue("Synced", "No", "no"), changed(1, "Unknown"),
			[]string{"Accepted=True A: a", "Resolved=Unknown N: n", "Synced=False No: no"}, "Ready=False No: no",
		},
		"FirstFalse": {
			"Of several the first.", NotTrue("Synced", "No", "no"), changed(0, "False"),
			[]string{"Accepted=False N: n", "Resolved=True R: r", "Synced=False No: no"}, "Ready=False N: n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := Answers(c.fault, c.answers)
			if diff := cmp.Diff(c.want, short(got)); diff != "" {
				t.Errorf("%s\n-want +got\n%s", c.reason, diff)
			}
			if diff := cmp.Diff([]string{c.ready}, short([]metav1.Condition{Ready(got)})); diff != "" {
				t.Errorf("%s\nReady -want +got\n%s", c.reason, diff)
			}
		})
	}
}

func TestSet(t *testing.T) {
	find := func(all []metav1.Condition, kind string) *metav1.Condition {
		for i := range all {
			if all[i].Type == kind {
				return &all[i]
			}
		}
		return nil
	}
	cases := map[string]struct {
		reason      string
		before      []metav1.Condition
		fault       *Fault
		since       metav1.Time // of Ready
		there, gone []string
	}{
		"New":        {"A new condition is as of now.", nil, nil, now, []string{"Ready"}, []string{"Reconciling", "Stalled"}},
		"Same":       {"One that stays as it was since then.", []metav1.Condition{condition("Ready", "True", "Old", "old")}, nil, then, []string{"Ready"}, []string{"Reconciling", "Stalled"}},
		"Changed":    {"One that changes is as of now.", []metav1.Condition{condition("Ready", "False", "Old", "old")}, nil, now, []string{"Ready"}, nil},
		"Working":    {"What goes on by itself is said for kstatus.", []metav1.Condition{condition("Stalled", "True", "Old", "old")}, CouldNotCheck("Synced", "X", "x"), now, []string{"Ready", "Reconciling"}, []string{"Stalled"}},
		"Waiting":    {"As is what waits for somebody.", []metav1.Condition{condition("Reconciling", "True", "Old", "old")}, NotTrue("Synced", "X", "x"), now, []string{"Ready", "Stalled"}, []string{"Reconciling"}},
		"Done":       {"Neither is there once all is well.", []metav1.Condition{condition("Reconciling", "True", "Old", "old"), condition("Stalled", "True", "Old", "old")}, nil, now, []string{"Ready"}, []string{"Reconciling", "Stalled"}},
		"OthersStay": {"Conditions of others stay.", []metav1.Condition{condition("Other", "True", "Old", "old")}, nil, now, []string{"Ready", "Other"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			all := append([]metav1.Condition(nil), c.before...)
			Set(&all, c.fault, 7, now, metav1.Condition{Type: "Ready", Status: "True", Reason: "R", Message: "m"})
			ready := find(all, "Ready")
			if ready == nil || !ready.LastTransitionTime.Equal(&c.since) || ready.ObservedGeneration != 7 || ready.Reason != "R" {
				t.Errorf("%s\nwant Ready since %v, got %+v", c.reason, c.since, ready)
			}
			for _, kind := range c.there {
				if find(all, kind) == nil {
					t.Errorf("%s\n%s is missing", c.reason, kind)
				}
			}
			for _, kind := range c.gone {
				if find(all, kind) != nil {
					t.Errorf("%s\n%s is there", c.reason, kind)
				}
			}
		})
	}
}
