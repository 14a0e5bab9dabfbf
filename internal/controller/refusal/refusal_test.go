package refusal_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
)

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "scopedtokenbindings"}, "a", errors.New("denied by policy"))

func TestDue(t *testing.T) {
	var told refusal.Told
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	steps := []struct {
		reason string
		write  refusal.Write
		uid    string
		err    error
		after  time.Duration
		want   bool
	}{
		{"The first refusal is told.", refusal.Status, "a", forbidden, 0, true},
		{"The next tries are not.", refusal.Status, "a", forbidden, time.Second, false},
		{"Another object's is.", refusal.Status, "b", forbidden, time.Second, true},
		{"So is another write of the same object.", refusal.Metadata, "a", forbidden, time.Second, true},
		{"A conflict never is.", refusal.Status, "c", apierrors.NewConflict(schema.GroupResource{}, "c", errors.New("x")), time.Second, false},
		{"A refusal that lasts is told again in a while.", refusal.Status, "a", forbidden, 10 * time.Minute, true},
	}
	for _, s := range steps {
		at = at.Add(s.after)
		if got := told.Due(s.write, "x", nil, at); got {
			t.Error("no error is no refusal")
		}
		if got := told.Due(s.write, types.UID(s.uid), s.err, at); got != s.want {
			t.Errorf("%s: want %v", s.reason, s.want)
		}
	}
}

func TestWords(t *testing.T) {
	words := refusal.Words("Granted", strings.Repeat("é", 2000), forbidden)
	for _, part := range []string{"denied by policy", "it was to say: Granted: é"} {
		if !strings.Contains(words, part) {
			t.Errorf("%q is not in %q", part, words)
		}
	}
	if len(words) > 1024+400 {
		t.Errorf("%d bytes", len(words))
	}
}
