package stb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// selection is which grants are asked for.
type selection struct {
	target, token, workspace string
	undeclared               bool
}

func (s *selection) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&s.target, "target", "", "only roles on this target: deployment/ID, deployment/NAME, workspace/ID or workspace/NAME")
	flags.StringVar(&s.token, "token", "", "only roles of this token, by its id or name")
	flags.StringVar(&s.workspace, "workspace", "", "only roles on this Workspace and its Deployments, by its id or name")
	flags.BoolVar(&s.undeclared, "undeclared", false, "only roles that no binding holds")
}

// check refuses what can select nothing: a word that nothing in Astro has is a mistake, and no empty answer.
func (s *selection) check(o organization) error {
	kind, name, err := s.parseTarget()
	switch {
	case err != nil:
		return err
	case s.token != "" && !slices.ContainsFunc(tokensOf(o), func(t named) bool { return t.is(s.token) }):
		return fmt.Errorf("no token in Astro has the id or name %q", s.token)
	case s.target != "" && !slices.ContainsFunc(targetsOf(o, kind), func(t named) bool { return t.is(name) }):
		return fmt.Errorf("no %s in Astro has the id or name %q", kind, name)
	case s.workspace != "" && !slices.ContainsFunc(targetsOf(o, "Workspace"), func(t named) bool { return t.is(s.workspace) }):
		return fmt.Errorf("no Workspace in Astro has the id or name %q", s.workspace)
	}
	return nil
}

// parseTarget reads --target.
func (s *selection) parseTarget() (kind, name string, err error) {
	if s.target == "" {
		return "", "", nil
	}
	before, name, _ := strings.Cut(s.target, "/")
	kind, known := map[string]string{"deployment": "Deployment", "workspace": "Workspace"}[strings.ToLower(before)]
	if !known || name == "" {
		return "", "", fmt.Errorf("--target is %q; write deployment/ID, deployment/NAME, workspace/ID or workspace/NAME", s.target)
	}
	return kind, name, nil
}

// from are those of the grants that are asked for.
func (s *selection) from(all []Grant) []Grant {
	kind, name, _ := s.parseTarget()
	var some []Grant
	for _, g := range all {
		token, target, workspace := named{g.TokenID, g.Token}, named{g.TargetID, g.Target}, named{g.WorkspaceID, g.Workspace}
		if (s.token == "" || token.is(s.token)) && (s.workspace == "" || workspace.is(s.workspace)) &&
			(s.target == "" || g.TargetKind == kind && target.is(name)) && (!s.undeclared || g.DeclaredBy == "") {
			some = append(some, g)
		}
	}
	return some
}

// assignments are those of the grants that bindings are about.
func assignments(all []Grant) []Grant {
	return slices.DeleteFunc(slices.Clone(all), func(g Grant) bool { return !g.isAssignment() })
}

// named is what can be asked for by id or by name.
type named struct{ id, name string }

func (n named) is(word string) bool { return word == n.id || word == n.name }

// among is what it is called among others: its name, with the id behind it if another has the same name.
func (n named) among(twice map[string]bool) string {
	switch {
	case n.name == "":
		return printable(n.id)
	case twice[n.name]:
		return printable(n.name) + " (" + printable(n.id) + ")"
	default:
		return printable(n.name)
	}
}

// namedTwice are the names that several of what the grants speak of have, as which gives.
func namedTwice(all []Grant, which func(*Grant) named) map[string]bool {
	first, twice := map[string]string{}, map[string]bool{}
	for i := range all {
		n := which(&all[i])
		if id, known := first[n.name]; known && id != n.id {
			twice[n.name] = true
		}
		first[n.name] = n.id
	}
	return twice
}

func tokenOf(g *Grant) named     { return named{g.TokenID, g.Token} }
func targetOf(g *Grant) named    { return named{g.TargetID, g.targetWords()} }
func workspaceOn(g *Grant) named { return named{g.WorkspaceID, g.Workspace} }

func tokensOf(o organization) (all []named) {
	for _, t := range o.tokens {
		all = append(all, named{t.ID, t.Name})
	}
	return all
}

func targetsOf(o organization, kind string) (all []named) {
	for _, t := range o.targets {
		if targetKinds[t.Kind] == kind {
			all = append(all, named{t.ID, t.Name})
		}
	}
	return all
}
