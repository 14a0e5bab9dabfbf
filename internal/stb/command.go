package stb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// Run runs the program of this version with these arguments and returns its exit code: 0, 1 for an error, or what the command
// documents.
func Run(ctx context.Context, version string, args []string, streams genericiooptions.IOStreams) int {
	klog.SetOutput(streams.ErrOut)
	return run(ctx, args, &session{IOStreams: streams, version: version, environ: os.LookupEnv, clock: time.Now})
}

func run(ctx context.Context, args []string, s *session) int {
	command := newCommand(s)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if code, only := errors.AsType[exit](err); only {
		return int(code)
	}
	if err != nil {
		fmt.Fprintln(s.ErrOut, "error: "+printable(astro.InFull(err).Error()))
		return 1
	}
	return 0
}

// newCommand is the program. The flags are those of kubectl, but for --token, which is a token of Astro here.
func newCommand(s *session) *cobra.Command {
	s.kubernetes = genericclioptions.NewConfigFlags(true)
	s.kubernetes.BearerToken = nil
	root := &cobra.Command{
		Use:   "kubectl-stb",
		Short: "Show what Astro's API tokens may do, which bindings declare it, and what manifests would change",
		Long: `Show what Astro's API tokens may do and which ScopedTokenBindings declare it, make bindings of what none declares, and say
what manifests would change.

Kubernetes is read with your rights, and Astro with the API token in ASTRO_API_TOKEN or, without that, with the one in
the Secret of the connection, if you may read it. Nothing is written to either.`,
		Version:       s.version,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl stb"},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.DisplayName}} {{.Version}}\n")
	root.InitDefaultVersionFlag() // else cobra takes the flag after it for its value
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.ErrOut)
	flags := root.PersistentFlags()
	s.kubernetes.AddFlags(flags)
	flags.StringVar(&s.connection, "connection", "", "the connection to the Organization, as NAME or KIND/NAME; not needed where there is only one")
	flags.StringVar(&s.operatorNamespace, "operator-namespace", "scopedtoken-system", "where the Secrets of ClusterAstroConnections are")
	flags.StringSliceVar(&s.hosts, "allowed-api-hosts", []string{DefaultHost}, "the hosts, with their port if they have one, to which a credential may be sent")
	must(root.RegisterFlagCompletionFunc("connection", s.completeConnection))
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return noBlankFlag(cmd) }
	root.AddCommand(newList(s), newRoles(s), newExport(s), newPlan(s), newMatrix(s), newExplain(s))
	return root
}

// noBlankFlag refuses a flag that was given with nothing behind it, as a variable that is not set leaves it. Blank means the most or
// the least there: every Workspace, or no deletion. The flags of kubectl mean what they mean to kubectl, and a blank --output is
// what is printed without it.
func noBlankFlag(cmd *cobra.Command) error {
	kubectls := pflag.NewFlagSet("kubectl", pflag.ContinueOnError)
	genericclioptions.NewConfigFlags(true).AddFlags(kubectls)
	var blank error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "output" || kubectls.Lookup(f.Name) != nil && f.Name != "token" || !isBlank(f.Value) {
			return
		}
		blank = cmp.Or(blank, fmt.Errorf("--%s has nothing behind it; give it a value, or leave it out", f.Name))
	})
	return blank
}

func isBlank(v pflag.Value) bool {
	if list, is := v.(pflag.SliceValue); is {
		return len(list.GetSlice()) == 0 || slices.ContainsFunc(list.GetSlice(), func(s string) bool { return strings.TrimSpace(s) == "" })
	}
	return strings.TrimSpace(v.String()) == ""
}

// oneArgument has a command take one argument, and says which.
func oneArgument(which string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return errors.New(which)
		}
		return nil
	}
}
