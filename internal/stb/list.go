package stb

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// view is what the commands work on: an Organization, the bindings, and who may do what.
type view struct {
	cluster      cluster
	connection   v1alpha1.Connection
	connections  []v1alpha1.Connection // all that can be seen
	self         string                // the API token that Astro is read with
	bindings     []v1alpha1.ScopedTokenBinding
	partial      bool // the bindings are not those of all namespaces
	organization organization
	grants       []Grant
}

// look reads all that a command needs.
func (s *session) look(ctx context.Context) (view, error) {
	c, err := s.cluster()
	if err != nil {
		return view{}, err
	}
	v := view{cluster: c}
	if v.connection, v.connections, err = s.findConnection(ctx, c); err != nil {
		return view{}, err
	}
	p := newProgress(s.ErrOut)
	defer p.stop()
	reader, self, err := s.reach(ctx, c, v.connection, p)
	if err != nil {
		return view{}, err
	}
	v.self = self
	bindings, partial, err := c.bindings(ctx)
	if err != nil {
		return view{}, err
	}
	s.tellPartial(c, partial)
	v.bindings, v.partial = bindings, partial
	if v.organization, err = readOrganization(ctx, reader, v.connection.ConnectionSpec()); err != nil {
		return view{}, err
	}
	if names := unread(v.organization); len(names) > 0 {
		fmt.Fprintf(s.ErrOut, "Astro lists %d tokens without their roles, of which nothing can be said: %s\n", len(names), strings.Join(names, ", "))
	}
	v.grants = grants(v.organization, declarations(bindings, v.organization))
	return v, nil
}

func newList(s *session) *cobra.Command {
	var asked selection
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List which token holds which role on which Workspace or Deployment, and the binding that declares it",
		Long: `List which token holds which role on which Workspace or Deployment, and the binding that declares it: what the
twelve list commands of the Astro CLI show together. The role that a token has where it was made is not listed; see roles.`,
		Example: `  # Who may do what on a Deployment
  kubectl stb list --target deployment/prod-etl

  # What no binding declares, in all of the Organization
  kubectl stb list --undeclared`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, all, err := s.assigned(cmd.Context(), asked)
			if err != nil {
				return err
			}
			return s.printGrants(output, all)
		},
	}
	asked.addFlags(cmd.Flags())
	addOutput(cmd, &output, asWide, asJSON, asYAML)
	return cmd
}

// assigned looks at the Organization, and returns the roles on Workspaces and Deployments that were asked for.
func (s *session) assigned(ctx context.Context, asked selection) (view, []Grant, error) {
	v, err := s.look(ctx)
	if err == nil {
		err = asked.check(v.organization)
	}
	if err != nil {
		return v, nil, err
	}
	return v, asked.from(assignments(v.grants)), nil
}

// printGrants prints a list in the format that was asked for.
func (s *session) printGrants(format string, all []Grant) error {
	if format == asJSON || format == asYAML {
		return printData(s.Out, format, map[string][]Grant{"items": append([]Grant{}, all...)})
	}
	if len(all) == 0 {
		fmt.Fprintln(s.ErrOut, "No roles found.")
		return nil
	}
	rows := make([][]string, 0, len(all))
	for i := range all {
		rows = append(rows, all[i].row())
	}
	return printTable(s.Out, format == asWide, grantColumns, rows)
}

// grantColumns are those of the Astro CLI's lists, and what they do not know.
var grantColumns = []column{
	{name: "Token ID"}, {name: "Token"}, {name: "Scope"}, {name: "Target"}, {name: "Role"}, {name: "Declared By"},
	{name: "Workspace", wide: true}, {name: "Target ID", wide: true}, {name: "Description", wide: true},
	{name: "Created", wide: true}, {name: "Created By", wide: true}, {name: "Expires", wide: true},
}

func (g *Grant) row() []string {
	return []string{
		printable(g.TokenID), printable(g.Token), printable(g.Scope), g.targetWords(), printable(g.Role), g.declaredWords(),
		orNone(g.Workspace), printable(g.TargetID), orNone(g.Description),
		orNone(timeCell(g.CreatedAt)), orNone(g.CreatedBy), orNone(timeCell(g.ExpiresAt)),
	}
}

// targetWords is the target as --target takes it, with its id where Astro shows no name.
func (g *Grant) targetWords() string {
	if g.Target == "" {
		return printable(g.TargetKind + "/" + g.TargetID)
	}
	return printable(g.TargetKind + "/" + g.Target)
}

func (g *Grant) declaredWords() string {
	switch {
	case g.DeclaredBy != "":
		return printable(g.DeclaredBy)
	case g.ObservedBy != "":
		return printable(g.ObservedBy) + " (Observe)"
	default:
		return "<none>"
	}
}
