package token

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

func TestRequestsBeyondTheShareAreAnsweredTogether(t *testing.T) {
	q, now := newRequests(), time.Date(2030, 1, 1, 0, 0, 3, 0, time.UTC)
	round := now.Truncate(requestRound).Add(requestRound)
	bindingOf := func(namespace, name, value string) *decision.Binding {
		b := bindingIn(namespace, "cltoken0000000000000000000")
		b.Name, b.UID = name, types.UID(namespace+name)
		b.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: value}
		return &decision.Binding{Object: b}
	}
	spread := spreadOf(bindingOf("busy", "0", "1").Object)
	asks := func(namespace, name, value string, wait time.Duration, in time.Time) {
		t.Helper()
		if got := q.ask(bindingOf(namespace, name, value), now); got.wait != wait || !got.since.Equal(in) || got.together != in.Equal(round) {
			t.Errorf("%s/%s: %+v, want to wait for %s, and an answer since %s", namespace, name, got, wait, in)
		}
	}
	alone := now
	for i := range requestBurst {
		asks("busy", fmt.Sprint(i), "1", 0, alone)
	}
	asks("busy", "0", "1", 0, alone) // the same request counts once
	asks("busy", "0", "2", 7*time.Second+spread, round)
	asks("busy", "late", "1", 7*time.Second+spread, round)
	asks("other", "0", "1", 0, now)
	now = now.Add(5 * time.Second)
	asks("busy", "late", "another", 2*time.Second+spread, round) // one that replaces it waits no longer
	now = now.Add(2*time.Second + spread)
	asks("busy", "late", "another", 0, round)
	asks("busy", "0", "2", 0, round)
	if got := q.ask(&decision.Binding{Object: &v1alpha1.ScopedTokenBinding{}}, now); got != (asked{}) {
		t.Errorf("who asks for nothing: %+v", got)
	}
	if spread < 0 || spread >= requestSpread {
		t.Errorf("it is answered %s after the beginning of its round", spread)
	}
}
