package resolve

import "testing"

func TestHint(t *testing.T) {
	for name, c := range map[string]struct{ asked, name, id, want string }{
		"Token": {"ci", "CI", "clt1", `; there is one that differs in letter case: clt1 ("CI")`},
		"Role":  {"deploy only", "Deploy Only", "", `; there is one that differs in letter case: "Deploy Only"`},
		"Blank": {"data", "data\u3164", "cld1", `; there is one that differs in invisible characters: cld1 ("data\u3164")`},
		"Same":  {"ci", "ci", "clt1", ""},
		"Other": {"ci", "cd", "clt1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Hint(c.asked, c.name, c.id); got != c.want {
				t.Errorf("want %q, got %q", c.want, got)
			}
		})
	}
}
