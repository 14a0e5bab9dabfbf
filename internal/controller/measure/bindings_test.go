package measure

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// held is a binding whose claim on the Workspace w1 its status holds, as far as synced says.
func held(synced metav1.ConditionStatus, reason string, change ...func(*v1alpha1.ScopedTokenBinding)) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "data", UID: "1", Generation: 2}}
	b.Spec.Target.Kind, b.Spec.Role = v1alpha1.TargetWorkspace, "WORKSPACE_MEMBER"
	b.Status = v1alpha1.ScopedTokenBindingStatus{
		ObservedGeneration: 2, OrganizationID: "o1", Token: v1alpha1.BoundToken{ID: "t1"}, Role: "WORKSPACE_MEMBER",
		Target: v1alpha1.BoundTarget{ID: "w1"}, Claim: &v1alpha1.Claim{UID: "1", State: v1alpha1.ClaimHeld, Host: "h"},
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted},
			{Type: v1alpha1.ConditionResolved, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonResolved},
			{Type: v1alpha1.ConditionSynced, Status: synced, Reason: reason},
			{Type: v1alpha1.ConditionReady, Status: synced, Reason: reason},
		},
	}
	for _, c := range change {
		c(b)
	}
	return b
}

// TestBindingsOfNoConnection: a namespace may name any number of connections that do not exist, which makes no series.
func TestBindingsOfNoConnection(t *testing.T) {
	c := NewBindings()
	for i := range 1000 {
		k := ref.Key{Kind: v1alpha1.KindClusterAstroConnection, Name: fmt.Sprintf("none-%d", i)}
		if i%2 == 0 {
			k = ref.Key{Kind: v1alpha1.KindAstroConnection, Namespace: "data", Name: k.Name}
		}
		c.Add(held(metav1.ConditionFalse, v1alpha1.ReasonRevocationLimited), k, false)
	}
	for _, kind := range []v1alpha1.ConnectionKind{v1alpha1.KindClusterAstroConnection, v1alpha1.KindAstroConnection} {
		k := ref.Key{Kind: kind}
		if n := c.Conditions[Condition{k, "Ready", "False", v1alpha1.ReasonRevocationLimited}]; n != 500 {
			t.Errorf("%d bindings are counted that name a %s", n, kind)
		}
	}
	if len(c.Conditions) != 2*len(conditions) || len(c.Revoking) != 2 {
		t.Errorf("%d series of conditions, %d of revocations", len(c.Conditions), len(c.Revoking))
	}
}

