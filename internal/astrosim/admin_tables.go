package astrosim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// tabular is what can be shown as aligned text.
type tabular interface{ table() string }

// tabulate aligns rows, the first of them the heading.
func tabulate(rows [][]string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// roleRow is a role with the name of what it is on.
type roleRow struct {
	Role
	Name string `json:"name"`
}

type rolesTable []roleRow

func (t rolesTable) table() string {
	rows := [][]string{{"TYPE", "NAME", "ROLE", "ID"}}
	for _, r := range t {
		rows = append(rows, []string{r.EntityType, r.Name, r.Role.Role, r.EntityID})
	}
	return tabulate(rows)
}

type tokenRow struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Scope       string     `json:"scope"`
	Kind        string     `json:"kind"`
	EndAt       *time.Time `json:"endAt,omitempty"`
	Roles       rolesTable `json:"roles"`
}

type tokensTable []tokenRow

func (t tokensTable) table() string {
	rows := [][]string{{"TOKEN", "SCOPE", "TYPE", "NAME", "ROLE"}}
	for _, token := range t {
		for _, r := range token.Roles {
			rows = append(rows, []string{token.Name, token.Scope, r.EntityType, r.Name, r.Role.Role})
		}
	}
	return tabulate(rows)
}

type entityRow struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	In   string `json:"in,omitempty"`
}

type stateTable struct {
	Organizations []entityRow `json:"organizations"`
	Workspaces    []entityRow `json:"workspaces"`
	Deployments   []entityRow `json:"deployments"`
	CustomRoles   []entityRow `json:"customRoles"`
	Tokens        tokensTable `json:"tokens"`
}

func (t stateTable) table() string {
	rows := [][]string{{"KIND", "NAME", "IN", "ID"}}
	for _, part := range []struct {
		kind string
		rows []entityRow
	}{{"Organization", t.Organizations}, {"Workspace", t.Workspaces}, {"Deployment", t.Deployments}, {"CustomRole", t.CustomRoles}} {
		for _, e := range part.rows {
			rows = append(rows, []string{part.kind, e.Name, e.In, e.ID})
		}
	}
	return tabulate(rows) + "\n" + t.Tokens.table()
}

func (s *Sim) adminState(*adminRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t stateTable
	for _, o := range s.state.organizations {
		t.Organizations = append(t.Organizations, entityRow{o.id, o.name, ""})
		for _, w := range o.workspaces {
			t.Workspaces = append(t.Workspaces, entityRow{w.id, w.name, o.name})
		}
		for _, d := range o.deployments {
			t.Deployments = append(t.Deployments, entityRow{d.id, d.name, d.workspace.name})
		}
		for _, r := range o.roles {
			t.CustomRoles = append(t.CustomRoles, entityRow{r.id, r.name, o.name})
		}
	}
	t.Tokens = s.tokenRows()
	return t, nil
}

func (s *Sim) adminTokens(*adminRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokenRows(), nil
}

func (s *Sim) tokenRows() tokensTable {
	t := tokensTable{}
	for _, o := range s.state.organizations {
		for _, token := range o.tokens {
			t = append(t, tokenRow{token.id, token.name, token.description, token.scope, token.kind, token.end, s.roleRows(token.roles)})
		}
	}
	return t
}

func (s *Sim) adminRoles(r *adminRequest) (any, error) {
	id, err := s.findNamed("token", r.PathValue("token"))
	if err != nil {
		return nil, err
	}
	roles := s.Roles(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roleRows(roles), nil
}

func (s *Sim) roleRows(roles []Role) rolesTable {
	t := make(rolesTable, 0, len(roles))
	for _, r := range roles {
		t = append(t, roleRow{r, s.nameOf(r)})
	}
	return t
}

// nameOf is the name of what a role is on; of a DAG with its Deployment.
func (s *Sim) nameOf(r Role) string {
	d := s.state.deployments[r.onDeployment()]
	switch {
	case r.EntityType == TypeOrganization && s.state.orgByID[r.EntityID] != nil:
		return s.state.orgByID[r.EntityID].name
	case r.EntityType == TypeWorkspace && s.state.workspaces[r.EntityID] != nil:
		return s.state.workspaces[r.EntityID].name
	case r.EntityType == TypeDeployment && d != nil:
		return d.name
	case r.isDAG() && d != nil:
		return d.name + "/" + r.EntityID
	}
	return "?"
}

type setting struct {
	Name  string `json:"name"`
	Value Choice `json:"value"`
	Takes string `json:"takes"`
}

type settingsTable []setting

func (t settingsTable) table() string {
	rows := [][]string{{"SWITCH", "VALUE", "TAKES"}}
	for _, s := range t {
		rows = append(rows, []string{s.Name, string(s.Value), s.Takes})
	}
	return tabulate(rows)
}

func (s *Sim) adminCounts(*adminRequest) (any, error) { return s.Counts(), nil }

func (c Counts) table() string {
	rows := [][]string{{"ENDPOINT", "STATUS", "CALLS"}}
	for _, endpoint := range slices.Sorted(maps.Keys(c.Outcomes)) {
		for _, status := range slices.Sorted(maps.Keys(c.Outcomes[endpoint])) {
			rows = append(rows, []string{string(endpoint), strconv.Itoa(status), strconv.Itoa(c.Outcomes[endpoint][status])})
		}
	}
	return tabulate(append(rows, []string{"all", "", strconv.Itoa(c.Total)}))
}

type auditTable []RoleWrite

func (t auditTable) table() string {
	rows := [][]string{{"TIME", "TOKEN", "BY", "STATUS", "ADDED", "REMOVED"}}
	for _, w := range t {
		by := w.By
		if w.OutOfBand {
			by = "(" + w.Cause + ")"
		}
		added, removed := missing(w.After, w.Before, Role.same), missing(w.Before, w.After, Role.same)
		rows = append(rows, []string{w.Time.Format(time.TimeOnly), w.TokenID, by, strconv.Itoa(w.Status), joined(added), joined(removed)})
	}
	return tabulate(rows)
}

func joined(roles []Role) string {
	texts := make([]string, 0, len(roles))
	for _, r := range roles {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, " ")
}

func (s *Sim) adminAudit(r *adminRequest) (any, error) {
	writes := auditTable(s.Audit())
	if name := r.FormValue("token"); name != "" {
		id, err := s.findNamed("token", name)
		if err != nil {
			return nil, err
		}
		writes = filter(writes, func(w RoleWrite) bool { return w.TokenID == id })
	}
	return writes, nil
}
