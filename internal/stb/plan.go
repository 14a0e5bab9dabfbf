package stb

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/scopedtoken/scopedtoken-operator/internal/manifests"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
)

// codeChanges is the exit code of a plan with changes.
const codeChanges = 2

// planOptions are the flags of plan.
type planOptions struct {
	files     []string
	recursive bool

	prune    bool
	selector string
	offline  bool
	output   string
}

func newPlan(s *session) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan -f FILE|FOLDER|-",
		Short: "Say what applying manifests would change in Astro, without applying them",
		Long: `Say what applying manifests would change in Astro and what each binding would then say, without applying them: the
operator's own decisions, made on what is declared in the cluster, on the manifests laid over it, and on what Astro holds.

Bindings, connections with their rules, and the labels of Namespaces are taken from the manifests; other kinds are passed over.
Nothing is written, and no right to write is needed.

The exit code is 0 if nothing would change, 2 if something would, and 1 for an error.`,
		Example: `  # What a pull request changes
  kubectl stb plan -f manifests/

  # The same, where bindings that were taken out of the folder are deleted by whatever applies it
  kubectl stb plan -f manifests/ --prune-selector app.kubernetes.io/instance=grants

  # What kustomize or Helm makes
  kustomize build overlays/prod | kubectl stb plan -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := s.plan(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := s.printPlan(o.output, made); err != nil {
				return err
			}
			if made.changes() {
				return exit(codeChanges)
			}
			return nil
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *planOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "a file or folder of manifests, or - for standard input; may be given several times")
	flags.BoolVarP(&o.recursive, "recursive", "R", false, "read the folders in a folder as well")
	flags.BoolVar(&o.prune, "prune", false, "count bindings as deleted that the cluster has, in a namespace of the manifests, and the manifests have not")
	flags.StringVar(&o.selector, "prune-selector", "", "the same for the bindings with these labels, in every namespace")
	flags.BoolVar(&o.offline, "offline", false, "do not read Kubernetes: only what the manifests say is declared")
	must(cmd.MarkFlagRequired("filename"))
	addOutput(cmd, &o.output, asWide, asJSON, asYAML)
}

// planned is a plan as -o json prints it.
type planned struct {
	Summary     map[string]int   `json:"summary"`
	Changes     []plan.Change    `json:"changes"` // to roles in Astro
	Bindings    []plan.Item      `json:"bindings"`
	Connections []connectionItem `json:"connections,omitempty"`
}

// connectionItem is a connection that the manifests change.
type connectionItem struct {
	Connection string         `json:"connection"` // as Kind/name, or Kind/namespace/name
	Operation  plan.Operation `json:"operation"`
	Source     string         `json:"source"`
}

// changes reports whether applying the manifests changes anything.
func (p *planned) changes() bool {
	for i := range p.Bindings {
		if p.Bindings[i].Changes() {
			return true
		}
	}
	return len(p.Changes) > 0 || len(p.Connections) > 0
}

func (s *session) plan(ctx context.Context, o planOptions) (*planned, error) {
	documents, err := manifests.Read(o.files, o.recursive, s.In)
	if err != nil {
		return nil, err
	}
	now, then, err := s.worlds(ctx, o, documents)
	if err != nil {
		return nil, err
	}
	p := &planned{Summary: map[string]int{}, Connections: then.connectionItems}
	before, after := plan.Run(now), plan.Run(then.World)
	p.Bindings = append([]plan.Item{}, plan.Compare(before, after, then.declared)...)
	p.Changes = append([]plan.Change{}, plan.Concerned(after.Changes, p.Bindings)...)
	for _, action := range plan.Actions() {
		p.Summary[string(action)] = 0
	}
	for i := range p.Bindings {
		p.Summary[string(p.Bindings[i].Action)]++
	}
	return p, nil
}

// worlds are what is declared and held now, and what would be once the manifests are applied.
func (s *session) worlds(ctx context.Context, o planOptions, documents []manifests.Document) (now plan.World, then *overlaid, err error) {
	c := cluster{offline: o.offline, namespace: "default"}
	if !o.offline {
		if c, err = s.cluster(); err != nil {
			return now, nil, err
		}
	} else if *s.kubernetes.Namespace != "" {
		c.namespace = *s.kubernetes.Namespace
	}
	if o.offline && (o.prune || o.selector != "") {
		return now, nil, errors.New("--offline knows nothing that could be pruned")
	}
	set, err := s.declare(documents, c.namespace)
	if err != nil {
		return now, nil, err
	}
	if now, err = s.present(ctx, c, set); err != nil {
		return now, nil, err
	}
	if then, err = overlay(ctx, now, set); err != nil {
		return now, nil, err
	}
	if err := then.deletePruned(o, set); err != nil {
		return now, nil, err
	}
	if now.Organizations, err = s.readOrganizations(ctx, c, &now, then, set); err != nil {
		return now, nil, err
	}
	then.Organizations = now.Organizations
	now.Namespaces, then.Namespaces = s.readLabels(ctx, c, &now, then, set)
	return now, then, nil
}
