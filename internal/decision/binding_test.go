package decision

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestTargetsOfABinding(t *testing.T) {
	type query = astro.TargetQuery
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		query   query
		needs   bool
	}{
		"ByID":          {"A new binding has to look.", binding("a").on(d1), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"ByName":        {"By name, within the Workspace.", binding("a").on(d1).targetNamed(), query{Kind: astro.EntityDeployment, Name: "name of d1", WorkspaceID: "w1"}, true},
		"Pinned":        {"What was found is taken at its word while everything is in sync.", binding("a").on(d1).targetNamed().claimed(1), query{Kind: astro.EntityDeployment, ID: "d1"}, false},
		"Edited":        {"An edited spec looks again.", binding("a").on(d1).targetNamed().claimed(1).edited(), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"Requested":     {"So does one whose user asks.", binding("a").on(d1).claimed(1).annotated(v1alpha1.AnnotationRequestedAt, "now"), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"NotResolved":   {"And one that was not found.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Conditions[1].Status = "False" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"NoWorkspace":   {"A status without the Workspace does not say all of it.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Target.WorkspaceID = "" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"Workspace":     {"A Workspace is in itself.", binding("a").claimed(1), query{Kind: astro.EntityWorkspace, ID: "w1"}, false},
		"Restored":      {"A status that came back from a backup may be older than what Astro holds now.", binding("a").on(d1).claimed(1).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Claim.UID = "uid-before" }), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
		"RecoveredOnly": {"A claim from the journal tells the target's id.", binding("a").on(d1).recovered(now).targetNamed(), query{Kind: astro.EntityDeployment, ID: "d1"}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			differ(t, c.reason, "query", c.query, c.binding.b.TargetQuery())
			differ(t, c.reason, "needs a lookup", c.needs, c.binding.b.NeedsTarget())
		})
	}
}

func TestWordsOfABinding(t *testing.T) {
	b := ofWorkspace(binding("a").on(d1).targetNamed().role(""), "w1").b
	differ(t, "A target as the user spells it.", "words", `Deployment "name of d1" in Workspace w1`, b.TargetWords())
	differ(t, "A token as the user spells it.", "words", `Workspace token "t1" of Workspace w1`, b.TokenWords())
	differ(t, "A Deployment's role may be left out.", "role", admin, b.Role())
	differ(t, "A binding goes by its name.", "id", "team/a", b.ID())
	differ(t, "An orphan by its UID, since the name may be another's.", "id", "uid-b", binding("b").orphan().b.ID())
	s := situation(binding("a"), binding("b").on(d1))
	d := Decide(s)
	differ(t, "Each speaks of its own place.", "entries", []roleset.Target{w1, d1}, []roleset.Target{s.entry(&d, 0), s.entry(&d, 1)})
}
