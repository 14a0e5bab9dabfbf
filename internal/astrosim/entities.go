package astrosim

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (s *Sim) listOrganizations(c *call) (answer, *apiError) {
	l := listing[*organization]{
		key: "organizations", max: 1000, sorts: metaSorts(func(o *organization) *meta { return &o.meta }),
		id: func(o *organization) string { return o.id }, encode: func(o *organization) []byte { return o.encode(false, c.beta) },
	}
	for name, takes := range organizationFilters {
		if bad := oneOf(c.query, name, takes); bad != nil {
			return answer{}, bad
		}
	}
	return list(s, c, l, filter([]*organization{c.caller.org}, func(*organization) bool {
		return among(c.query, "productPlan", organizationPlan) && among(c.query, "product", organizationProduct)
	}))
}

// What an Organization of the simulated Astro has bought.
const (
	organizationProduct = "HOSTED"
	organizationPlan    = "ENTERPRISE_V2"
)

// organizationFilters are the filters of Organizations, and the values that each takes. None of the plans that can be
// asked for is that of a simulated Organization.
var organizationFilters = map[string][]string{
	"productPlan":       {"TRIAL", "BASIC", "STANDARD", "PREMIUM", "BUSINESS_CRITICAL"},
	"astronomerProduct": {"ASTRO"},
	"product":           {organizationProduct, "HYBRID"},
}

func (s *Sim) getOrganization(c *call) (answer, *apiError) {
	lookUp, bad := boolean(c.query, "isLookUpOnly")
	if bad != nil {
		return answer{}, bad
	}
	return ok(c.organization.encode(lookUp, c.beta)), nil
}

func (s *Sim) listWorkspaces(c *call) (answer, *apiError) {
	keep := func(w *workspace) bool {
		return c.caller.seesWorkspace(w) && among(c.query, "workspaceIds", w.id) && s.named(c.query, w.name)
	}
	l := listing[*workspace]{
		key: "workspaces", max: 1000, sorts: metaSorts(func(w *workspace) *meta { return &w.meta }),
		id: func(w *workspace) string { return w.id }, encode: (*workspace).encode,
	}
	return list(s, c, l, filter(c.organization.workspaces, keep))
}

func (s *Sim) getWorkspace(c *call) (answer, *apiError) {
	w := s.state.workspaces[c.id]
	if w == nil || w.org != c.organization {
		return answer{}, notFound("workspace", c.id)
	}
	if !c.caller.seesWorkspace(w) {
		return answer{}, s.hidden("workspace", c.id)
	}
	return ok(w.encode()), nil
}

func (s *Sim) listDeployments(c *call) (answer, *apiError) {
	keep := func(d *deployment) bool {
		return c.caller.seesDeployment(d) && among(c.query, "deploymentIds", d.id) &&
			among(c.query, "workspaceIds", d.workspace.id) && s.named(c.query, d.name)
	}
	l := listing[*deployment]{
		key: "deployments", sorts: metaSorts(func(d *deployment) *meta { return &d.meta }),
		id: func(d *deployment) string { return d.id }, encode: (*deployment).encode,
	}
	return list(s, c, l, filter(c.organization.deployments, keep))
}

func (s *Sim) getDeployment(c *call) (answer, *apiError) {
	d := s.state.deployments[c.id]
	if d == nil || d.workspace.org != c.organization {
		return answer{}, notFound("deployment", c.id)
	}
	if !c.caller.seesDeployment(d) {
		return answer{}, s.hidden("deployment", c.id)
	}
	return ok(d.encode()), nil
}

func (s *Sim) listRoles(c *call) (answer, *apiError) {
	withDefaults, bad := boolean(c.query, "includeDefaultRoles")
	if bad != nil {
		return answer{}, bad
	}
	for _, scope := range c.query["scopeTypes"] {
		if !knownEntityType(scope) || scope == TypeDAGTag {
			return answer{}, invalid(field("scopeTypes", "oneof", "scopeTypes does not take '%s'", scope))
		}
	}
	l := listing[*customRole]{
		key: "roles", sorts: metaSorts(func(r *customRole) *meta { return &r.meta }),
		id: func(r *customRole) string { return r.id }, encode: func(r *customRole) []byte { return mustMarshal(r.wire()) },
	}
	l.sorts["scopeType"] = func(a, b *customRole) int { return cmp.Compare(a.scope, b.scope) }
	l.sorts["description"] = func(a, b *customRole) int { return cmp.Compare(a.description, b.description) }
	var extra []byte
	if withDefaults {
		kept := filter(builtIns, func(r builtIn) bool { return among(c.query, "scopeTypes", r.ScopeType) })
		extra = append([]byte(`,"defaultRoles":`), mustMarshal(kept)...)
	}
	kept := filter(c.organization.roles, func(r *customRole) bool { return among(c.query, "scopeTypes", r.scope) })
	return list(s, c, l, kept, extra...)
}

func (s *Sim) getRole(c *call) (answer, *apiError) {
	for _, r := range c.organization.roles {
		if r.id == c.id {
			w := r.wire()
			w.Permissions = append([]string{}, r.permissions...)
			return ok(mustMarshal(struct {
				roleWire
				Permissions []string `json:"permissions"`
			}{w, w.Permissions})), nil
		}
	}
	return answer{}, notFound("role", c.id)
}

// among says whether the value is one of those that a repeated parameter names, if it names any.
func among(query url.Values, name, value string) bool {
	wanted := query[name]
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

// named applies the names filter in the way that the switch says.
func (s *Sim) named(query url.Values, name string) bool {
	wanted := query["names"]
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(want string) bool {
		switch s.behaviour.NamesFilter {
		case Partial:
			return strings.Contains(name, want)
		case CaseInsensitive:
			return strings.EqualFold(name, want)
		}
		return name == want
	})
}

// oneOf refuses a value that a parameter does not take.
func oneOf(query url.Values, name string, takes []string) *apiError {
	for _, value := range query[name] {
		if value != "" && !slices.Contains(takes, value) {
			return invalid(field(name, "oneof", "%s does not take '%s'", name, value))
		}
	}
	return nil
}

func boolean(query url.Values, name string) (bool, *apiError) {
	text := query.Get(name)
	if text == "" {
		return false, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, invalid(field(name, "boolean", "%s must be true or false", name))
	}
	return value, nil
}

func filter[T any](items []T, keep func(T) bool) []T {
	kept := make([]T, 0, len(items))
	for _, it := range items {
		if keep(it) {
			kept = append(kept, it)
		}
	}
	return kept
}
