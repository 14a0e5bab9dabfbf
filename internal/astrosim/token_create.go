package astrosim

import "strings"

type createRequest struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Scope       string `json:"scope"`
	Type        string `json:"type"` // the scope in v1beta1
	EntityID    string `json:"entityId"`
	Role        string `json:"role"`
	Kind        string `json:"kind"`
	ExpiryDays  *int   `json:"tokenExpiryPeriodInDays"`
}

func (s *Sim) createToken(c *call) (answer, *apiError) {
	var r createRequest
	if refused := c.decode(&r); refused != nil {
		return answer{}, refused
	}
	if c.beta {
		r.Scope = r.Type
	}
	if r.Scope == TypeOrganization {
		r.EntityID = c.organization.id
	}
	if refused := s.nameRefused(c.organization, nil, r.Name, append(boundName(r.Name), s.createFields(c, &r)...)); refused != nil {
		return answer{}, refused
	}
	if !s.mayManage(c.caller, r.Scope, r.EntityID) {
		return answer{}, forbidden()
	}
	with := []With{Description(r.Description), Kind(r.Kind)}
	if r.ExpiryDays != nil {
		with = append(with, ExpiresInDays(*r.ExpiryDays))
	}
	t := s.state.tokens[s.addToken(c.organization, newRole(r.Scope, r.EntityID, r.Role, ""), r.Name, with)]
	t.createdBy, t.updatedBy = c.caller.profile(), c.caller.profile()
	return ok(c.encodeSecret(t)), nil
}

func (s *Sim) createFields(c *call, r *createRequest) (bad []fieldError) {
	if r.Kind == "" {
		r.Kind = "STANDARD"
	}
	if r.Kind != "STANDARD" && r.Kind != "DIRECT_ACCESS" {
		bad = append(bad, field("kind", "oneof", "kind does not take '%s'", r.Kind))
	}
	if r.ExpiryDays != nil && (*r.ExpiryDays < 1 || *r.ExpiryDays > 3650) {
		bad = append(bad, field("tokenExpiryPeriodInDays", "range", "tokenExpiryPeriodInDays must be from 1 to 3650"))
	}
	if r.Role == "" {
		bad = append(bad, field("role", "required", "role is required"))
	}
	home := newRole(r.Scope, r.EntityID, r.Role, "")
	switch r.Scope {
	case TypeOrganization, TypeWorkspace, TypeDeployment:
	default:
		name := "scope"
		if c.beta {
			name = "type"
		}
		return append(bad, field(name, "oneof", "%s does not take '%s'", name, r.Scope))
	}
	if r.EntityID == "" || !s.exists(c.organization, home) {
		return append(bad, field("entityId", "exists", "no %s has the id '%s'", strings.ToLower(r.Scope), r.EntityID))
	}
	if _, known := s.roleNamed(c.organization, home); r.Role != "" && !known {
		bad = append(bad, field("role", "exists", "no %s role is named '%s'", strings.ToLower(r.Scope), r.Role))
	}
	return bad
}
