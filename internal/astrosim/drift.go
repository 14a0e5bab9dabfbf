package astrosim

import (
	"fmt"
	"net/http"
	"time"
)

// What follows changes Astro behind everybody's back, as a colleague with the UI would. It is not counted as calls;
// changes of roles are audited as out of band. An id that does not exist is a mistake of the test and panics.

// SetRoles replaces a token's role set without any check.
func (s *Sim) SetRoles(tokenID string, roles ...Role) {
	s.outOfBand(tokenID, func([]Role) []Role { return cloneRoles(roles) })
}

// GrantRole gives a token a role on an entity, in place of the one that it has there.
func (s *Sim) GrantRole(tokenID, entityType, entityID, role string) {
	s.Grant(tokenID, newRole(entityType, entityID, role, ""))
}

// Grant gives a token an entry, in place of the one of the same entity.
func (s *Sim) Grant(tokenID string, role Role) {
	s.outOfBand(tokenID, func(roles []Role) []Role {
		for i := range roles {
			if roles[i].key() == role.key() {
				roles[i] = role
				return roles
			}
		}
		return append(roles, role)
	})
}

// RevokeRole takes from a token every entry on an entity.
func (s *Sim) RevokeRole(tokenID, entityType, entityID string) {
	s.outOfBand(tokenID, func(roles []Role) []Role {
		return rolesWithout(roles, func(r Role) bool { return r.EntityType == entityType && r.EntityID == entityID })
	})
}

func (s *Sim) outOfBand(tokenID string, change func([]Role) []Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.state.tokens, "token", tokenID)
	s.replaceOutOfBand(t, change(cloneRoles(t.roles)), "out of band")
}

// replaceOutOfBand stores a set and audits it.
func (s *Sim) replaceOutOfBand(t *token, roles []Role, cause string) {
	for i := range roles {
		roles[i] = roles[i].withRaw()
	}
	before := t.roles
	s.storeRoles(t, roles, user("Ada Admin"))
	s.audit = append(s.audit, RoleWrite{
		Time: s.now(), TokenID: t.id, Before: before, After: roles, Status: http.StatusOK, OutOfBand: true, Cause: cause,
	})
}

// RenameToken gives a token another name.
func (s *Sim) RenameToken(tokenID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.state.tokens, "token", tokenID)
	t.remember(s.now())
	t.name, t.updated = name, s.now()
}

// ExpireToken gives a token another end.
func (s *Sim) ExpireToken(tokenID string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.state.tokens, "token", tokenID)
	t.remember(s.now())
	t.end, t.updated = &at, s.now()
}

// UseToken notes that somebody uses a token now.
func (s *Sim) UseToken(tokenID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	must(s.state.tokens, "token", tokenID).used = &now
}

// DeleteToken deletes a token with all its roles.
func (s *Sim) DeleteToken(tokenID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.removeToken(must(s.state.tokens, "token", tokenID), s.now())
}

// RotateToken gives a token another secret and returns it; the old one stops at once.
func (s *Sim) RotateToken(tokenID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rotate(must(s.state.tokens, "token", tokenID))
}

func (s *Sim) rotate(t *token) string {
	now := s.now()
	delete(s.state.credentials, t.credential)
	t.credential, t.rotated, t.updated, t.revoked = s.newCredential(t), &now, now, false
	s.state.credentials[t.credential] = t.id
	return t.credential
}

// RevokeCredential makes a token's secret worth nothing, while the token stays: its calls get 401.
func (s *Sim) RevokeCredential(tokenID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.state.tokens, "token", tokenID)
	t.revoked = true
	delete(s.state.credentials, t.credential)
}

// RestoreCredential makes a revoked secret valid again.
func (s *Sim) RestoreCredential(tokenID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.state.tokens, "token", tokenID)
	t.revoked = false
	s.state.credentials[t.credential] = t.id
}

// DowngradeCredential replaces the role that a token has on its own scope, so that its lists are filtered and its
// writes refused.
func (s *Sim) DowngradeCredential(tokenID, role string) {
	s.mu.Lock()
	own := must(s.state.tokens, "token", tokenID).ownScopeKey()
	s.mu.Unlock()
	s.GrantRole(tokenID, own.entityType, own.entity, role)
}

// RenameWorkspace gives a Workspace another name.
func (s *Sim) RenameWorkspace(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := must(s.state.workspaces, "Workspace", id)
	w.name, w.updated = name, s.now()
}

// RenameDeployment gives a Deployment another name.
func (s *Sim) RenameDeployment(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := must(s.state.deployments, "Deployment", id)
	d.name, d.updated = name, s.now()
}

