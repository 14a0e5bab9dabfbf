package stb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// exportOptions are the flags of export.
type exportOptions struct {
	selection
	namespaces

	mode, deletionPolicy string
	declared             bool
	folder, output       string
}

func newExport(s *session) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print bindings for the roles that tokens hold and no binding declares",
		Long: `Print a binding, in mode Observe, for each role that a token holds on a Workspace or Deployment and that no binding
holds or is to enforce. Apply what it prints, see that every binding is InSync, then set mode: Enforce: Astro is not written on
the way.

Names are TOKEN-on-TARGET, the same at each run, whatever is exported with them. What no binding can declare is left out, and
told on standard error.`,
		Example: `  # All of the Organization
  kubectl stb export > bindings.yaml

  # The Workspaces data and science to namespaces of their own, a file for each
  kubectl stb export --namespace-for data=data-platform --namespace-for science=research --dir bindings`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := s.look(cmd.Context())
			if err != nil {
				return err
			}
			return s.export(cmd, v, o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *exportOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.selection.addFlags(flags)
	must(flags.MarkHidden("undeclared")) // that is what export is for; see --declared
	o.namespaces.addFlags(flags)
	flags.StringVar(&o.mode, "mode", string(v1alpha1.ModeObserve), "spec.mode of the bindings: Observe or Enforce")
	flags.StringVar(&o.deletionPolicy, "deletion-policy", "", "spec.deletionPolicy of the bindings: Revoke or Retain; not given: as the connection says")
	flags.BoolVar(&o.declared, "declared", false, "print bindings for what a binding holds, too: to apply these may release what is held")
	flags.StringVar(&o.folder, "dir", "", "a folder for a file NAMESPACE.yaml for each namespace, in place of standard output")
	addOutput(cmd, &o.output, asYAML, asJSON)
}

// check refuses values that the API server would refuse.
func (o *exportOptions) check() error {
	switch {
	case o.mode != string(v1alpha1.ModeObserve) && o.mode != string(v1alpha1.ModeEnforce):
		return fmt.Errorf("--mode is %q; it may be Observe or Enforce", o.mode)
	case o.deletionPolicy != "" && o.deletionPolicy != string(v1alpha1.DeletionRevoke) && o.deletionPolicy != string(v1alpha1.DeletionRetain):
		return fmt.Errorf("--deletion-policy is %q; it may be Revoke or Retain", o.deletionPolicy)
	case o.folder != "" && o.output == asJSON:
		return errors.New("--dir writes YAML; leave -o out")
	}
	return nil
}

func (s *session) export(cmd *cobra.Command, v view, o exportOptions) error {
	if err := cmp.Or(o.check(), o.selection.check(v.organization)); err != nil {
		return err
	}
	byWorkspace, err := o.read(v.organization)
	if err != nil {
		return err
	}
	if err := possible(v.cluster.namespace); err != nil {
		return err
	}
	if err := checkReach(v.connection, byWorkspace, v.cluster.namespace); err != nil {
		return err
	}
	if err := v.readNamespaces(cmd.Context(), assignments(o.from(v.grants)), byWorkspace); err != nil {
		return err
	}
	made := v.bindingsFor(o, byWorkspace, s.clock())
	s.tellLeftOut(made)
	if err := s.write(made.bindings, o); err != nil {
		return err
	}
	s.tellRules(cmd.Context(), v, made)
	return nil
}

// write prints the bindings, or writes a file for each namespace.
func (s *session) write(all []*v1alpha1.ScopedTokenBinding, o exportOptions) error {
	if o.folder == "" {
		if len(all) == 0 {
			return nil
		}
		return printBindings(s.Out, all, o.output)
	}
	byNamespace := map[string][]*v1alpha1.ScopedTokenBinding{}
	for _, b := range all {
		byNamespace[b.Namespace] = append(byNamespace[b.Namespace], b)
	}
	if err := checkFolder(o.folder, byNamespace); err != nil {
		return err
	}
	if err := os.MkdirAll(o.folder, 0o750); err != nil {
		return err
	}
	for _, namespace := range slices.Sorted(maps.Keys(byNamespace)) {
		var text bytes.Buffer
		if err := printBindings(&text, byNamespace[namespace], asYAML); err != nil {
			return err
		}
		path := filepath.Join(o.folder, namespace+".yaml")
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			return err
		}
		fmt.Fprintf(s.ErrOut, "Wrote %s\n", path)
	}
	return nil
}

// checkFolder refuses a folder with a file that would be applied with those that are written, such as one of an earlier run.
func checkFolder(folder string, byNamespace map[string][]*v1alpha1.ScopedTokenBinding) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		namespace, is := strings.CutSuffix(entry.Name(), ".yaml")
		if is && byNamespace[namespace] == nil {
			return fmt.Errorf("%s is there, which this export does not write; remove it or choose an empty folder", filepath.Join(folder, entry.Name()))
		}
	}
	return nil
}

// enforcer is a binding that is to enforce a role, whether it holds it yet or not.
type enforcer struct {
	name    string // with its namespace
	refused bool   // by the rules
}

// enforcers are those of each place.
func enforcers(bindings []v1alpha1.ScopedTokenBinding) map[place][]enforcer {
	all := map[place][]enforcer{}
	for i := range bindings {
		if b := &bindings[i]; b.Spec.Mode != v1alpha1.ModeObserve && !isOver(b) {
			at := standsFor(b)
			all[at] = append(all[at], enforcer{b.Namespace + "/" + b.Name, isRefused(b)})
		}
	}
	return all
}

// inTheWay are the bindings that keep one of the name from being exported: to look at what another is to enforce is none of an
// export's business. One that the rules refuse keeps nobody away, as whoever may make it could hide a role with it; but it is not
// written over.
func inTheWay(of []enforcer, name string) (names []string) {
	for _, e := range of {
		if !e.refused || e.name == name {
			names = append(names, e.name)
		}
	}
	return names
}

// fixed is what cannot be changed of a binding: the API server refuses another place and another connection.
type fixed struct {
	place

	through ref.Key
}

// taken are the names that bindings have, and what they stand for.
func taken(bindings []v1alpha1.ScopedTokenBinding) map[string]fixed {
	all := make(map[string]fixed, len(bindings))
	for i := range bindings {
		b := &bindings[i]
		all[b.Namespace+"/"+b.Name] = fixed{standsFor(b), ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)}
	}
	return all
}
