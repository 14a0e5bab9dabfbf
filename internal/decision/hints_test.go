package decision

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// alikeToken is an Organization token that has a name like ci.
func alikeToken(id, name string) astro.Token {
	return astro.Token{ID: id, Name: name, Scope: astro.ScopeOrganization, Kind: astro.KindStandard}
}

func likeTokens(tokens ...astro.Token) func(*Binding) {
	return func(b *Binding) { b.Names.Alike = tokens }
}

func onlyTokens(rules ...v1alpha1.TokenRule) func(*Connection) {
	return allowing(func(r *v1alpha1.AllowRule) { r.Tokens = rules })
}

func TestHintsAtTokens(t *testing.T) {
	org := v1alpha1.ScopeOrganization
	const hint = `; there is one that differs in letter case: t7 ("CI")`
	mine := alikeToken("t7", "CI")
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		state   string
		want    string // at the end of the message
	}{
		"Allowed":   {"What the rules allow is hinted at.", namedBy(binding("a")).but(likeTokens(mine)), "False/TokenNotFound", hint},
		"Two":       {"Each says how it differs.", namedBy(binding("a")).but(likeTokens(mine, alikeToken("t8", "ci "))), "False/TokenNotFound", hint + `; there is one that differs in spaces: t8 ("ci ")`},
		"ByPrefix":  {"It need not be of the same prefix.", namedBy(binding("a")).but(likeTokens(mine)).through("acme", onlyTokens(v1alpha1.TokenRule{Scope: org, NamePrefixes: []string{"CI"}})), "False/TokenNotAllowed", hint},
		"Forbidden": {"What they do not is not.", namedBy(binding("a")).but(likeTokens(mine)).through("acme", onlyTokens(v1alpha1.TokenRule{Scope: org, NamePrefixes: []string{"ci"}})), "False/TokenNotFound", "may see it"},
		"OneOfTwo":  {"Of several only what they allow.", namedBy(binding("a")).but(likeTokens(alikeToken("t6", "Ci"), mine)).through("acme", onlyTokens(v1alpha1.TokenRule{Scope: org, IDs: []string{"t7"}})), "False/TokenNotAllowed", "that is allowed" + hint},
		"Role":      {"Where the role is not allowed either, the role is told of.", namedBy(binding("a")).but(likeTokens(mine)).through("acme", onlyRole(owner)), "False/RoleNotAllowed", "that is allowed"},
		"None":      {"Without any the message is as ever.", namedBy(binding("a")), "False/TokenNotFound", "may see it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := &driver{t: t, statements: map[types.UID]Statement{}}
			p, _ := BeginUnresolved(nobody(c.binding))
			w.finish(p)
			differ(t, c.reason, "state", c.state, w.state("a"))
			if m := w.message("a"); !strings.HasSuffix(m, c.want) {
				t.Errorf("%s\nwant %q at the end of %q", c.reason, c.want, m)
			}
		})
	}
}

// TestHintsDoNotTellWhatThereIs compares what is said of a name that nothing has with what is said of one that somebody
// has whom the rules do not allow: only the first must not have the hint.
func TestHintsDoNotTellWhatThereIs(t *testing.T) {
	mine := onlyTokens(v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, IDs: []string{"t7"}})
	like := likeTokens(alikeToken("t7", "CI"))
	w := &driver{t: t, statements: map[types.UID]Statement{}}
	p, _ := BeginUnresolved(nobody(namedBy(binding("a")).but(like).through("acme", mine)))
	w.finish(p)
	there := situation(binding("a").named("ci").but(like).through("acme", mine))
	differ(t, "Whether the token is there does not show.", "message", w.message("a"), drive(t, there).message("a"))
	differ(t, "So the hint is looked for in either case.", "looked for", true, there.HintsAtTokens(&there.Bindings[0]))

	own := allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w2"}}} })
	alike := shown(w2)
	alike.Name = "NAME of w1"
	likeTarget := func(b *Binding) { b.Target.Alike = []astro.Target{alike} }
	found := situation(binding("a").targetNamed().but(likeTarget).through("acme", own))
	missing := situation(binding("a").targetNamed().found().but(likeTarget).through("acme", own))
	differ(t, "Nor whether the target is.", "message", drive(t, missing).message("a"), drive(t, found).message("a"))
	for _, s := range []Situation{found, missing} {
		differ(t, "So the hint is looked for in either case.", "looked for", true, s.HintsAtTargets(&s.Bindings[0]))
	}
	if m := drive(t, found).message("a"); !strings.HasSuffix(m, `; there is one that differs in letter case: w2 ("NAME of w1")`) {
		t.Errorf("what the rules allow is hinted at: %q", m)
	}
}