// DeleteDeployment deletes a Deployment and its own tokens; the switch deployment-deletion says what becomes of the
// roles that others hold on it.
func (s *Sim) DeleteDeployment(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deleteDeployment(must(s.state.deployments, "Deployment", id))
}

func (s *Sim) deleteDeployment(d *deployment) {
	org := d.workspace.org
	org.deployments = without(org.deployments, d)
	delete(s.state.deployments, d.id)
	s.state.dead[d.id] = true
	s.entityGone(org, d.id, s.behaviour.DeploymentDeletion, func(r Role) bool { return r.onDeployment() == d.id })
}

// MoveDeployment transfers a Deployment to another Workspace of its Organization; the switch deployment-transfer says
// what becomes of the roles that tokens hold on it. Its own tokens go with it.
func (s *Sim) MoveDeployment(id, workspace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, to := must(s.state.deployments, "Deployment", id), must(s.state.workspaces, "Workspace", workspace)
	if d.workspace.org != to.org {
		panic(fmt.Sprintf("astrosim: Workspace %q is in another Organization than Deployment %q", workspace, id))
	}
	d.workspace, d.updated = to, s.now()
	if s.behaviour.DeploymentTransfer == Strip {
		s.strip(to.org, "stripped with the transfer of "+id, func(t *token, r Role) bool { return t.home != id && r.onDeployment() == id })
	}
}

// DeleteWorkspace deletes a Workspace, first its Deployments, with its own tokens; the switch workspace-deletion says
// what becomes of the roles that others hold on it.
func (s *Sim) DeleteWorkspace(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := must(s.state.workspaces, "Workspace", id)
	for _, d := range w.org.deployments {
		if d.workspace == w {
			s.deleteDeployment(d)
		}
	}
	w.org.workspaces = without(w.org.workspaces, w)
	delete(s.state.workspaces, id)
	s.state.dead[id] = true
	s.entityGone(w.org, id, s.behaviour.WorkspaceDeletion, func(r Role) bool { return r.EntityType == TypeWorkspace && r.EntityID == id })
}

// entityGone deletes the tokens made in the entity and takes its roles from the others if told to.
func (s *Sim) entityGone(org *organization, id string, roles Choice, lies func(Role) bool) {
	for _, t := range org.tokens {
		if t.home == id {
			s.state.removeToken(t, s.now())
		}
	}
	if roles == Strip {
		s.strip(org, "stripped with "+id, func(_ *token, r Role) bool { return lies(r) })
	}
}

// strip takes the matching entries from every token of the Organization.
func (s *Sim) strip(org *organization, cause string, goes func(*token, Role) bool) {
	for _, t := range org.tokens {
		if kept := rolesWithout(t.roles, func(r Role) bool { return goes(t, r) }); len(kept) < len(t.roles) {
			s.replaceOutOfBand(t, kept, cause)
		}
	}
}

// RenameCustomRole gives a custom role another name; the switch custom-role-change says what becomes of its holders.
func (s *Sim) RenameCustomRole(org, from, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, role := s.mustCustomRole(org, from)
	role.name, role.updated = to, s.now()
	s.customRoleChanged(o, from, to)
}

// DeleteCustomRole deletes a custom role; the switch custom-role-change says what becomes of its holders.
func (s *Sim) DeleteCustomRole(org, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, role := s.mustCustomRole(org, name)
	o.roles = without(o.roles, role)
	s.customRoleChanged(o, name, "")
}

func (s *Sim) mustCustomRole(org, name string) (*organization, *customRole) {
	o := must(s.state.orgByID, "Organization", org)
	for _, r := range o.roles {
		if r.name == name {
			return o, r
		}
	}
	panic(fmt.Sprintf("astrosim: no custom role is named %q", name))
}

func (s *Sim) customRoleChanged(o *organization, from, to string) {
	o.goneRoles[from] = true
	for _, t := range o.tokens {
		var changed []Role
		switch {
		case s.behaviour.CustomRoleChange == Strip:
			changed = rolesWithout(t.roles, func(r Role) bool { return r.Role == from })
		case s.behaviour.CustomRoleChange == Follow && to != "":
			for _, r := range t.roles {
				if r.Role == from {
					r = r.respelled(to)
				}
				changed = append(changed, r)
			}
		default:
			continue
		}
		if !sameRoles(changed, t.roles) {
			s.replaceOutOfBand(t, changed, "custom role "+from+" changed")
		}
	}
}
