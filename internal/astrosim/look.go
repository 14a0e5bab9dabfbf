package astrosim

import "time"

// Token is a token as a test sees it.
type Token struct {
	ID, Name, Description, Scope, Kind string
	OrganizationID, HomeID             string
	Roles                              []Role
	CreatedAt, UpdatedAt               time.Time
	EndAt                              *time.Time
}

// Roles is a token's role set; nil if there is no such token.
func (s *Sim) Roles(tokenID string) []Role {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.state.tokens[tokenID]; t != nil {
		return cloneRoles(t.roles)
	}
	return nil
}

// RoleOn is the role that a token holds on an entity, "" if none.
func (s *Sim) RoleOn(tokenID, entityType, entityID string) string {
	for _, r := range s.Roles(tokenID) {
		if r.EntityType == entityType && r.EntityID == entityID {
			return r.Role
		}
	}
	return ""
}

// Token finds a token by its id.
func (s *Sim) Token(id string) (Token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.state.tokens[id]
	if t == nil {
		return Token{}, false
	}
	return t.seen(), true
}

// Tokens are all tokens of an Organization, in the order in which they were made.
func (s *Sim) Tokens(org string) []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.state.orgByID[org]
	if o == nil {
		return nil
	}
	tokens := make([]Token, 0, len(o.tokens))
	for _, t := range o.tokens {
		tokens = append(tokens, t.seen())
	}
	return tokens
}

// Credential is the secret of a token, as its holder would send it; "" if there is no such token.
func (s *Sim) Credential(tokenID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.state.tokens[tokenID]; t != nil {
		return t.credential
	}
	return ""
}

func (t *token) seen() Token {
	return Token{
		ID: t.id, Name: t.name, Description: t.description, Scope: t.scope, Kind: t.kind, OrganizationID: t.org.id, HomeID: t.home,
		Roles: cloneRoles(t.roles), CreatedAt: t.created, UpdatedAt: t.updated, EndAt: t.end,
	}
}
