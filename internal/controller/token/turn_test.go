package token

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// TestRankOf: a token is ranked by the namespaces in which a user waits for it, and else by all that ask for something, of which no more
// than a few are compared.
func TestRankOf(t *testing.T) {
	asking := func(namespace string, edited bool) decision.Binding {
		own := &v1alpha1.AstroConnection{}
		own.Namespace, own.Name = namespace, "own"
		b := decision.Binding{Object: &v1alpha1.ScopedTokenBinding{}, Connection: decision.Connection{Object: own}}
		b.Object.Namespace, b.Object.Generation, b.Object.Status.ObservedGeneration = namespace, 2, 2
		if edited {
			b.Object.Status.ObservedGeneration = 1
		}
		return b
	}
	refused := asking("z", true)
	refused.Connection.Object = &v1alpha1.ClusterAstroConnection{}
	var crowd []decision.Binding
	names := make([]string, 0, 2*ranked)
	for i := range 2 * ranked {
		names = append(names, fmt.Sprintf("n-%02d", i))
		crowd = append(crowd, asking(names[i], false))
	}
	cases := map[string]struct {
		reason   string
		bindings []decision.Binding
		want     admission.Rank
	}{
		"Nobody":    {"Nobody asks for anything.", []decision.Binding{refused}, admission.Rank{}},
		"Several":   {"Any of them may be the one for whom something is to be done.", []decision.Binding{asking("a", false), asking("a", false), asking("z", false)}, admission.Rank{Namespaces: []string{"a", "z"}}},
		"Refused":   {"Who is refused asks for nothing.", []decision.Binding{asking("a", false), refused}, admission.Rank{Namespaces: []string{"a"}}},
		"Edited":    {"A user waits in one of them.", []decision.Binding{asking("a", false), asking("m", true), asking("z", false)}, admission.Rank{Urgent: true, Namespaces: []string{"m"}}},
		"BothEdit":  {"Users wait in two of them.", []decision.Binding{asking("a", true), asking("a", true), asking("z", true)}, admission.Rank{Urgent: true, Namespaces: []string{"a", "z"}}},
		"SpentEdit": {"What is edited beyond the share is not urgent.", []decision.Binding{asking("a", false), asking("busy", true)}, admission.Rank{Namespaces: []string{"a", "busy"}}},
		"Crowd":     {"No more than a few are compared.", crowd, admission.Rank{Namespaces: names[:ranked]}},
		"InACrowd":  {"But an edit counts, wherever it comes.", append(slices.Clip(crowd), asking("z", true)), admission.Rank{Urgent: true, Namespaces: []string{"z"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{shares: shares{edits: quota.New(1, 1)}}
			r.shares.edits.Take("busy", time.Now())
			if diff := cmp.Diff(c.want, r.rankOf(group{bindings: c.bindings})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
