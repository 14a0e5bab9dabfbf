package astrosim

import (
	"slices"
	"time"
)

// profile is who made or changed something.
type profile struct {
	ID           string `json:"id"`
	SubjectType  string `json:"subjectType,omitempty"`
	Username     string `json:"username,omitempty"`
	FullName     string `json:"fullName,omitempty"`
	AvatarURL    string `json:"avatarUrl,omitempty"`
	APITokenName string `json:"apiTokenName,omitempty"`
}

// meta is what every entity of Astro has.
type meta struct {
	id, name, description string
	created, updated      time.Time
	createdBy, updatedBy  profile
}

type organization struct {
	meta
	workspaces  []*workspace
	deployments []*deployment
	tokens      []*token
	roles       []*customRole
	goneRoles   map[string]bool // names of custom roles that were renamed or deleted
}

type workspace struct {
	meta
	org *organization
}

type deployment struct {
	meta
	workspace *workspace
	status    string
	variables int
}

type customRole struct {
	meta
	scope       string
	permissions []string
	restricted  []string
}

type token struct {
	meta
	org         *organization
	scope, kind string
	home        string // the id of the Organization, Workspace or Deployment it was made in
	roles       []Role // never changed in place, so that history and audit may share it
	start       time.Time
	end         *time.Time
	expiryDays  int
	used        *time.Time
	rotated     *time.Time
	credential  string
	revoked     bool
	history     []version
}

// version is what a stale read returns: the token as it was until something changed it.
type version struct {
	until             time.Time
	name, description string
	updated           time.Time
	roles             []Role
}

// maxHistory bounds what is kept of a token's past.
const maxHistory = 16

// remember keeps the token's present state before a change.
func (t *token) remember(now time.Time) {
	t.history = append(t.history, version{now, t.name, t.description, t.updated, t.roles})
	if extra := len(t.history) - maxHistory; extra > 0 {
		t.history = slices.Delete(t.history, 0, extra)
	}
}

// ago is a copy of the token as it was `back` changes ago, or at the time `at` if that is set, and until when it was so; the
// zero time if it is still.
func (t *token) ago(back int, at time.Time) (old *token, until time.Time) {
	old = new(*t)
	i := len(t.history) - back
	if !at.IsZero() {
		i = slices.IndexFunc(t.history, func(v version) bool { return v.until.After(at) })
		if i < 0 {
			return old, until
		}
	}
	if i = max(i, 0); i < len(t.history) {
		v := t.history[i]
		old.name, old.description, old.updated, old.roles = v.name, v.description, v.updated, v.roles
		until = v.until
	}
	return old, until
}

func (t *token) expired(now time.Time) bool { return t.end != nil && !t.end.After(now) }

func (t *token) ownScopeKey() roleKey { return roleKey{entityType: t.scope, entity: t.home} }

// state is all that the simulated Astro holds.
type state struct {
	organizations []*organization
	orgByID       map[string]*organization
	workspaces    map[string]*workspace
	deployments   map[string]*deployment
	tokens        map[string]*token
	deleted       []deletedToken
	dead          map[string]bool // ids of deleted Workspaces and Deployments
	credentials   map[string]string
}

type deletedToken struct {
	at    time.Time
	token *token
}

func newState() *state {
	return &state{
		orgByID: map[string]*organization{}, workspaces: map[string]*workspace{}, deployments: map[string]*deployment{},
		tokens: map[string]*token{}, dead: map[string]bool{}, credentials: map[string]string{},
	}
}

func (st *state) addOrganization(o *organization) {
	if o.goneRoles == nil {
		o.goneRoles = map[string]bool{}
	}
	st.organizations = append(st.organizations, o)
	st.orgByID[o.id] = o
}

func (st *state) addWorkspace(w *workspace) {
	w.org.workspaces = append(w.org.workspaces, w)
	st.workspaces[w.id] = w
}

func (st *state) addDeployment(d *deployment) {
	org := d.workspace.org
	org.deployments = append(org.deployments, d)
	st.deployments[d.id] = d
}

func (st *state) addToken(t *token) {
	t.org.tokens = append(t.org.tokens, t)
	st.tokens[t.id] = t
	st.credentials[t.credential] = t.id
}

func (st *state) removeToken(t *token, now time.Time) {
	t.org.tokens = without(t.org.tokens, t)
	delete(st.tokens, t.id)
	delete(st.credentials, t.credential)
	st.deleted = append(st.deleted, deletedToken{now, t})
	if extra := len(st.deleted) - 1000; extra > 0 {
		st.deleted = slices.Delete(st.deleted, 0, extra)
	}
}

func without[T comparable](items []T, drop T) []T {
	return slices.DeleteFunc(slices.Clone(items), func(it T) bool { return it == drop })
}

// workspaceOf finds the Workspace in which an entry lies: the Workspace itself, or that of its Deployment.
func (st *state) workspaceOf(r Role) *workspace {
	if r.EntityType == TypeWorkspace {
		return st.workspaces[r.EntityID]
	}
	if d := st.deployments[r.onDeployment()]; d != nil {
		return d.workspace
	}
	return nil
}
