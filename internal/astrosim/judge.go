package astrosim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// judge decides what becomes of a requested role set: what is stored (which may be more or less than was asked for),
// or why nothing is.
func (s *Sim) judge(caller, t *token, want []Role) ([]Role, *apiError) {
	if bad := malformed(t, want); bad != nil {
		return nil, invalid(bad...)
	}
	changed := differing(t.roles, want)
	for _, r := range changed {
		if !s.mayWrite(caller, t, r) {
			return nil, forbidden()
		}
	}
	// Who may write none of the token's roles is not let through to the call, be it that nothing would change.
	if len(changed) == 0 && !slices.ContainsFunc(want, func(r Role) bool { return s.mayWrite(caller, t, r) }) {
		return nil, forbidden()
	}
	if s.behaviour.DirectAccessRoles == Reject && t.kind == "DIRECT_ACCESS" {
		return nil, refuse(http.StatusBadRequest, "roles of a DIRECT_ACCESS token cannot be updated")
	}
	if s.behaviour.ExpiredTokenRoles == Reject && t.expired(s.now()) {
		return nil, refuse(http.StatusBadRequest, "the API token has expired")
	}
	want, bad := s.unique(want)
	for i := range want {
		bad = append(bad, s.entryRefused(t, &want[i], fmt.Sprintf("roles[%d]", i))...)
	}
	if len(bad) > 0 {
		return nil, s.worst(bad)
	}
	if _, own := findRole(want, t.ownScopeKey()); !own && s.behaviour.MissingOwnScopeRole == Reject {
		return nil, invalid(field("roles", "required", "roles must contain the token's role of scope %s", t.scope))
	}
	want, refused := s.orphans(t, want)
	if refused != nil {
		return nil, refused
	}
	return s.parents(t, want)
}

// malformed checks what can be told from the body alone. An entity type that the simulator does not know is taken
// only if the token holds that entry already: the server of that future would know it.
func malformed(t *token, want []Role) (bad []fieldError) {
	for i, r := range want {
		at := fmt.Sprintf("roles[%d].", i)
		if _, held := findRole(t.roles, r.key()); !knownEntityType(r.EntityType) && !held {
			bad = append(bad, field(at+"entityType", "oneof", "entityType does not take '%s'", r.EntityType))
		}
		if r.EntityID == "" {
			bad = append(bad, field(at+"entityId", "required", "entityId is required"))
		}
		if r.Role == "" {
			bad = append(bad, field(at+"role", "required", "role is required"))
		}
		if r.isDAG() && r.DeploymentID == "" {
			bad = append(bad, field(at+"deploymentId", "required", "deploymentId is required for %s", r.EntityType))
		}
	}
	return bad
}

// differing are the grants that one of the sets has and the other has not.
func differing(a, b []Role) []Role {
	return append(missing(a, b, Role.grants), missing(b, a, Role.grants)...)
}

// unique looks for entities that are named twice.
func (s *Sim) unique(want []Role) (kept []Role, bad []fieldError) {
	for i, r := range want {
		at := slices.IndexFunc(kept, func(k Role) bool { return k.key() == r.key() })
		switch {
		case at < 0:
			kept = append(kept, r)
		case s.behaviour.Duplicates == Merge:
			kept[at] = r
		default:
			bad = append(bad, field(fmt.Sprintf("roles[%d]", i), "unique", "%s '%s' is named twice", r.EntityType, r.EntityID))
		}
	}
	return kept, bad
}

// entryRefused checks one entry against the Organization, and respells its role if the switch says so.
func (s *Sim) entryRefused(t *token, r *Role, at string) []fieldError {
	if !knownEntityType(r.EntityType) {
		return nil
	}
	if !s.exists(t.org, *r) {
		if s.wasDeleted(*r) && s.behaviour.DeadEntity == Accept {
			return nil
		}
		return []fieldError{field(at+".entityId", unknownEntity, "no %s has the id '%s'", strings.ToLower(r.EntityType), r.EntityID)}
	}
	bad := s.scopeRefused(t, *r, at)
	name, known := s.roleNamed(t.org, *r)
	held, holds := findRole(t.roles, r.key())
	switch {
	case known && s.behaviour.RoleNameCase == Canonical && name != r.Role:
		*r = r.respelled(name)
	case !known && (!holds || held.Role != r.Role || t.org.goneRoles[r.Role] && s.behaviour.CustomRoleChange == RejectNextWrite):
		bad = append(bad, field(at+".role", "exists", "no %s role is named '%s'", strings.ToLower(roleScope(r.EntityType)), r.Role))
	}
	return append(bad, s.restrictedRefused(t, *r, at)...)
}

// unknownEntity is the code of a field error that the switch unknown-entity may turn into a 404.
const unknownEntity = "exists_entity"

// worst is the answer to the field errors found.
func (s *Sim) worst(bad []fieldError) *apiError {
	for i := range bad {
		if bad[i].Code != unknownEntity {
			continue
		}
		if s.behaviour.UnknownEntity == Reject404 {
			return refuse(http.StatusNotFound, "%s", bad[i].Message)
		}
		bad[i].Code = "exists"
	}
	return invalid(bad...)
}

// exists says whether the entity that an entry names, or lies in, is there. DAGs are not known to the simulator.
func (s *Sim) exists(o *organization, r Role) bool {
	switch r.EntityType {
	case TypeOrganization:
		return r.EntityID == o.id
	case TypeWorkspace:
		w := s.state.workspaces[r.EntityID]
		return w != nil && w.org == o
	default:
		d := s.state.deployments[r.onDeployment()]
		return d != nil && d.workspace.org == o
	}
}

func (s *Sim) wasDeleted(r Role) bool {
	return s.state.dead[r.EntityID] && !r.isDAG() || s.state.dead[r.onDeployment()]
}

// roleNamed finds the role that an entry names, as it is really written.
func (s *Sim) roleNamed(o *organization, r Role) (string, bool) {
	same := func(name string) bool {
		return name == r.Role || s.behaviour.RoleNameCase != Exact && strings.EqualFold(name, r.Role)
	}
	for _, b := range builtIns {
		if b.ScopeType == roleScope(r.EntityType) && same(b.Name) {
			return b.Name, true
		}
	}
	for _, c := range o.roles {
		if c.scope == roleScope(r.EntityType) && same(c.name) {
			return c.name, true
		}
	}
	return "", false
}

// restrictedRefused keeps a restricted custom role within its Workspaces.
func (s *Sim) restrictedRefused(t *token, r Role, at string) []fieldError {
	w := s.state.workspaceOf(r)
	for _, c := range t.org.roles {
		if w != nil && c.name == r.Role && len(c.restricted) > 0 && !slices.Contains(c.restricted, w.id) {
			return []fieldError{field(at+".role", "restricted", "role '%s' cannot be assigned in workspace '%s'", r.Role, w.id)}
		}
	}
	return nil
}
