package health

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/lua"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// root is the folder of the repository.
var root = filepath.Join("..", "..", "..")

// momentary are reasons of states that may be over before anybody looks: of a binding that waits for another to take its
// place, and of one whose claim is written down before its role is changed.
var momentary = []string{"Revoking", "Pending"}

// TestEveryStateIsJudgedAsTheTableSays checks what Flux and Argo CD make of every state, while it is fresh and once it has
// lasted.
func TestEveryStateIsJudgedAsTheTableSays(t *testing.T) {
	want, engine := table(t), argo(t)
	seen := map[key]bool{}
	for _, s := range states(t) {
		seen[s.row()] = true
		line, known := want[s.row()]
		if !known {
			t.Errorf("docs/health.md has no line for %s (%s)", s.row(), s.file)
			continue
		}
		got := verdict{kstatus(t, s.object), engine(s.at(ago(time.Minute))), engine(s.at(ago(time.Hour)))}
		if got != line {
			t.Errorf("%s (%s): got %v, docs/health.md says %v", s.row(), s.file, got, line)
		}
	}
	for k := range want {
		if !seen[k] && !slices.Contains(momentary, k.reason) {
			t.Errorf("docs/health.md has a line for %s, which no story has seen", k)
		}
	}
}

// TestEveryReasonWasSeen checks that the stories drive the operator into every reason it has, on some condition.
func TestEveryReasonWasSeen(t *testing.T) {
	var seen []string
	for _, s := range states(t) {
		for _, c := range conditions(s.object) {
			reason, _ := c["reason"].(string)
			seen = append(seen, reason)
		}
	}
	for _, reason := range reasons(t) {
		if !slices.Contains(momentary, reason) && !slices.Contains(seen, reason) {
			t.Errorf("no story has seen the reason %s", reason)
		}
	}
}

// TestNothingProgressesForEver checks that Argo CD shows no state as Progressing that has lasted for an hour, but for
// objects that are being deleted, of which Argo CD decides without asking anybody.
func TestNothingProgressesForEver(t *testing.T) {
	engine := argo(t)
	for _, s := range states(t) {
		if got := engine(s.at(ago(time.Hour))); got == string(health.HealthStatusProgressing) && s.object.GetDeletionTimestamp() == nil {
			t.Errorf("%s (%s) progresses for ever", s.row(), s.file)
		}
	}
}

// TestAnEditIsNewThoughTheObjectIsOld checks that Argo CD gives the operator time from the last edit on, not from the
// object's creation, and that what the operator writes is no edit.
func TestAnEditIsNewThoughTheObjectIsOld(t *testing.T) {
	engine := argo(t)
	for name, tc := range map[string]struct{ edited, reported, want string }{
		"edited now":         {ago(time.Minute), ago(time.Hour), "Progressing"},
		"edited an hour ago": {ago(time.Hour), ago(time.Minute), "Degraded"},
	} {
		for _, s := range states(t) {
			if s.row() != (key{reason: "edited since"}) {
				continue
			}
			o := s.at(ago(2 * time.Hour))
			o.SetManagedFields([]metav1.ManagedFieldsEntry{
				{Manager: "argocd-controller", Time: at(t, tc.edited)},
				{Manager: "manager", Time: at(t, tc.reported), Subresource: "status"},
			})
			if got := engine(o); got != tc.want {
				t.Errorf("%s: %s is %s, want %s", name, s.file, got, tc.want)
			}
		}
	}
}

func at(t *testing.T, when string) *metav1.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, when)
	if err != nil {
		t.Fatal(err)
	}
	return &metav1.Time{Time: parsed}
}

func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

// kstatus is what Flux makes of the object.
func kstatus(t *testing.T, o *unstructured.Unstructured) string {
	t.Helper()
	result, err := status.Compute(o)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status.String()
}

// argo returns what Argo CD makes of an object with the script that is installed in it.
func argo(t *testing.T) func(*unstructured.Unstructured) string {
	t.Helper()
	overrides := lua.ResourceHealthOverrides{}
	for kind, script := range installed(t) {
		overrides[group+"/"+kind] = v1alpha1.ResourceOverride{HealthLua: script}
	}
	return func(o *unstructured.Unstructured) string {
		t.Helper()
		h, err := health.GetResourceHealth(o, overrides)
		if err != nil || h == nil {
			t.Fatalf("%s %s: health %v, error %v", o.GetKind(), o.GetName(), h, err)
		}
		return string(h.Status)
	}
}
