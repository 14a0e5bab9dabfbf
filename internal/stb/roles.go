package stb

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

func newRoles(s *session) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "roles TOKEN",
		Short: "Show every role of one token, and the binding that declares it",
		Long: `Show every role of one token, by its id or name, and the binding that declares it: on Workspaces and Deployments, where it
was made, and on what no binding can name, such as DAGs.`,
		Example: `  kubectl stb roles "CI deployer"`,
		Args:    oneArgument("say which token: kubectl stb roles NAME or ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := s.look(cmd.Context())
			if err != nil {
				return err
			}
			t, err := oneToken(v.organization, args[0])
			if err != nil {
				return err
			}
			all := slices.DeleteFunc(v.grants, func(g Grant) bool { return g.TokenID != t.ID })
			if output == asJSON || output == asYAML {
				return s.printGrants(output, all)
			}
			return s.printRoles(output == asWide, t, all)
		},
	}
	addOutput(cmd, &output, asWide, asJSON, asYAML)
	return cmd
}

// oneToken is the one token that the word means, by its id or name.
func oneToken(o organization, word string) (*astro.Token, error) {
	var ids []string
	var found *astro.Token
	for i := range o.tokens {
		t := &o.tokens[i]
		if t.ID == word {
			return t, nil
		}
		if t.Name == word {
			found, ids = t, append(ids, t.ID)
		}
	}
	switch len(ids) {
	case 1:
		return found, nil
	case 0:
		return nil, fmt.Errorf("no token in Astro has the id or name %q", word)
	default:
		return nil, fmt.Errorf("%d tokens have the name %q; give an id: %s", len(ids), word, resolve.Listed(ids))
	}
}

// printRoles prints the roles of the token.
func (s *session) printRoles(wide bool, t *astro.Token, all []Grant) error {
	rows := make([][]string, 0, len(all))
	for i := range all {
		g := &all[i]
		rows = append(rows, []string{g.targetWords(), printable(g.Role), g.declaredWords(), orNone(g.remark()), orNone(g.Workspace), printable(g.TargetID)})
	}
	switch {
	case len(all) == 0 && !t.RolesKnown:
		fmt.Fprintln(s.ErrOut, "Which roles the token holds is not known: Astro lists it without them.")
		return nil
	case len(all) == 0:
		fmt.Fprintln(s.ErrOut, "The token holds no role.")
		return nil
	}
	expires := cmp.Or(timeCell(t.EndAt), "never")
	fmt.Fprintf(s.Out, "Token:    %s (%s)\nScope:    %s\nExpires:  %s\n\n", printable(t.Name), printable(t.ID), printable(all[0].Scope), expires)
	return printTable(s.Out, wide, []column{
		{name: "Target"}, {name: "Role"}, {name: "Declared By"}, {name: "Remark"}, {name: "Workspace", wide: true}, {name: "Target ID", wide: true},
	}, rows)
}

// remark is why no binding declares the role, where none could.
func (g *Grant) remark() string {
	switch {
	case g.OwnScope:
		return "where it was made: no binding declares it"
	case !g.isAssignment():
		return "no binding can name a " + printable(g.TargetKind)
	default:
		return ""
	}
}
