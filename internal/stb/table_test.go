package stb

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "CI deployer": "CI deployer", "#1: a::b": "#1: a::b", `a "b"`: `a "b"`, "two\nlines": `"two\nlines"`, "\x1b[8m": `"\x1b[8m"`, " a": `" a"`,
		"\u202ea": `"\u202ea"`, "\xff": `"\xff"`, "data\u3164": `"data\u3164"`, "\u2764\ufe0f CI": "\u2764\ufe0f CI", "::add-mask::grant": `"::add-mask::grant"`, "a ##[add-mask]grant": `"a #\x23[add-mask]grant"`,
		"##teamcity[publishArtifacts]": `"#\x23teamcity[publishArtifacts]"`,
		"a\n##vso[task.complete]":      `"a\n#\x23vso[task.complete]"`,
	} {
		got := printable(text)
		if got != want {
			t.Errorf("%q: want %s, got %s", text, want, got)
		}
		if again := printable(got); again != got {
			t.Errorf("%q: what is printable is changed to %s", got, again)
		}
	}
}

// odd is what may come from outside at worst: it hides what is before and behind it, forges a line, and gives GitHub a command.
const odd = "y\x1b[1A\x1b[2K\n::add-mask::grant\nNothing changes: 12 bindings are as declared.\n\x1b[8m\u202e##[add-mask]x"

// TestOddTextEverywhere prints what there is to print with odd text in every field.
func TestOddTextEverywhere(t *testing.T) {
	expired := today.Add(time.Hour)
	token := &astro.Token{ID: odd, Name: odd}
	g := Grant{
		TokenID: odd, Token: odd, Description: odd, Scope: odd, Kind: odd, CreatedAt: &today, CreatedBy: odd, ExpiresAt: &expired, TargetKind: odd,
		TargetID: odd, Target: odd, WorkspaceID: odd, Workspace: odd, Role: odd, DeclaredBy: odd, token: token,
	}
	watched, nameless := g, g
	watched.DeclaredBy, watched.ObservedBy, watched.TargetKind, nameless.Target, nameless.Workspace = "", odd, "Deployment", "", ""
	all := []Grant{g, watched, nameless}
	item := plan.Item{
		Operation: plan.Create, Action: plan.Blocked, Namespace: odd, Name: odd, Connection: odd, Source: odd, From: odd, To: odd + odd,
		Token: audit.Named{ID: odd, Name: odd}, Target: audit.Target{Kind: odd, ID: odd, Name: odd},
		Then: &plan.Ready{Status: metav1.ConditionFalse, Reason: odd, Message: odd},
	}
	e := explanation{
		Binding: odd, Declares: odd, Mode: odd, Astro: odd, Connection: odd, Rule: odd, Claim: odd, Order: []string{odd, odd}, Next: odd, Runbook: odd,
		Conditions: []metav1.Condition{{Type: odd, Status: odd, Reason: odd, Message: odd}},
	}
	p := &planned{Bindings: []plan.Item{item}, Connections: []connectionItem{{Connection: odd, Source: odd}}}
	bindings := []*v1alpha1.ScopedTokenBinding{g.binding("team", "a", v1alpha1.ConnectionReference{Name: odd}, exportOptions{})}
	prints := map[string]func(s *session) error{
		"list":             func(s *session) error { return s.printGrants(asWide, all) },
		"json":             func(s *session) error { return s.printGrants(asJSON, all) },
		"yaml":             func(s *session) error { return s.printGrants(asYAML, all) },
		"roles":            func(s *session) error { return s.printRoles(true, token, all) },
		"matrix":           func(s *session) error { return s.printMatrix(all) },
		"page":             func(s *session) error { return writePage(s.Out, odd, all, today) },
		"explain":          func(s *session) error { return s.printExplanation(e) },
		"explain in YAML":  func(s *session) error { return printData(s.Out, asYAML, e) },
		"plan":             func(s *session) error { return s.printPlan(asWide, p) },
		"plan in YAML":     func(s *session) error { return s.printPlan(asYAML, p) },
		"bindings in JSON": func(s *session) error { return printBindings(s.Out, bindings, asJSON) },
		"bindings in YAML": func(s *session) error { return printBindings(s.Out, bindings, asYAML) },
		"export": func(s *session) error {
			v := view{grants: all, connection: &v1alpha1.AstroConnection{}}
			s.tellLeftOut(v.bindingsFor(exportOptions{declared: true}, nil, today))
			return nil
		},
		"unread": func(s *session) error {
			_, err := s.Out.Write([]byte(strings.Join(unread(organization{tokens: []astro.Token{*token}}), ", ")))
			return err
		},
	}
	for name, show := range prints {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &session{IOStreams: genericiooptions.IOStreams{Out: &out, ErrOut: &out}, clock: func() time.Time { return today }}
			if err := show(s); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "[1A") {
				t.Errorf("nothing odd is printed, which proves nothing:\n%s", out.String())
			}
			for line := range strings.Lines(out.String()) {
				line = strings.TrimSuffix(line, "\n")
				raw := strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' })
				if raw || strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##[") || strings.HasPrefix(line, "Nothing changes") {
					t.Errorf("%q", line)
				}
			}
		})
	}
}

func TestPossibleNamespaces(t *testing.T) {
	for name, want := range map[string]bool{"team": true, "BAD_NS": false, "": false, "a.b": false} {
		if err := possible(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
