package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// TestRevocationLimit: more than the connection lets through in one sweep is not said to go, nor anything while it is paused.
func TestRevocationLimit(t *testing.T) {
	lifted := func(until string) func(*v1alpha1.AstroConnection) {
		return func(c *v1alpha1.AstroConnection) {
			c.Annotations = map[string]string{v1alpha1.AnnotationLiftRevocationLimit: until}
		}
	}
	paused := func(c *v1alpha1.AstroConnection) {
		c.Spec.MaxRevocationsPerSweep = 5
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionRevocationsPaused, Status: metav1.ConditionTrue})
	}
	later, before := today.Add(2*time.Hour).Format(time.RFC3339), today.Format(time.RFC3339)
	cases := map[string]struct {
		reason string
		edits  []func(*v1alpha1.AstroConnection)
		want   int // of two roles that are to go
	}{
		"Reached":      {"A limit of one lets one role go in a sweep.", nil, 1},
		"Lifted":       {"A limit that is lifted does not count.", []func(*v1alpha1.AstroConnection){lifted(later)}, 2},
		"LiftedPast":   {"A time that has passed lifts nothing.", []func(*v1alpha1.AstroConnection){lifted(before)}, 1},
		"Malformed":    {"Nor does what is no time.", []func(*v1alpha1.AstroConnection){lifted("true")}, 1},
		"Paused":       {"While revocations are paused none goes, whatever the limit is by now.", []func(*v1alpha1.AstroConnection){paused}, 0},
		"PausedLifted": {"Unless the limit is lifted.", []func(*v1alpha1.AstroConnection){paused, lifted(later)}, 2},
		"NoLimit": {"Or there is none any more.", []func(*v1alpha1.AstroConnection){paused, func(c *v1alpha1.AstroConnection) {
			c.Spec.MaxRevocationsPerSweep = 0
		}}, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := asLeft(world(declares(on("a")), declares(builders.Binding("b").ForTokenID(ci).OnDeployment(reports)), connection(func(c *v1alpha1.AstroConnection) {
				c.Spec.MaxRevocationsPerSweep = 1
			})))
			deleted("a")(&w)
			deleted("b")(&w)
			for _, edit := range tc.edits {
				connection(edit)(&w)
			}
			result := Run(w)
			if n := len(result.Changes); n != tc.want {
				t.Errorf("%s\n%d go, want %d: %v", tc.reason, n, tc.want, words(result))
			}
		})
	}
}

// TestRevocationLimitCountsOnce: a role that is asked for again, since Astro refused the set that it went with, is counted already.
func TestRevocationLimitCountsOnce(t *testing.T) {
	l := &limit{max: 1, share: 1, revoked: map[grant]string{}}
	one, another := grant{token: acme.token(ci)}, grant{token: acme.token(other)}
	for i, asked := range []grant{one, one, another} {
		if got, want := l.admits("team", asked), asked == one; got != want {
			t.Errorf("question %d: %t, want %t", i, got, want)
		}
	}
}

// shared is a connection of two namespaces with a limit.
func shared(limit int32) func(*World) {
	return func(w *World) {
		c := builders.Connection(builders.ConnectionName).To("https://api.astronomer.io", org).Allow(builders.AllowAll("team", "others")).Cluster()
		c.Status, c.Spec.MaxRevocationsPerSweep = *w.Connections[0].ConnectionStatus(), limit
		w.Connections = []v1alpha1.Connection{c}
	}
}

// through declares a binding of the token ci, or of the other, through the shared connection.
func through(name, token, deployment string) func(*World) {
	return declares(builders.Binding(name).ThroughCluster(builders.ConnectionName).ForTokenID(token).OnDeployment(deployment))
}

// of moves the binding of the name to a namespace.
func of(name, namespace string) func(*World) {
	return edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.Namespace = namespace })
}

// TestRevocationShare: where several namespaces hold roles through a connection, half of its limit goes for one of them.
func TestRevocationShare(t *testing.T) {
	for name, tc := range map[string]struct {
		namespace string
		want      int
	}{"Alone": {"team", 2}, "Several": {"others", 1}} {
		t.Run(name, func(t *testing.T) {
			w := asLeft(world(shared(2), through("a", ci, etl), through("b", ci, reports), through("c", other, etl), of("c", tc.namespace)))
			deleted("a")(&w)
			deleted("b")(&w)
			if n := len(Run(w).Changes); n != tc.want {
				t.Errorf("of two roles of one namespace want %d to go, got %d", tc.want, n)
			}
		})
	}
}

// TestRevocationPausedForOne: of several namespaces, those wait in which somebody was turned away.
func TestRevocationPausedForOne(t *testing.T) {
	w := asLeft(world(shared(6), through("a", ci, etl), through("b", ci, reports), through("c", other, etl), of("c", "others")))
	edit("a", func(b *v1alpha1.ScopedTokenBinding) {
		b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRevocationLimited}}
	})(&w)
	c := w.Connections[0].ConnectionStatus()
	c.Conditions = append(c.Conditions, metav1.Condition{Type: v1alpha1.ConditionRevocationsPaused, Status: metav1.ConditionTrue})
	for _, name := range []string{"a", "b", "c"} {
		deleted(name)(&w)
	}
	fails(t, "the other namespace has its own share", cmp.Diff(map[string]string{
		"a": "blocked RevocationLimited", "b": "blocked RevocationLimited", "c": `revoke "DEPLOYMENT_ADMIN" to "" gone`,
	}, words(Run(w))))
}
