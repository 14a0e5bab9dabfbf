package policy_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	. "github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

func TestLimitLifted(t *testing.T) {
	cases := map[string]struct {
		reason, value string
		until         string
		wrong         bool
	}{
		"Absent":   {reason: "Nothing is lifted."},
		"Time":     {reason: "A time is.", value: "2030-01-31T12:00:00Z", until: "2030-01-31T12:00:00Z"},
		"Zone":     {reason: "So is one elsewhere.", value: "2030-01-31T12:00:00+02:00", until: "2030-01-31T10:00:00Z"},
		"Fraction": {reason: "And one to the millisecond.", value: "2030-01-31T12:00:00.5Z", until: "2030-01-31T12:00:00.5Z"},
		"Date":     {reason: "A date is no time.", value: "2030-01-31", wrong: true},
		"Duration": {reason: "Nor is a duration.", value: "1h", wrong: true},
		"True":     {reason: "Nor is consent.", value: "true", wrong: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationLiftRevocationLimit: tc.value}}}
			until, wrong := LimitLifted(c)
			got := ""
			if !until.IsZero() {
				got = until.UTC().Format(time.RFC3339Nano)
			}
			if got != tc.until || (wrong != "") != tc.wrong || (tc.wrong && !strings.Contains(wrong, tc.value)) {
				t.Errorf("%s\n%q, %q", tc.reason, got, wrong)
			}
		})
	}
}

// TestRevocationLimit: what each of two namespaces may lose fits into what all may lose, whatever the limit.
func TestRevocationLimit(t *testing.T) {
	for _, c := range []struct{ limit, namespaces, all, each int }{
		{0, 1, 0, 0}, {0, 3, 0, 0}, {5, 0, 5, 5}, {5, 1, 5, 5}, {1, 1, 1, 1},
		{1, 2, 2, 1}, {2, 2, 2, 1}, {3, 2, 3, 1}, {5, 2, 5, 2}, {5, 9, 5, 2}, {6, 2, 6, 3}, {100_000, 2, 100_000, 50_000},
	} {
		all, each := RevocationLimit(c.limit, c.namespaces)
		if all != c.all || each != c.each {
			t.Errorf("of %d, for %d namespaces: %d, and each %d; want %d, and %d", c.limit, c.namespaces, all, each, c.all, c.each)
		}
	}
}
