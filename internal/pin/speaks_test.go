package pin

import (
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

func TestSpeaks(t *testing.T) {
	const home = "chome000000000000000000home"
	organization := astro.Token{ID: old, Name: "ci", Scope: astro.ScopeOrganization}
	workspace := astro.Token{ID: old, Name: "ci", Scope: astro.ScopeWorkspace, Roles: []astro.Role{astro.NewRole(astro.EntityWorkspace, home, "R")}}
	etl := v1alpha1.BoundTarget{Kind: v1alpha1.TargetDeployment, ID: dep, Name: "etl", WorkspaceID: home}
	const other = next
	cases := map[string]struct {
		reason string
		edit   func(*v1alpha1.ScopedTokenBinding)
		token  astro.Token
		want   bool
	}{
		"Claimed":        {"Whoever holds the role speaks of it.", func(*v1alpha1.ScopedTokenBinding) {}, organization, true},
		"ByIDs":          {"So does who declares it by ids and was never looked at.", func(b *v1alpha1.ScopedTokenBinding) { byIDs(b) }, organization, true},
		"ByNames":        {"And by names that were never looked up.", func(b *v1alpha1.ScopedTokenBinding) { b.Status = v1alpha1.ScopedTokenBindingStatus{} }, organization, true},
		"Pinned":         {"A pin without a claim speaks as well.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Claim = nil }, organization, true},
		"Renamed":        {"The id that was found counts, whatever the name is by now.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Token.Name, b.Spec.Target.Name = "cd", "x" }, organization, true},
		"Replaced":       {"One that is pinned to the token before has the name of this.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Token.ID, b.Status.Target.ID = other, other }, organization, true},
		"OtherToken":     {"Of another token it says nothing.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Token.Name, b.Status.Token.ID = "cd", other }, organization, false},
		"OtherTarget":    {"Nor on another target.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Target.Name, b.Status.Target.ID = "x", other }, organization, false},
		"OtherWorkspace": {"A name in another Workspace is another Deployment's.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Target.WorkspaceID, b.Status.Target.ID = old, "" }, organization, false},
		"OtherKind":      {"A Workspace is no Deployment.", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Target.Kind = v1alpha1.TargetWorkspace }, organization, false},
		"OtherScope":     {"A name of another scope is another token's.", func(b *v1alpha1.ScopedTokenBinding) { b.Status.Token.ID = "" }, workspace, false},
		"Home":           {"A Workspace token has its name at home.", func(b *v1alpha1.ScopedTokenBinding) { inWorkspace(b, home) }, workspace, true},
		"OtherHome":      {"Elsewhere it is another's.", func(b *v1alpha1.ScopedTokenBinding) { inWorkspace(b, other) }, workspace, false},
		"HomeHidden":     {"Where the home does not show, it may be this.", func(b *v1alpha1.ScopedTokenBinding) { inWorkspace(b, other) }, astro.Token{ID: old, Name: "ci", Scope: astro.ScopeWorkspace}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := claimedBinding()
			tc.edit(b)
			if got := Speaks(b, tc.token, etl); got != tc.want {
				t.Errorf("%s\nwant %t", tc.reason, tc.want)
			}
		})
	}
}

// TestSpeaksOfALongName: a status holds a part of it.
func TestSpeaksOfALongName(t *testing.T) {
	long := strings.Repeat("数", 200)
	on := v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, ID: dep, Name: text.Clip(long, text.MostName)}
	b := &v1alpha1.ScopedTokenBinding{}
	b.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: long}
	if !SpeaksOfTarget(b, on) {
		t.Error("it is its name")
	}
}

func byIDs(b *v1alpha1.ScopedTokenBinding) {
	b.Spec.Token, b.Spec.Target = v1alpha1.TokenReference{ID: old}, v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: dep}
	b.Status = v1alpha1.ScopedTokenBindingStatus{}
}

func inWorkspace(b *v1alpha1.ScopedTokenBinding, home v1alpha1.AstroID) {
	b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeWorkspace, Name: "ci", WorkspaceID: home}
	b.Status.Token.ID = ""
}
