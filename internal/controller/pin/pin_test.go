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

// binding is one by name whose status and annotation agree on the token old.
func binding(edit func(*v1alpha1.ScopedTokenBinding, *v1alpha1.HeldClaim)) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"}
	b.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: dep}
	b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID, b.Status.Origin = org, old, dep, v1alpha1.OriginCreated
	claim := &v1alpha1.HeldClaim{
		Host: "h", Organization: org, Token: old, Scope: v1alpha1.ScopeOrganization,
		TargetKind: v1alpha1.TargetDeployment, Target: dep, Role: "R", Origin: v1alpha1.OriginCreated,
	}
	edit(b, claim)
	if claim.Token != "" {
		value, _ := Encode(*claim)
		if b.Annotations == nil {
			b.Annotations = map[string]string{}
		}
		b.Annotations[v1alpha1.AnnotationHeld] = value
	}
	return b
}

type found struct {
	Token, Target, Value string
	Held, Verified       bool
}

func TestPins(t *testing.T) {
	type b = v1alpha1.ScopedTokenBinding
	type c = v1alpha1.HeldClaim
	cases := map[string]struct {
		reason string
		edit   func(*b, *c)
		want   found
	}{
		"Agree": {
			reason: "Annotation and status say the same.",
			edit:   func(*b, *c) {},
			want:   found{old, dep, "id:" + old, true, true},
		},
		"Restored": {
			reason: "Without a status the annotation is believed, but nothing bears it out.",
			edit:   func(b *b, _ *c) { b.Status = v1alpha1.ScopedTokenBindingStatus{} },
			want:   found{old, dep, "id:" + old, true, false},
		},
		"Stripped": {
			reason: "Without the annotation the status keeps the pin, and nothing is held.",
			edit:   func(_ *b, c *c) { c.Token = "" },
			want:   found{old, dep, "id:" + old, false, false},
		},
		"ForgedToken": {
			reason: "An annotation for another token does not move the binding.",
			edit:   func(_ *b, c *c) { c.Token = next },
			want:   found{old, dep, "id:" + old, false, false},
		},
		"Confirmed": {
			reason: "One that the user has confirmed does: the status merely lags behind.",
			edit: func(b *b, c *c) {
				c.Token, b.Annotations = next, map[string]string{v1alpha1.AnnotationConfirmToken: next}
			},
			want: found{next, dep, "id:" + next, true, false},
		},
		"ConfirmedOnly": {
			reason: "To confirm a token moves nothing by itself.",
			edit: func(b *b, _ *c) {
				b.Annotations = map[string]string{v1alpha1.AnnotationConfirmToken: next}
			},
			want: found{old, dep, "id:" + old, true, true},
		},
		"DeclaredToken": {
			reason: "An annotation that speaks of another token than the spec declares is not believed.",
			edit: func(b *b, _ *c) {
				b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: next}
			},
			want: found{next, dep, "id:" + next, false, false},
		},
		"ForgedTarget": {
			reason: "Nor one that speaks of another target.",
			edit:   func(_ *b, c *c) { c.Target = next },
			want:   found{old, dep, "id:" + old, false, false},
		},
		"ForgedOrganization": {
			reason: "Nor one of another Organization.",
			edit:   func(_ *b, c *c) { c.Organization = next },
			want:   found{old, dep, "id:" + old, false, false},
		},
		"ForgedOrigin": {
			reason: "A claim with another origin holds, but the status does not bear it out.",
			edit:   func(b *b, _ *c) { b.Status.Origin = v1alpha1.OriginAdopted },
			want:   found{old, dep, "id:" + old, true, false},
		},
		"Garbled": {
			reason: "What cannot be read is no claim.",
			edit: func(b *b, c *c) {
				c.Token, b.Annotations = "", map[string]string{v1alpha1.AnnotationHeld: "{"}
			},
			want: found{old, dep, "id:" + old, false, false},
		},
		"New": {
			reason: "A new binding by name only spells its token.",
			edit: func(b *b, c *c) {
				c.Token, b.Status = "", v1alpha1.ScopedTokenBindingStatus{}
			},
			want: found{"", dep, "name:Organization//ci", false, false},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := binding(tc.edit)
			held := Held(b)
			got := found{TokenID(b), TargetID(b), TokenValue(b), held != nil, Verified(b, held)}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}