func TestHintsAtTargetsAndRoles(t *testing.T) {
	alike := shown(d2)
	alike.Name = "Name of d1"
	likeTarget := func(b *Binding) { b.Target.Alike = []astro.Target{alike} }
	elsewhere := allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w2"}}} })
	only := allowing(func(r *v1alpha1.AllowRule) { r.Roles = []string{deployer} })
	custom := func(w *driver) {
		refuses(errInvalid, "deploy only")(w)
		w.finding = Findings{RolesKnown: true, Roles: []astro.CustomRole{{Name: deployer}, {Name: "other"}}}
	}
	cases := map[string]struct {
		reason  string
		binding *bindingBuilder
		drive   func(*driver)
		state   string
		want    string
		not     string
	}{
		"Target":       {"A Deployment that the rules allow.", binding("a").on(d1).targetNamed().found().but(likeTarget), nil, "False/TargetNotFound", `in letter case: d2 ("Name of d1")`, ""},
		"NotAllowed":   {"Not one that they do not.", binding("a").on(d1).targetNamed().found().but(likeTarget).through("acme", elsewhere), nil, "False/TargetNotAllowed", "", "d2"},
		"Role":         {"A role that there is.", binding("a").on(d1).role("deploy only"), custom, "False/RoleNotFound", `; there is one that differs in letter case: "Deploy Only"; correct spec.role`, "other"},
		"BuiltIn":      {"One of Astro's own.", binding("a").on(d1).role("deployment_admin"), func(w *driver) { refuses(errInvalid, "deployment_admin")(w); w.finding = Findings{RolesKnown: true} }, "False/RoleNotFound", `"DEPLOYMENT_ADMIN"`, ""},
		"AllowedRole":  {"Rules that name a role are the reader's.", binding("a").on(d1).role("deploy only").through("acme", only), nil, "False/RoleNotAllowed", `in letter case: "Deploy Only"`, ""},
		"OtherRole":    {"A role that does not look like it is not told.", binding("a").on(d1).role("viewer").through("acme", only), nil, "False/RoleNotAllowed", "", deployer},
		"ForbiddenOne": {"A role that exists and is not allowed is not told.", binding("a").on(d1).role("deploy only").through("acme", onlyRole("deploy only")), custom, "False/RoleNotFound", "", deployer},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var edits []func(*driver)
			if c.drive != nil {
				edits = append(edits, c.drive)
			}
			w := drive(t, situation(c.binding), edits...)
			differ(t, c.reason, "state", c.state, w.state("a"))
			m := w.message("a")
			if !strings.Contains(m, c.want) || c.not != "" && strings.Contains(m, c.not) {
				t.Errorf("%s\nwant %q and not %q in %q", c.reason, c.want, c.not, m)
			}
		})
	}
}

// TestHintsAmongThousandsOfLookalikes is of rules that name thousands of roles which look like the one that is asked for.
func TestHintsAmongThousandsOfLookalikes(t *testing.T) {
	const rules, roles, asked = 255, 50, "aaaaaaaaaaaaaaaa"
	lookalikes := func(s *v1alpha1.ConnectionSpec, elsewhere bool) {
		one := s.Allow[0]
		s.Allow[0].Roles = []string{"AAAAAAAAAAAAAAAA"}
		if elsewhere {
			one.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w9"}}}
		}
		for i := range rules {
			one.Roles = nil
			for j := range roles {
				name := []rune(asked)
				for bit := range name {
					if (i*roles+j+1)>>bit&1 == 1 {
						name[bit] = '\u0430' // a Cyrillic letter
					}
				}
				one.Roles = append(one.Roles, string(name))
			}
			s.Allow = append(s.Allow, one)
		}
	}
	for what, tc := range map[string]struct {
		elsewhere bool
		want      int // hints
		most      float64
	}{
		"of other targets":  {true, 1, 1_000},
		"of the target too": {false, maxHints, 100_000},
	} {
		s := situation(binding("a").on(d1).role(asked).through("acme", spec(func(c *v1alpha1.ConnectionSpec) { lookalikes(c, tc.elsewhere) })))
		b := &s.Bindings[0]
		var message string
		allocated := testing.AllocsPerRun(1, func() { message = s.obstacle(b, &Ruling{}).Message })
		if got := strings.Count(message, "there is one that differs"); got != tc.want {
			t.Errorf("%s: want %d hints in %q", what, tc.want, message)
		}
		if allocated > tc.most {
			t.Errorf("%s: a look takes %v pieces of memory, want %v at most", what, allocated, tc.most)
		}
	}
	var asking int
	names := make([]string, rules*roles)
	hints(names, func(string) bool { asking++; return false }, func(string) string { return "" })
	differ(t, "The rules are asked about the first few, whatever looks alike.", "questions", maxCandidates, asking)
}
