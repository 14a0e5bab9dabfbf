package token

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// byLabel is a connection whose rule asks for a label of the namespace.
func byLabel() *v1alpha1.ClusterAstroConnection {
	rule := builders.AllowAll()
	rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"may": "bind"}}}
	return connectionOfAcme(rule)
}

func namespaceWith(labels map[string]string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team", Labels: labels}}
}

// TestRightBeforeAWrite: what the write is decided on is read from the API server, whatever the cache says, and no more than that.
func TestRightBeforeAWrite(t *testing.T) {
	may := map[string]string{"may": "bind"}
	denied := apierrors.NewForbidden(schema.GroupResource{Resource: "clusterastroconnections"}, acme.Name, errors.New("rbac"))
	observes := connectionOfAcme(builders.AllowAll("team"))
	observes.Spec.Mode, observes.ResourceVersion = v1alpha1.ModeObserve, "1000"
	cases := map[string]struct {
		reason string
		cached *v1alpha1.ClusterAstroConnection
		live   []client.Object
		refuse error
		want   string // what is to become of the write
		reads  []string
	}{
		"Same": {
			reason: "One read of the connection is all that a write costs.", cached: connectionOfAcme(builders.AllowAll("team")),
			live: []client.Object{connectionOfAcme(builders.AllowAll("team")), namespaceWith(nil)}, want: "made", reads: []string{"acme"},
		},
		"Observes": {
			reason: "The mode that was set counts.", cached: connectionOfAcme(builders.AllowAll("team")),
			live: []client.Object{observes}, want: "decided anew", reads: []string{"acme"},
		},
		"Gone": {
			reason: "A connection that is gone gives nothing.", cached: connectionOfAcme(builders.AllowAll("team")),
			want: "decided anew", reads: []string{"acme"},
		},
		"SameLabels": {
			reason: "Where rules ask for labels, the namespace is read.", cached: byLabel(),
			live: []client.Object{byLabel(), namespaceWith(may)}, want: "made", reads: []string{"acme", "team"},
		},
		"LabelTaken": {
			reason: "A label that was taken away does not count.", cached: byLabel(),
			live: []client.Object{byLabel(), namespaceWith(nil)}, want: "decided anew", reads: []string{"acme", "team"},
		},
		"NamespaceGone": {
			reason: "Nor do those of a namespace that is gone.", cached: byLabel(),
			live: []client.Object{byLabel()}, want: "decided anew", reads: []string{"acme", "team"},
		},
		"Refused": {
			reason: "What may not be read is not written from.", cached: connectionOfAcme(builders.AllowAll("team")),
			refuse: denied, want: "not made", reads: []string{"acme"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := lookingAt(t, tc.cached, namespaceWith(may))
			var reads []string
			r.Live = interceptor.NewClient(lookingAt(t, tc.live...).Client.(client.WithWatch), interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
					if reads = append(reads, key.Name); tc.refuse != nil {
						return tc.refuse
					}
					return c.Get(ctx, key, o, options...)
				},
			})
			p := aboutToWrite(t, r)
			now := r.asOfNow()
			changed, err := now.recheck(t.Context(), p)
			got := map[bool]string{false: "made", true: "decided anew"}[changed]
			if err != nil {
				got = "not made"
			}
			if got != tc.want {
				t.Errorf("%s\nwant a write that is %s, got one that is %s: %v", tc.reason, tc.want, got, err)
			}
			if _, err := now.recheck(t.Context(), p); err == nil && !slices.Equal(reads, tc.reads) {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, cmp.Diff(tc.reads, reads))
			}
		})
	}
}

// aboutToWrite is the work on a token that a binding is to be given a role of.
func aboutToWrite(t *testing.T, r *Reconciler) decision.Progress {
	t.Helper()
	sim, org, h := newTokens(t)
	id := sim.AddOrganizationToken(org, "ci", "ORGANIZATION_MEMBER")
	known, b := r.connections(), bindingIn("team", id)
	c, err := known.of(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	h.Object = c.object
	c.handle = h
	d := known.binding(t.Context(), b, c)
	target := astro.Target{Kind: astro.EntityDeployment, ID: string(b.Spec.Target.ID), Name: "etl", WorkspaceID: "clworkspace000000000000001"}
	d.Target = decision.TargetFinding{Looked: true, Found: []astro.Target{target}}
	token, err := h.Client.GetToken(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	p := decision.Begin(decision.Situation{
		Key: decision.Key{Host: "h", Organization: org, Token: id}, Now: r.Clock(), Bindings: []decision.Binding{d},
		Token: decision.Observation{Token: token, Presence: decision.Present, ByID: true},
	})
	if p.Writes() == "" {
		t.Fatalf("nothing is to be written: %v", p.Decision.Rulings)
	}
	return p
}
