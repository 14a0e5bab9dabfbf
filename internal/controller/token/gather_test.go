package token

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestBindingsAreInTheOrderOfTheirIDs(t *testing.T) {
	var bindings []decision.Binding
	for _, id := range [][2]string{{"b", "a"}, {"a", "z"}, {"a-b", "m"}, {"a", "b"}, {"a", "c"}, {"b", "B"}} {
		b := &v1alpha1.ScopedTokenBinding{}
		b.Namespace, b.Name = id[0], id[1]
		bindings = append(bindings, decision.Binding{Object: b})
	}
	gone := &v1alpha1.ScopedTokenBinding{} // an orphan goes by its UID
	gone.Namespace, gone.Name, gone.UID = "a", "b", "a/bb"
	bindings = append(bindings, decision.Binding{Object: gone, Orphan: true})
	ids := func(all []decision.Binding) (ids []string) {
		for i := range all {
			ids = append(ids, all[i].ID())
		}
		return ids
	}
	want := ids(bindings)
	slices.Sort(want)
	if diff := cmp.Diff(want, ids(inOrder(bindings))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A binding by name is taken over under its token, and its status says so. If the cache shows that after the bindings of the
// token were listed, and before those of its name are, neither list has it; and what is left of others would be revoked.
func TestBindingsThatArePinnedMeanwhileAreFound(t *testing.T) {
	sim, org, h := newTokens(t)
	id := sim.AddOrganizationToken(org, "ci", "ORGANIZATION_MEMBER")
	b := builders.Binding("b").In("team").ThroughCluster(acme.Name).ForToken("ci").OnDeployment("cldeploy000000000000000001").Object()
	b.UID, b.Generation = "u1", 1
	b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = org, id, "cldeploy000000000000000001"
	b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, Host: "h"}
	for what, token := range map[string]astro.Token{
		"shown":          {ID: id, Name: "ci", Scope: "ORGANIZATION"},
		"seen by nobody": {},
	} {
		r := lookingAt(t, b.DeepCopy(), connectionOfAcme(builders.AllowAll("team")))
		listedBefore := group{key: tokenKey("h", org, id), handles: map[string]connection.Handle{h.Key.String(): h}}
		g, err := r.gatherNamed(t.Context(), listedBefore, observation{Observation: decision.Observation{Token: token}})
		if err != nil {
			t.Fatal(err)
		}
		if len(g.bindings) != 1 || g.bindings[0].Claim == nil {
			t.Errorf("of a token that is %s, the binding with the claim is missing: %v", what, g.bindings)
		}
	}
}
