package pin

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const (
	old  = "cold0000000000000000000old"
	next = "cnew0000000000000000000new"
	dep  = "cdep0000000000000000000dep"
	org  = "corg0000000000000000000org"
)

type found struct{ Token, Target, Value string }

func TestPins(t *testing.T) {
	cases := map[string]struct {
		reason string
		edit   func(*v1alpha1.ScopedTokenBinding)
		want   found
	}{
		"Claimed":  {"The status has pinned what is claimed.", func(*v1alpha1.ScopedTokenBinding) {}, found{old, dep, "id:" + old}},
		"Restored": {"A status of another object pins, though it claims nothing.", func(b *v1alpha1.ScopedTokenBinding) { b.UID = "u2" }, found{old, dep, "id:" + old}},
		"Observed": {"Ids without a claim pin as well.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim = nil }, found{old, dep, "id:" + old}},
		"Declared": {
			"A declared id comes first.",
			func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Token.Name, b.Spec.Token.ID = "", next },
			found{next, dep, "id:" + next},
		},
		"DeclaredTarget": {
			"That of a target too.",
			func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Target.Name, b.Spec.Target.ID = "", next },
			found{old, next, "id:" + old},
		},
		"Confirmed": {
			"To confirm a token moves nothing by itself.",
			func(b *v1alpha1.ScopedTokenBinding) {
				b.Annotations = map[string]string{v1alpha1.AnnotationConfirmToken: next}
			},
			found{old, dep, "id:" + old},
		},
		"New": {
			"A new binding by name only names its token.",
			func(b *v1alpha1.ScopedTokenBinding) { b.Status = v1alpha1.ScopedTokenBindingStatus{} },
			found{"", "", "name:Organization//ci"},
		},
		"NewInWorkspace": {
			"The home of a Workspace token is part of its name.",
			func(b *v1alpha1.ScopedTokenBinding) {
				b.Status = v1alpha1.ScopedTokenBindingStatus{}
				b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeWorkspace, Name: "ci", WorkspaceID: "cw"}
			},
			found{"", "", "name:Workspace/cw/ci"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := claimedBinding()
			tc.edit(b)
			if diff := cmp.Diff(tc.want, found{TokenID(b), TargetID(b), TokenValue(b)}); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}
