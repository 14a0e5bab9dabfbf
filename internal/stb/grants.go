package stb

import (
	"cmp"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// Grant is one role of one token, with what there is to say of both, as -o json prints it.
type Grant struct {
	TokenID     string     `json:"tokenId"`
	Token       string     `json:"token"`
	Description string     `json:"description,omitempty"`
	Scope       string     `json:"scope"`
	Kind        string     `json:"tokenKind"`
	CreatedAt   *time.Time `json:"createdAt,omitempty"`
	CreatedBy   string     `json:"createdBy,omitempty"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`

	TargetKind  string `json:"targetKind"`
	TargetID    string `json:"targetId"`
	Target      string `json:"target,omitempty"` // its name; empty if Astro does not show it
	WorkspaceID string `json:"workspaceId,omitempty"`
	Workspace   string `json:"workspace,omitempty"`
	Role        string `json:"role"`

	OwnScope   bool   `json:"ownScope"` // the role that the token has where it was made, which no binding declares
	DeclaredBy string `json:"declaredBy,omitempty"`
	ObservedBy string `json:"observedBy,omitempty"`

	token *astro.Token
	on    *astro.Target // nil: Astro does not show it, or it is neither Workspace nor Deployment
}

// targetKinds are words for what a role may be held on; of what is not known here, Astro's own word is shown.
var targetKinds = map[astro.EntityType]string{
	astro.EntityOrganization: "Organization", astro.EntityWorkspace: "Workspace", astro.EntityDeployment: "Deployment",
	astro.EntityDag: "DAG", astro.EntityDagTag: "DAGTag",
}

var scopeWords = map[astro.Scope]string{
	astro.ScopeOrganization: "Organization", astro.ScopeWorkspace: "Workspace", astro.ScopeDeployment: "Deployment",
}

// grants are all roles of all tokens, by the name of the token and of the target.
func grants(o organization, declared map[place]declaration) []Grant {
	var all []Grant
	for i := range o.tokens {
		for _, r := range o.tokens[i].Roles {
			all = append(all, newGrant(o, &o.tokens[i], r, declared))
		}
	}
	slices.SortStableFunc(all, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Token, b.Token), cmp.Compare(a.TokenID, b.TokenID), cmp.Compare(a.Workspace, b.Workspace),
			-cmp.Compare(a.TargetKind, b.TargetKind), cmp.Compare(a.Target, b.Target), cmp.Compare(a.TargetID, b.TargetID))
	})
	return all
}

func newGrant(o organization, t *astro.Token, r astro.Role, declared map[place]declaration) Grant {
	d := declared[place{t.ID, resolve.Kinds[r.EntityType], r.EntityID}]
	g := Grant{
		TokenID: t.ID, Token: t.Name, Description: t.Description, Scope: cmp.Or(scopeWords[t.Scope], string(t.Scope)), Kind: t.Kind,
		CreatedBy: t.CreatedBy, ExpiresAt: t.EndAt,
		TargetKind: cmp.Or(targetKinds[r.EntityType], string(r.EntityType)), TargetID: r.EntityID, Role: r.Role,
		OwnScope:   string(r.EntityType) == string(t.Scope) && (r.EntityID == t.Home() || t.Home() == ""),
		DeclaredBy: d.holds, ObservedBy: d.observes, token: t,
	}
	if !t.CreatedAt.IsZero() {
		g.CreatedAt = &t.CreatedAt
	}
	if on, shown := o.target(r.EntityType, r.EntityID); shown {
		g.Target, g.WorkspaceID, g.on = on.Name, on.WorkspaceID, &on
	} else if in, shown := o.target(astro.EntityDeployment, r.DeploymentID); shown { // a DAG or a tag
		g.Target, g.WorkspaceID = in.Name+"/"+r.EntityID, in.WorkspaceID
	}
	if w, shown := o.target(astro.EntityWorkspace, g.WorkspaceID); shown {
		g.Workspace = w.Name
	}
	return g
}

// isAssignment reports whether the role is what the commands of the Astro CLI and bindings are about: that of an
// Organization's or a Workspace's token on a Workspace or a Deployment, other than where it was made.
func (g *Grant) isAssignment() bool {
	kind := v1alpha1.TargetKind(g.TargetKind)
	return !g.OwnScope && (kind == v1alpha1.TargetWorkspace || kind == v1alpha1.TargetDeployment)
}

// expiresWithin reports whether the token expires before so much time has passed, or has expired.
func (g *Grant) expiresWithin(now time.Time, d time.Duration) bool {
	return g.ExpiresAt != nil && g.ExpiresAt.Before(now.Add(d))
}

// unread are tokens that Astro lists without their roles, of which nothing can be said.
func unread(o organization) (names []string) {
	for _, t := range o.tokens {
		if !t.RolesKnown {
			names = append(names, printable(t.Name)+" ("+printable(t.ID)+")")
		}
	}
	return names
}
