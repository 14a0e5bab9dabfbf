package astrosim

import (
	"fmt"
	"time"
)

// With sets what is not left to its default when an entity is added. Each says which kinds of entity it is for; on
// others it does nothing.
type With func(*addition)

type addition struct {
	id, description, kind, createdBy string
	created                          time.Time
	end, used                        *time.Time
	expiryDays                       int
	roles                            []Role
	restricted, permissions          []string
	status                           string
	variables                        int
}

// ID gives any entity a fixed id.
func ID(id string) With { return func(a *addition) { a.id = id } }

// Description describes any entity.
func Description(text string) With { return func(a *addition) { a.description = text } }

// CreatedAt dates any entity.
func CreatedAt(t time.Time) With { return func(a *addition) { a.created = t } }

// CreatedBy is the full name of the user that made any entity.
func CreatedBy(name string) With { return func(a *addition) { a.createdBy = name } }

// Kind makes a token other than STANDARD.
func Kind(kind string) With { return func(a *addition) { a.kind = kind } }

// Expires ends a token at a time, which may lie in the past.
func Expires(t time.Time) With { return func(a *addition) { a.end = &t } }

// LastUsed says when somebody last used a token.
func LastUsed(t time.Time) With { return func(a *addition) { a.used = &t } }

// ExpiresInDays ends a token so many days after it was made.
func ExpiresInDays(days int) With { return func(a *addition) { a.expiryDays = days } }

// Roles gives a token roles besides that of its own scope.
func Roles(roles ...Role) With { return func(a *addition) { a.roles = append(a.roles, roles...) } }

// RestrictedTo lets a custom role be assigned in these Workspaces only.
func RestrictedTo(workspaces ...string) With {
	return func(a *addition) { a.restricted = append(a.restricted, workspaces...) }
}

// Permissions are those of a custom role.
func Permissions(names ...string) With {
	return func(a *addition) { a.permissions = append(a.permissions, names...) }
}

// Status is that of a Deployment, HEALTHY if not given.
func Status(status string) With { return func(a *addition) { a.status = status } }

// EnvironmentVariables is how many a Deployment has, 12 if not given.
func EnvironmentVariables(n int) With { return func(a *addition) { a.variables = n } }

func (s *Sim) addition(with []With) *addition {
	a := &addition{kind: "STANDARD", createdBy: "Ada Admin", status: "HEALTHY", variables: 12, created: s.now()}
	for _, w := range with {
		w(a)
	}
	if a.id == "" {
		a.id = s.newID()
	}
	if a.expiryDays > 0 && a.end == nil {
		end := a.created.AddDate(0, 0, a.expiryDays)
		a.end = &end
	}
	return a
}

func (a *addition) meta(name string) meta {
	by := user(a.createdBy)
	return meta{a.id, name, a.description, a.created, a.created, by, by}
}

// AddOrganization adds an Organization and returns its id. The Add methods panic when what they are added to does not
// exist, as that is a mistake of the test.
func (s *Sim) AddOrganization(name string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addition(with)
	s.state.addOrganization(&organization{meta: a.meta(name)})
	return a.id
}

// AddWorkspace adds a Workspace to an Organization and returns its id.
func (s *Sim) AddWorkspace(org, name string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addition(with)
	s.state.addWorkspace(&workspace{a.meta(name), must(s.state.orgByID, "Organization", org)})
	return a.id
}

// AddDeployment adds a Deployment to a Workspace and returns its id.
func (s *Sim) AddDeployment(workspace, name string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addition(with)
	s.state.addDeployment(&deployment{a.meta(name), must(s.state.workspaces, "Workspace", workspace), a.status, a.variables})
	return a.id
}

// AddCustomRole adds a custom role of scope DEPLOYMENT or DAG to an Organization and returns its id.
func (s *Sim) AddCustomRole(org, name, scope string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.addition(with)
	o := must(s.state.orgByID, "Organization", org)
	o.roles = append(o.roles, &customRole{a.meta(name), scope, a.permissions, a.restricted})
	return a.id
}

// AddOrganizationToken adds a token of scope ORGANIZATION and returns its id.
func (s *Sim) AddOrganizationToken(org, name, role string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := must(s.state.orgByID, "Organization", org)
	return s.addToken(o, OrganizationRole(org, role), name, with)
}

// AddWorkspaceToken adds a token of scope WORKSPACE and returns its id.
func (s *Sim) AddWorkspaceToken(workspace, name, role string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := must(s.state.workspaces, "Workspace", workspace)
	return s.addToken(w.org, WorkspaceRole(workspace, role), name, with)
}

// AddDeploymentToken adds a token of scope DEPLOYMENT and returns its id.
func (s *Sim) AddDeploymentToken(deployment, name, role string, with ...With) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := must(s.state.deployments, "Deployment", deployment)
	return s.addToken(d.workspace.org, DeploymentRole(deployment, role), name, with)
}

// addToken makes a token whose scope and home are those of its own role.
func (s *Sim) addToken(o *organization, own Role, name string, with []With) string {
	a := s.addition(with)
	t := &token{
		meta: a.meta(name), org: o, scope: own.EntityType, kind: a.kind, home: own.EntityID, start: a.created,
		end: a.end, used: a.used, expiryDays: a.expiryDays, roles: append([]Role{own}, a.roles...),
	}
	for i := range t.roles {
		t.roles[i] = t.roles[i].withRaw()
	}
	t.credential = s.newCredential(t)
	s.state.addToken(t)
	return t.id
}

func user(fullName string) profile {
	return profile{ID: "clu" + fmt.Sprintf("%022x", len(fullName)), SubjectType: "USER", Username: "user@example.com", FullName: fullName}
}

func must[T any](entities map[string]*T, kind, id string) *T {
	e := entities[id]
	if e == nil {
		panic(fmt.Sprintf("astrosim: no %s has the id %q", kind, id))
	}
	return e
}
