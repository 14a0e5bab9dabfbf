package decision

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// nobody is the situation of bindings that only name their token.
func nobody(parts ...part) Situation {
	s := situation(parts...)
	s.Key.Token, s.Token = "", Observation{}
	return s
}

// namedBy says which tokens have the binding's name.
func namedBy(x *bindingBuilder, ids ...string) *bindingBuilder {
	return x.named("ci").but(func(b *Binding) {
		for _, id := range ids {
			b.Names.Tokens = append(b.Names.Tokens, astro.Token{ID: id})
		}
	})
}

func TestUnresolved(t *testing.T) {
	cases := map[string]struct {
		reason   string
		binding  *bindingBuilder
		state    string
		message  string
		handOver string
	}{
		"One":          {"A name that is one token's is handed over, and nothing is written.", namedBy(binding("a"), "t7"), "unchanged", "", "t7"},
		"None":         {"A name that is no token's is told.", namedBy(binding("a")), "False/TokenNotFound", `Organization token "ci"`, ""},
		"Two":          {"One of two is told, with their ids.", namedBy(binding("a"), "t8", "t7"), "False/TokenAmbiguous", "t7, t8", ""},
		"Many":         {"The first few of them.", namedBy(binding("a"), "1", "2", "3", "4", "5", "6", "7"), "False/TokenAmbiguous", "5 and 2 more", ""},
		"Unreadable":   {"A listing that failed says nothing of the name.", namedBy(binding("a")).but(func(b *Binding) { b.Names.Err = errLost }), "Unknown/Unreachable", "look up", ""},
		"NoConnection": {"Without a connection nobody can look.", namedBy(binding("a"), "t7").through("acme", func(c *Connection) { c.Object = nil }), "False/ConnectionNotFound", "", ""},
		"Forbidden": {
			"The rules come first, so that the answer does not tell which tokens there are.", namedBy(binding("a"), "t7", "t8").through("acme", onlyRole(owner)), "False/RoleNotAllowed", "", "",
		},
		"ForbiddenNone": {"It is the same where there is none.", namedBy(binding("a")).through("acme", onlyRole(owner)), "False/RoleNotAllowed", "", ""},
		"Suspended":     {"One that is suspended says so.", namedBy(binding("a")).suspended(), "False/Suspended", "", ""},
		"Deleting":      {"One that holds nothing is let go, whatever its name is.", namedBy(binding("a"), "t7").seen().finalized().deleting(), "unchanged, released", "", ""},
		"DeletingJournaled": {
			"One that the journal says was given a role is let go under the key of its token only, once the role is gone.",
			namedBy(binding("a"), "t7").seen().recovered(onDay(1)).deleting(), "unchanged", "", token1,
		},
		"ObservesJournaled": {
			"One that comes to observe before its status tells of the role is told nothing here.",
			namedBy(binding("a"), "t7").seen().observing().recovered(onDay(1)), "unchanged", "", token1,
		},
		"DeletingNew":   {"One that nobody ever looked at may have been given the role of the token that it names.", namedBy(binding("a"), "t7").finalized().deleting(), "unchanged", "", "t7"},
		"DeletingNone":  {"Where it names no token there is none to hold the role.", namedBy(binding("a")).finalized().deleting(), "unchanged, released", "", ""},
		"DeletingLater": {"It waits until its connection was looked at, and says nothing.", namedBy(binding("a")).finalized().deleting().through("acme", func(c *Connection) { c.Host = "" }), "unchanged", "", ""},
		"DeletingAlone": {"Without a connection, too.", namedBy(binding("a")).finalized().deleting().through("acme", func(c *Connection) { c.Object = nil }), "unchanged, released", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := &driver{t: t, statements: map[types.UID]Statement{}}
			p, handOver := BeginUnresolved(nobody(c.binding))
			w.finish(p)
			differ(t, c.reason, "effects", is{"Report"}, w.effects)
			differ(t, c.reason, "state", c.state, w.state("a"))
			differ(t, c.reason, "handed over to", c.handOver, handOver[0])
			if c.binding.b.Journaled && w.progress.Wake < orphanAgain { // else one whose status is refused would be read from Astro every few seconds
				t.Errorf("%s\nit is looked at again after %s", c.reason, w.progress.Wake)
			}
			if !strings.Contains(w.message("a"), c.message) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.message, w.message("a"))
			}
			if st := w.statements["uid-a"].Status; st.Claim != nil || st.Role != "" || st.Token.ID != "" {
				t.Errorf("%s\na binding without a token holds something: %+v", c.reason, st)
			}
		})
	}
}

func TestUnresolvedTellsEachItsOwn(t *testing.T) {
	p, handOver := BeginUnresolved(nobody(namedBy(binding("a"), "t7"), namedBy(binding("b")), namedBy(binding("c"), "t9"),
		namedBy(binding("d")).but(func(b *Binding) { b.Names.Err = errLost })))
	differ(t, "Each is handed over to its own token.", "handed over", map[int]string{0: "t7", 2: "t9"}, handOver)
	differ(t, "A failed lookup is tried again.", "errors", 1, len(p.Errs))
}

func TestNeedsNames(t *testing.T) {
	cases := map[string]struct {
		reason string
		parts  []part
		want   bool
	}{
		"Gone":     {"Who has the name now is looked up.", of(binding("a").named("ci").claimed(1), presence(Gone)), true},
		"There":    {"Not while the token is there.", of(binding("a").named("ci").claimed(1)), false},
		"ByID":     {"Not for a token by id.", of(binding("a").claimed(1), presence(Gone)), false},
		"Deleting": {"Not for a binding that goes.", of(binding("a").named("ci").claimed(1).deleting(), presence(Gone)), false},
		"Down":     {"Not where nobody can look.", of(binding("a").named("ci").claimed(1).through("acme", func(c *Connection) { c.Ready = false }), presence(Gone)), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			differ(t, c.reason, "needs names", c.want, s.NeedsNames(&s.Bindings[0]))
		})
	}
}
