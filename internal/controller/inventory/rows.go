package inventory

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// listing is what is known of the tokens on a target.
type listing struct {
	rows       []v1alpha1.InventoryToken // all of them, by name and then id
	undeclared int
	unread     int // tokens that were listed without their roles
}

var scopes = map[astro.Scope]v1alpha1.Scope{
	astro.ScopeOrganization: v1alpha1.ScopeOrganization,
	astro.ScopeWorkspace:    v1alpha1.ScopeWorkspace,
}

// list picks the Organization and Workspace tokens with a role on the target. declared has the binding that declares the
// role, by the id of the token.
func list(tokens []astro.Token, on astro.RoleKey, declared map[string]string) listing {
	var l listing
	for i := range tokens {
		t := &tokens[i]
		scope, shown := scopes[t.Scope]
		switch role := t.RoleOn(on); {
		case !shown:
		case !t.RolesKnown:
			l.unread++
		case role != "":
			l.rows = append(l.rows, row(t, scope, role, declared[t.ID]))
			if declared[t.ID] == "" {
				l.undeclared++
			}
		}
	}
	slices.SortFunc(l.rows, func(a, b v1alpha1.InventoryToken) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return l
}

func row(t *astro.Token, scope v1alpha1.Scope, role, declaredBy string) v1alpha1.InventoryToken {
	made := v1alpha1.InventoryToken{
		ID: t.ID, Name: text.Clip(t.Name, text.MostName), Description: text.Clip(t.Description, text.MostName), Scope: scope,
		Role: text.Clip(role, text.MostRole), CreatedBy: text.Clip(t.CreatedBy, text.MostName), DeclaredBy: declaredBy,
	}
	if !t.CreatedAt.IsZero() {
		made.CreatedAt = &metav1.Time{Time: t.CreatedAt.Truncate(time.Second)}
	}
	return made
}
