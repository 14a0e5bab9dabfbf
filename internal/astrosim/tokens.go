package astrosim

import (
	"cmp"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func tokenListing(encode func(*token) []byte) listing[*token] {
	l := listing[*token]{
		key: "tokens", max: 1000, sorts: metaSorts(func(t *token) *meta { return &t.meta }),
		id: func(t *token) string { return t.id }, encode: encode,
	}
	l.sorts["description"] = func(a, b *token) int { return cmp.Compare(a.description, b.description) }
	l.sorts["tokenStartAt"] = func(a, b *token) int { return a.start.Compare(b.start) }
	return l
}

func (s *Sim) listTokens(c *call) (answer, *apiError) {
	f, bad := s.parseTokenFilter(c)
	if bad != nil {
		return answer{}, bad
	}
	now := s.now()
	tokens := filter(s.tokensAsRead(c), func(t *token) bool {
		return s.seesToken(c.caller, t) && f.matches(t) && (s.behaviour.ExpiredTokenLists == Listed || !t.expired(now))
	})
	return list(s, c, tokenListing(func(t *token) []byte { return c.row(t, f.shown(t.roles)) }), tokens)
}

// row is the token as the call reads it.
func (c *call) row(t *token, roles []Role) []byte {
	if c.faults.omits(t.id) {
		return mustMarshal(t.wire(c.beta))
	}
	return c.encode(t, roles)
}

// tokensAsRead are the Organization's tokens, or what a stale read takes for them.
func (s *Sim) tokensAsRead(c *call) []*token {
	f := c.faults.stale
	if f == nil {
		return c.organization.tokens
	}
	at := s.staleAt(f)
	var tokens []*token
	for _, t := range c.organization.tokens {
		if at.IsZero() || !t.created.After(at) {
			tokens = append(tokens, s.asRead(c, t))
		}
	}
	for _, d := range s.state.deleted {
		if !at.IsZero() && d.token.org == c.organization && d.at.After(at) && !d.token.created.After(at) {
			gone, _ := d.token.ago(0, at)
			tokens = append(tokens, gone)
		}
	}
	return tokens
}

func (s *Sim) asRead(c *call, t *token) *token {
	f := c.faults.stale
	if f == nil || t == c.caller {
		return t
	}
	old, until := t.ago(orElse(f.Back, 1), s.staleAt(f))
	if old.updated != t.updated || old.name != t.name || !sameRoles(old.roles, t.roles) {
		s.oldReads = append(s.oldReads, OldRead{s.now(), c.requestID, t.id, until, old.roles, t.roles})
	}
	return old
}

func (s *Sim) staleAt(f *Fault) (at time.Time) {
	if f.Age > 0 {
		at = s.now().Add(-f.Age)
	}
	return at
}

// findToken finds the token of the path, if the caller may see it.
func (s *Sim) findToken(c *call) (*token, *apiError) {
	t := s.state.tokens[c.id]
	if t == nil || t.org != c.organization {
		return nil, notFound("api token", c.id)
	}
	if !s.seesToken(c.caller, t) {
		return nil, s.hidden("api token", c.id)
	}
	return t, nil
}

// managedToken finds the token of the path, if the caller may edit it.
func (s *Sim) managedToken(c *call) (*token, *apiError) {
	t, refused := s.findToken(c)
	if refused == nil && !s.mayManage(c.caller, t.scope, t.home) {
		refused = forbidden()
	}
	return t, refused
}

func (s *Sim) getToken(c *call) (answer, *apiError) {
	t, refused := s.findToken(c)
	if refused != nil {
		return answer{}, refused
	}
	t = s.asRead(c, t)
	return ok(c.row(t, t.roles)), nil
}

func (s *Sim) updateToken(c *call) (answer, *apiError) {
	t, refused := s.managedToken(c)
	if refused != nil {
		return answer{}, refused
	}
	var request struct {
		Name        string  `json:"name"`
		Description *string `json:"description"`
	}
	if refused := c.decode(&request); refused != nil {
		return answer{}, refused
	}
	bad := boundName(request.Name)
	if request.Description != nil && utf8.RuneCountInString(*request.Description) > 500 {
		bad = append(bad, field("description", "max", "description must be at most 500 characters"))
	}
	if refused := s.nameRefused(t.org, t, request.Name, bad); refused != nil {
		return answer{}, refused
	}
	t.remember(s.now())
	t.name, t.updated, t.updatedBy = request.Name, s.now(), c.caller.profile()
	if request.Description != nil {
		t.description = *request.Description
	}
	return ok(c.encode(t, t.roles)), nil
}

func (s *Sim) rotateToken(c *call) (answer, *apiError) {
	t, refused := s.managedToken(c)
	if refused != nil {
		return answer{}, refused
	}
	s.rotate(t)
	return ok(c.encodeSecret(t)), nil
}

func (s *Sim) deleteToken(c *call) (answer, *apiError) {
	t, refused := s.managedToken(c)
	if refused != nil {
		return answer{}, refused
	}
	s.state.removeToken(t, s.now())
	return answer{status: http.StatusNoContent}, nil
}

// decode reads the body, which has to say that it is JSON.
func (c *call) decode(request any) *apiError {
	if kind, _, err := mime.ParseMediaType(c.contentType); err != nil || kind != "application/json" {
		return refuse(http.StatusBadRequest, "Invalid request: Content-Type is %q and not application/json", c.contentType)
	}
	if err := json.Unmarshal(c.body, request); err != nil {
		return refuse(http.StatusBadRequest, "Invalid request: malformed body: %s", err)
	}
	return nil
}

func boundName(name string) (bad []fieldError) {
	if strings.TrimSpace(name) == "" {
		bad = append(bad, field("name", "required", "name is required"))
	}
	if utf8.RuneCountInString(name) > 256 {
		bad = append(bad, field("name", "max", "name must be at most 256 characters"))
	}
	return bad
}

// nameRefused refuses what is wrong with a name, for the token that is to have it (nil if it is yet to be made).
func (s *Sim) nameRefused(o *organization, t *token, name string, bad []fieldError) *apiError {
	taken := func(other *token) bool { return other != t && other.name == name }
	if s.behaviour.DuplicateTokenNames == Reject && slices.ContainsFunc(o.tokens, taken) {
		bad = append(bad, field("name", "unique", "an API token with the name '%s' already exists", name))
	}
	if len(bad) > 0 {
		return invalid(bad...)
	}
	return nil
}

func (t *token) profile() profile {
	return profile{ID: t.id, SubjectType: "SERVICEKEY", APITokenName: t.name}
}
