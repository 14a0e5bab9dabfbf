package connection

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStripToName(t *testing.T) {
	secret := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "astro-api", Namespace: "a", UID: "1", ResourceVersion: "2", Labels: map[string]string{"team": "data"},
		Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"token":"secret"}}`},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}}
	want := metav1.ObjectMeta{Name: "astro-api", Namespace: "a", UID: "1", ResourceVersion: "2"}
	if _, err := stripToName(secret); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, secret.ObjectMeta); diff != "" {
		t.Errorf("what is kept of a Secret: -want +got\n%s", diff)
	}
}

func TestInEach(t *testing.T) {
	if got := inEach(nil); got != nil {
		t.Errorf("no namespace given is every namespace, got %v", got)
	}
	if got := slices.Sorted(maps.Keys(inEach([]string{"b", "a"}))); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
}

func TestPatience(t *testing.T) {
	cases := map[string]struct {
		reason   string
		missed   int
		interval time.Duration
		want     time.Duration
	}{
		"OtherFault": {"What no Secret can fix is looked at once a sweep interval.", 0, time.Hour, time.Hour},
		"First":      {"A Secret that comes a moment after its connection is not waited for long.", 1, time.Hour, firstRetry},
		"Then":       {"It is asked for less and less often.", 3, time.Hour, 4 * firstRetry},
		"Long":       {"But once a sweep interval, however long it has been missing.", 1000, 5 * time.Minute, 5 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := proof{missed: tc.missed}
			if got := p.patience(tc.interval); got != tc.want {
				t.Errorf("%s\nwant %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}
