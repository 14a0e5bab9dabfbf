package stb

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// soon is how long before it expires a token is marked.
const soon = 30 * 24 * time.Hour

func newMatrix(s *session) *cobra.Command {
	var asked selection
	var file string
	cmd := &cobra.Command{
		Use:   "matrix",
		Short: "Show tokens by targets: who may do what, in the terminal or as a page to open in a browser",
		Long: `Show tokens by targets: a table for each Workspace, with a column for it and one for each of its Deployments, if a listed token
holds a role there. A role that no binding holds is marked with *, and a token that has expired or expires within 30 days with !.

With --html it writes one page that needs nothing else, with a search and filters.`,
		Example: `  kubectl stb matrix --workspace data
  kubectl stb matrix --html roles.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, all, err := s.assigned(cmd.Context(), asked)
			if err != nil {
				return err
			}
			if file == "" {
				return s.printMatrix(all)
			}
			var text bytes.Buffer
			if err := writePage(&text, qualified(v.connection), all, s.clock()); err != nil {
				return err
			}
			if file == "-" {
				_, err = s.Out.Write(text.Bytes())
				return err
			}
			return os.WriteFile(file, text.Bytes(), 0o600)
		},
	}
	asked.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&file, "html", "", "write a page to this file; - for standard output")
	return cmd
}

// printMatrix prints a table for each Workspace.
func (s *session) printMatrix(all []Grant) error {
	if len(all) == 0 {
		fmt.Fprintln(s.ErrOut, "No roles found.")
		return nil
	}
	byWorkspace, namesakes := map[named][]Grant{}, namedTwice(all, workspaceOn)
	for _, g := range all {
		w := workspaceOn(&g)
		byWorkspace[w] = append(byWorkspace[w], g)
	}
	workspaces := slices.SortedFunc(maps.Keys(byWorkspace), func(a, b named) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) })
	for i, w := range workspaces {
		if i > 0 {
			fmt.Fprintln(s.Out)
		}
		title := "Workspace " + w.among(namesakes)
		if w.id == "" {
			title = "Targets that Astro does not show"
		}
		fmt.Fprintln(s.Out, title)
		if err := printRows(s.Out, crossed(byWorkspace[w], s.clock())); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.ErrOut, "* no binding holds the role   ! the token has expired or expires within 30 days")
	return nil
}

// crossed are the grants of one Workspace as a table: a row for each token, a column for each target. The first row says what
// the columns are.
func crossed(all []Grant, now time.Time) (rows [][]string) {
	columns, at := []string{"TOKEN"}, map[string]int{}
	tokens, targets := namedTwice(all, tokenOf), namedTwice(all, targetOf)
	ordered := slices.SortedStableFunc(slices.Values(all), func(a, b Grant) int {
		return cmp.Or(-cmp.Compare(a.TargetKind, b.TargetKind), cmp.Compare(a.Target, b.Target), cmp.Compare(a.TargetID, b.TargetID))
	})
	for i := range ordered {
		g := &ordered[i]
		if at[g.TargetID] == 0 {
			at[g.TargetID] = len(columns)
			columns = append(columns, targetOf(g).among(targets))
		}
	}
	rows = append(rows, columns)
	last := ""
	for i := range all {
		g := &all[i]
		if g.TokenID != last || len(rows) == 1 {
			last = g.TokenID
			rows = append(rows, make([]string, len(columns)))
			rows[len(rows)-1][0] = tokenOf(g).among(tokens) + map[bool]string{true: " !"}[g.expiresWithin(now, soon)]
		}
		cell := &rows[len(rows)-1][at[g.TargetID]]
		if *cell != "" { // Astro may list two roles of one token on one target
			*cell += ", "
		}
		*cell += printable(g.Role) + map[bool]string{true: " *"}[g.DeclaredBy == ""]
	}
	return rows
}
