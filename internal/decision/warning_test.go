package decision

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const day = 24 * time.Hour

// ending makes the token expire after so long.
func ending(after time.Duration) with {
	return token(func(o *Observation) { o.Token.EndAt = new(now.Add(after)) })
}

// unused says when the token was made and last used, before now; 0 for never.
func unused(made, used time.Duration) with {
	return token(func(o *Observation) {
		o.Token.CreatedAt = now.Add(-made)
		if used > 0 {
			o.Token.LastUsedAt = new(now.Add(-used))
		}
	})
}

func TestWarnings(t *testing.T) {
	inventory := allowing(func(r *v1alpha1.AllowRule) { r.Inventory = true })
	granted := binding("a").claimed(1)
	cases := map[string]struct {
		reason string
		parts  []part
		want   string // the reason of the condition, "" if it is not there
		words  []string
		wake   time.Duration
	}{
		"Quiet":        {"There is nothing to say.", of(granted, holds(w1, member)), "", nil, 0},
		"ExpiresLater": {"It is said a month before, by itself.", of(granted, holds(w1, member), ending(31*day)), "", nil, day},
		"Expires": {
			"The day and what to do are named.", of(granted, holds(w1, member), ending(30*day)), v1alpha1.ReasonTokenExpires,
			[]string{`expires within 30 days, on 2026-03-31T12:00:00Z`, "make a new token"}, 23 * day,
		},
		"ExpiresSoon": {"Once more a week before.", of(granted, holds(w1, member), ending(6*day)), v1alpha1.ReasonTokenExpires, []string{"within 7 days"}, 5 * day},
		"ExpiresToday": {
			"And on the last day.", of(granted, holds(w1, member), ending(time.Hour)), v1alpha1.ReasonTokenExpires, []string{"within a day"}, time.Hour,
		},
		"Expired":     {"Then it is no warning any more.", of(granted, holds(w1, member), ending(-time.Hour)), "", nil, 0},
		"UnusedLater": {"What is used is not warned of.", of(granted, holds(w1, member), unused(400*day, 89*day)), "", nil, day},
		"Unused": {
			"A token that nobody uses may be one too many.", of(granted, holds(w1, member), unused(400*day, 90*day)), v1alpha1.ReasonTokenUnused,
			[]string{"not used since 2025-12-01"}, 0,
		},
		"NeverUsed": {"From when it was made.", of(granted, holds(w1, member), unused(91*day, 0)), v1alpha1.ReasonTokenUnused, []string{"2025-11-30"}, 0},
		"New":       {"A new token may be used yet.", of(granted, holds(w1, member), unused(day, 0)), "", nil, 89 * day},
		"Contested": {
			"The winner of a conflict knows of it, too.", of(granted, binding("b").role(owner), holds(w1, member)), v1alpha1.ReasonContestedRole,
			[]string{"ScopedTokenBinding team/b declares WORKSPACE_OWNER"}, 0,
		},
		"ContestedElsewhere": {
			"Of another namespace it is not told more than the rules let it know.", of(granted, binding("b").in("other").role(owner), holds(w1, member)),
			v1alpha1.ReasonContestedRole, []string{"a ScopedTokenBinding of another namespace declares another role"}, 0,
		},
		"ContestedShown": {
			"Unless an inventory shows it anyway.", of(granted, binding("b").in("other").role(owner).through("acme", inventory), holds(w1, member)),
			v1alpha1.ReasonContestedRole, []string{"ScopedTokenBinding other/b declares WORKSPACE_OWNER"}, 0,
		},
		"ContestedHidden": {
			"Not by an inventory through another connection.", of(binding("a").claimed(1).through("mine", inventory), binding("b").in("other").role(owner), holds(w1, member)),
			v1alpha1.ReasonContestedRole, []string{"a ScopedTokenBinding of another namespace declares another role"}, 0,
		},
		"Agreed": {"Who declares the same is no rival.", of(granted, binding("b"), holds(w1, member)), "", nil, 0},
		"All": {
			"The most pressing comes first, and none is left out.",
			of(granted, binding("b").role(owner), holds(w1, member), unused(400*day, 90*day), ending(time.Hour)), v1alpha1.ReasonTokenExpires,
			[]string{"within a day", "team/b declares", "not used since"}, time.Hour,
		},
		"NotAllowed": {
			"Whom the rules keep from the token learns nothing of it.", of(binding("a").through("acme", onlyRole(owner)), ending(time.Hour)), "", nil, time.Hour,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(c.parts...))
			st := w.statements["uid-a"].Status
			is, reason, message := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionWarning), "", ""
			if is != nil {
				reason, message = is.Reason, is.Message
			}
			differ(t, c.reason, "reason", c.want, reason)
			for _, words := range c.words {
				if !strings.Contains(message, words) {
					t.Errorf("%s\nwant %q in %q", c.reason, words, message)
				}
			}
			differ(t, c.reason, "another look", c.wake, w.progress.Wake)
		})
	}
}

func TestWarningsLeaveReadyAlone(t *testing.T) {
	w := drive(t, situation(binding("a").claimed(1), holds(w1, member), ending(time.Hour)))
	ready := meta.FindStatusCondition(w.statements["uid-a"].Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != "True" {
		t.Errorf("a token that expires tomorrow still holds its role today: %v", ready)
	}
}

func TestWarningsEnd(t *testing.T) {
	w := drive(t, situation(binding("a").claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) {
		meta.SetStatusCondition(&o.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionWarning, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTokenExpires,
		})
	}), holds(w1, member)))
	if meta.FindStatusCondition(w.statements["uid-a"].Status.Conditions, v1alpha1.ConditionWarning) != nil {
		t.Error("a warning stays although its cause is gone")
	}
}
