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
	ask := func(namespace, name, value string) time.Duration {
		b := &v1alpha1.ScopedTokenBinding{}
		b.Namespace, b.Name, b.UID = namespace, name, types.UID(namespace+name)
		b.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: value}
		return q.wait(&decision.Binding{Object: b}, value, now)
	}
	waits := func(want time.Duration, namespace, name, value string) {
		t.Helper()
		if got := ask(namespace, name, value); got != want {
			t.Errorf("%s/%s waits for %s", namespace, name, got)
		}
	}
	for i := range requestBurst {
		waits(0, "busy", fmt.Sprint(i), "1")
	}
	waits(0, "busy", "0", "1") // the same request counts once
	waits(7*time.Second, "busy", "0", "2")
	waits(7*time.Second, "busy", "late", "1")
	waits(0, "other", "0", "1")
	now = now.Add(5 * time.Second)
	waits(2*time.Second, "busy", "late", "another") // one that replaces it waits no longer
	now = now.Add(2 * time.Second)
	waits(0, "busy", "late", "another")
	waits(0, "busy", "0", "2")
	if got := q.wait(&decision.Binding{Object: &v1alpha1.ScopedTokenBinding{}}, "", now); got != 0 {
		t.Errorf("who asks for nothing waits for %s", got)
	}
}
