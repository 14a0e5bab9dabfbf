package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("What a binding claims of a token", func() {
	It("opens no rule to another token, and tells nobody what is there", func(ctx context.Context) {
		w := emptyWorld(ctx)
		hidden := w.sim.AddOrganizationToken(w.org, "hidden", "ORGANIZATION_MEMBER", astrosim.Description(secretive), astrosim.CreatedBy(secretive))
		w.sim.AddWorkspaceToken(w.science, "ws-hidden", "WORKSPACE_MEMBER", astrosim.Description(secretive), astrosim.ID("cwshidden0000000000000000"))
		w.start()
		scopes := func(tokens ...v1alpha1.TokenRule) []v1alpha1.AllowRule {
			return []v1alpha1.AllowRule{w.rule(func(r *v1alpha1.AllowRule) { r.Tokens = tokens })}
		}
		names := w.connectCluster(map[string][]v1alpha1.AllowRule{
			"ws":   scopes(v1alpha1.TokenRule{Scope: v1alpha1.ScopeWorkspace, IDs: []string{"*"}}),
			"org":  scopes(v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}),
			"home": scopes(v1alpha1.TokenRule{Scope: v1alpha1.ScopeWorkspace, WorkspaceIDs: []string{w.data}}),
			"none": {w.rule(func(*v1alpha1.AllowRule) {})},
			"all":  {builders.AllowAll(w.other)},
		})
		bind := func(name, through string) *builders.BindingBuilder {
			return builders.Binding(name).ThroughCluster(names[through]).OnDeployment(w.etl)
		}
		w.bind(bind("theirs", "all").In(w.other).ForTokenID(hidden))
		w.expect("True/Granted", w.other+"/theirs")
		w.unwritten(func() {
			w.alike(v1alpha1.ReasonTokenNotFound, []string{"check spec.token"},
				bind("scope-ws", "ws").ForWorkspaceTokenID(hidden), bind("scope-ws-nobody", "ws").ForWorkspaceTokenID(nobody))
			w.alike(v1alpha1.ReasonTokenNotFound, []string{"check spec.token"},
				bind("scope-org", "org").ForTokenID("cwshidden0000000000000000"), bind("scope-org-nobody", "org").ForTokenID(nobody))
			w.alike(v1alpha1.ReasonTokenNotAllowed, nil,
				homed{bind("home", "home").ForWorkspaceTokenID("cwshidden0000000000000000"), w.data}, homed{bind("home-nobody", "home").ForWorkspaceTokenID(nobody), w.data})
			w.alike(v1alpha1.ReasonTokenNotAllowed, nil,
				bind("suspended", "none").ForToken("hidden").Suspended(), bind("suspended-nobody", "none").ForToken("nobody").Suspended())
		})
		w.look(w.other + "/theirs") // which looks at all bindings of the token
		w.stays("False/TokenNotAllowed", "suspended", "suspended-nobody")
	})
})

// homed is a binding of a Workspace token by id that claims to know where the token was made.
type homed struct {
	*builders.BindingBuilder
	home string
}

func (h homed) Object() *v1alpha1.ScopedTokenBinding {
	b := h.BindingBuilder.Object()
	b.Spec.Token.WorkspaceID = v1alpha1.AstroID(h.home)
	return b
}
