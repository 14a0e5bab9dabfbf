package stb

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// longest is how much of the name of a token or target goes into the name of a binding.
const longest = 60

// at is the place of the grant.
func (g *Grant) at() place { return place{g.TokenID, v1alpha1.TargetKind(g.TargetKind), g.TargetID} }

// bindingNames are the names of bindings for all grants of an Organization, TOKEN-on-TARGET. They do not depend on which
// grants are exported, nor on their order: where two would be the same, both end with a hash of the ids.
func bindingNames(all []Grant) map[place]string {
	alike := map[string]int{}
	for i := range all {
		alike[all[i].plainName()]++
	}
	names := make(map[place]string, len(all))
	for i := range all {
		g := &all[i]
		name := g.plainName()
		if alike[name] > 1 {
			name = g.hashedName()
		}
		names[g.at()] = name
	}
	return names
}

// plainName is the name where nothing else has it.
func (g *Grant) plainName() string {
	return dnsName(g.Token, g.TokenID) + "-on-" + dnsName(g.Target, g.TargetID)
}

// hashedName is a name that no other grant has.
func (g *Grant) hashedName() string {
	sum := sha256.Sum256([]byte(g.TokenID + "/" + g.TargetKind + "/" + g.TargetID))
	return g.plainName() + "-" + hex.EncodeToString(sum[:4])
}

// dnsName is a name as Kubernetes takes it: the letters, digits and nothing else of it; or the id if it has none.
func dnsName(name, id string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	made := strings.Join(words, "-")
	if made == "" {
		return strings.ToLower(id)
	}
	return strings.TrimRight(made[:min(len(made), longest)], "-")
}