func TestBindings(t *testing.T) {
	c := NewBindings()
	warned := func(b *v1alpha1.ScopedTokenBinding) {
		b.Status.Conditions = append(b.Status.Conditions,
			metav1.Condition{Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTokenUnused})
	}
	c.Add(held(metav1.ConditionTrue, v1alpha1.ReasonGranted, warned), acme, true)
	c.Add(held(metav1.ConditionTrue, v1alpha1.ReasonGranted), whole, true)
	c.Add(held(metav1.ConditionFalse, v1alpha1.ReasonRevocationLimited), whole, true)
	c.Add(&v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "science"}}, whole, true)
	of := func(k ref.Key, kind, status, reason string) Condition { return Condition{k, kind, status, reason} }
	want := Bindings{
		Readiness: map[Readiness]int{
			{"data", "True", "Granted"}: 2, {"data", "False", "RevocationLimited"}: 1, {"science", "Unknown", ""}: 1,
		},
		Conditions: map[Condition]int{
			of(acme, "Accepted", "True", "Accepted"): 1, of(acme, "Resolved", "True", "Resolved"): 1,
			of(acme, "Warning", "True", "TokenUnused"): 1,
			of(acme, "Synced", "True", "Granted"):      1, of(acme, "Ready", "True", "Granted"): 1,
			of(whole, "Accepted", "True", "Accepted"): 2, of(whole, "Resolved", "True", "Resolved"): 2,
			of(whole, "Synced", "True", "Granted"): 1, of(whole, "Ready", "True", "Granted"): 1,
			of(whole, "Synced", "False", "RevocationLimited"): 1, of(whole, "Ready", "False", "RevocationLimited"): 1,
			of(whole, "Accepted", "Unknown", ""): 1, of(whole, "Resolved", "Unknown", ""): 1,
			of(whole, "Synced", "Unknown", ""): 1, of(whole, "Ready", "Unknown", ""): 1,
		},
		Revoking: map[ref.Key]int{whole: 1},
		Claims:   Claims{{"h", "o1"}: {"t1": {{EntityType: astro.EntityWorkspace, EntityID: "w1"}: {}}}},
	}
	if d := cmp.Diff(want, c, cmp.AllowUnexported(organization{})); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestDrifted(t *testing.T) {
	without := func(b *v1alpha1.ScopedTokenBinding) { b.Status.Role = "" }
	edited := func(b *v1alpha1.ScopedTokenBinding) { b.Generation = 3 }
	corrected := func(at string) func(*v1alpha1.ScopedTokenBinding) {
		return func(b *v1alpha1.ScopedTokenBinding) { b.Status.Conditions[2].Message = at }
	}
	deleted := func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = new(metav1.NewTime(time.Unix(1, 0))) }
	granted := held(metav1.ConditionTrue, v1alpha1.ReasonGranted)
	once := held(metav1.ConditionTrue, v1alpha1.ReasonDriftCorrected, corrected("one"))
	left := held(metav1.ConditionFalse, v1alpha1.ReasonExternalWriter, without)
	unanswered := held(metav1.ConditionUnknown, v1alpha1.ReasonUnreachable, without)
	cases := map[string]struct {
		reason           string
		before, after    *v1alpha1.ScopedTokenBinding
		found, corrected bool
	}{
		"Quiet":        {"Nothing happened.", granted, granted, false, false},
		"Corrected":    {"It was put right.", granted, once, true, true},
		"Again":        {"It was put right another time.", once, held(metav1.ConditionTrue, v1alpha1.ReasonDriftCorrected, corrected("two")), true, true},
		"SaidAgain":    {"What was said before is no news.", once, held(metav1.ConditionTrue, v1alpha1.ReasonDriftCorrected, corrected("one")), false, false},
		"Observed":     {"Who only observes has found it.", granted, held(metav1.ConditionFalse, v1alpha1.ReasonWouldChange, without), true, false},
		"Left":         {"It was found, and left to the other writer.", granted, left, true, false},
		"LeftRestored": {"It was found before, and is put right now.", left, once, false, true},
		"StillLeft":    {"What is not put right is not found again.", left, left, false, false},
		"Outage":       {"That Astro could not be asked is no drift.", granted, held(metav1.ConditionUnknown, v1alpha1.ReasonUnreachable), false, false},
		"Unanswered":   {"It was found, and Astro does not answer to the write.", granted, unanswered, true, false},
		"Withdrawn":    {"The rules forbid it, or another binding has the say.", granted, held(metav1.ConditionUnknown, v1alpha1.ReasonPending, without), false, false},
		"Restored":     {"It was found before, and is put right now.", unanswered, once, false, true},
		"Edited":       {"The user wants another role.", granted, held(metav1.ConditionFalse, v1alpha1.ReasonRefusedByAstro, without, edited), false, false},
		"Deleted":      {"The user wants none.", granted, held(metav1.ConditionFalse, v1alpha1.ReasonRevoking, without, deleted), false, false},
		"Expired":      {"The role has ended.", granted, held(metav1.ConditionFalse, v1alpha1.ReasonExpired, without), false, false},
		"Ending":       {"Or is about to.", granted, held(metav1.ConditionFalse, v1alpha1.ReasonRevoking, without), false, false},
		"New":          {"What was never looked at has not drifted.", &v1alpha1.ScopedTokenBinding{}, left, false, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if found, corrected := Drifted(tc.before, tc.after); found != tc.found || corrected != tc.corrected {
				t.Errorf("%s found %t, corrected %t", tc.reason, found, corrected)
			}
		})
	}
}
