package astro

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func readToken(t *testing.T, raw string) Token {
	t.Helper()
	var token Token
	if err := json.Unmarshal([]byte(raw), &token); err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenRoles(t *testing.T) {
	cases := map[string]struct {
		reason, roles string
		known         bool
		count         int
	}{
		"absent":     {"a row without roles is unknown, not empty", ``, false, 0},
		"null":       {"and so is null", `,"roles":null`, false, 0},
		"empty":      {"an empty array is known", `,"roles":[]`, true, 0},
		"one":        {"an array is what it says", `,"roles":[{"entityType":"X","entityId":"y","role":"z"}]`, true, 1},
		"unreadable": {"an entry that is none makes the set unknown, not shorter", `,"roles":[{"entityType":"X","entityId":"y","role":"z"},null]`, false, 0},
		"no array":   {"as does what is no array", `,"roles":{"a":1}`, false, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := readToken(t, `{"id":"t1","name":"ci","scope":"ORGANIZATION"`+c.roles+`}`)
			if got.RolesKnown != c.known || len(got.Roles) != c.count {
				t.Errorf("%s: known %t, roles %v", c.reason, got.RolesKnown, got.Roles)
			}
		})
	}
	if err := json.Unmarshal([]byte(`{"name":"ci"}`), new(Token)); err == nil {
		t.Error("a token without an id was taken")
	}
}

func TestTokenSubjects(t *testing.T) {
	got := readToken(t, `{"id":"t1","createdBy":{"id":"u1","username":"ada@example.com","fullName":"Ada"},"updatedBy":{"id":"k1","apiTokenName":"bot"}}`)
	if got.CreatedBy != "Ada" || got.UpdatedBy != "bot" {
		t.Errorf("made by %q, updated by %q", got.CreatedBy, got.UpdatedBy)
	}
	if got := readToken(t, `{"id":"t1","createdBy":{"id":"u1"}}`); got.CreatedBy != "u1" {
		t.Errorf("made by %q", got.CreatedBy)
	}
}

func TestHome(t *testing.T) {
	roles := func(r ...Role) Token { return Token{Scope: ScopeWorkspace, Roles: r} }
	cases := map[string]struct {
		reason string
		token  Token
		want   string
	}{
		"own":     {"the entity of its own scope", roles(NewRole(EntityDeployment, "d", "A"), NewRole(EntityWorkspace, "w", "A")), "w"},
		"none":    {"unseen is unknown", roles(NewRole(EntityDeployment, "d", "A")), ""},
		"several": {"two cannot be told apart", roles(NewRole(EntityWorkspace, "w", "A"), NewRole(EntityWorkspace, "v", "A")), ""},
		"twice":   {"one entity named twice is one", roles(NewRole(EntityWorkspace, "w", "A"), NewRole(EntityWorkspace, "w", "B")), "w"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.token.Home(); got != c.want {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestSameAs(t *testing.T) {
	end := time.Unix(1e9, 0)
	used := end.Add(-60 * 24 * time.Hour)
	usedAt := func(after time.Duration) func(*Token) {
		return func(t *Token) { t.LastUsedAt = new(used.Add(after)) }
	}
	base := Token{
		ID: "t", Name: "n", Scope: ScopeOrganization, Kind: KindStandard, RolesKnown: true, EndAt: &end, CreatedBy: "Ada", LastUsedAt: &used,
		Roles: []Role{NewRole(EntityWorkspace, "w", "A"), NewRole(EntityDeployment, "d", "B")},
	}
	changes := map[string]struct {
		change func(*Token)
		same   bool
	}{
		"order of roles":     {func(t *Token) { slices.Reverse(t.Roles) }, true},
		"updatedBy":          {func(t *Token) { t.UpdatedBy = "Bob" }, true},
		"end elsewhere":      {func(t *Token) { utc := end.UTC(); t.EndAt = &utc }, true},
		"end":                {func(t *Token) { t.EndAt = nil }, false},
		"name":               {func(t *Token) { t.Name = "m" }, false},
		"a role":             {func(t *Token) { t.Roles[0] = t.Roles[0].WithRole("B") }, false},
		"a role twice":       {func(t *Token) { t.Roles[1] = t.Roles[0] }, false},
		"roles unknown":      {func(t *Token) { t.Roles, t.RolesKnown = nil, false }, false},
		"used again":         {usedAt(time.Hour), true},
		"used after a while": {usedAt(30 * 24 * time.Hour), false},
		"use unknown":        {func(t *Token) { t.LastUsedAt = nil }, false},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			other := base.clone()
			c.change(&other)
			if base.SameAs(other) != c.same || other.SameAs(base) != c.same {
				t.Errorf("same: %t", !c.same)
			}
		})
	}
}
