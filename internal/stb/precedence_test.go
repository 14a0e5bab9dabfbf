package stb

import (
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// TestVerdictOfAnUnknownName: of a token whose name no status tells yet it is not said that a rule by prefixes does not allow it.
func TestVerdictOfAnUnknownName(t *testing.T) {
	c := builders.Connection("acme").Allow(v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{"n"}}, Roles: []string{"*"}, Targets: []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}},
		Tokens: []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"ci-"}}},
	}).Cluster()
	for name, want := range map[string]string{
		"": "not known, since the status does not say the token's name", "ci-a": "spec.allow[0] of the connection allows it", "other": "none allows it (TokenNotAllowed)",
	} {
		b := builders.Binding("b").In("n").ForTokenID(ciID).OnWorkspace(dataID).WithRole("WORKSPACE_MEMBER").Object()
		b.Status.Token.Name = name
		if got := verdictWords(c, policy.Subject{Namespace: "n"}, b); !strings.HasPrefix(got, want) {
			t.Errorf("%q: want %q, got %q", name, want, got)
		}
	}
}
