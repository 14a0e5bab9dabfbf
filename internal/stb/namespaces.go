package stb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// namespaces say in which namespace the bindings to a Workspace and its Deployments are made.
type namespaces struct {
	pairs []string
	file  string
}

func (n *namespaces) addFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&n.pairs, "namespace-for", nil,
		"WORKSPACE=NAMESPACE, any number of times: where the bindings to this Workspace and its Deployments go, by its id or name; "+
			"those to others go to the namespace of -n")
	flags.StringVar(&n.file, "namespaces-file", "", "a YAML file with a line WORKSPACE: NAMESPACE for each --namespace-for")
}

// read is the namespace of each Workspace, by its id.
func (n *namespaces) read(o organization) (map[string]string, error) {
	words, err := n.words()
	if err != nil {
		return nil, err
	}
	byID := map[string]string{}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		namespace := words[word]
		if err := possible(namespace); err != nil {
			return nil, err
		}
		ids := workspacesCalled(o, word)
		if len(ids) == 0 {
			return nil, fmt.Errorf("no Workspace in Astro has the id or name %q", word)
		}
		if len(ids) > 1 {
			return nil, fmt.Errorf("%d Workspaces have the name %q; give an id: %s", len(ids), word, strings.Join(ids, ", "))
		}
		if other, twice := byID[ids[0]]; twice && other != namespace {
			return nil, fmt.Errorf("the Workspace %q is to go to namespace %s and to %s", word, other, namespace)
		}
		byID[ids[0]] = namespace
	}
	return byID, nil
}

// possible reports why no namespace can have the name.
func possible(namespace string) error {
	if flaws := validation.IsDNS1123Label(namespace); len(flaws) > 0 {
		return fmt.Errorf("%q is no name of a namespace: %s", namespace, flaws[0])
	}
	return nil
}

// words are the namespaces as they were given; a flag counts before the file.
func (n *namespaces) words() (map[string]string, error) {
	words := map[string]string{}
	if n.file != "" {
		data, err := os.ReadFile(n.file)
		if err == nil {
			err = yaml.UnmarshalStrict(data, &words)
		}
		if err != nil {
			return nil, fmt.Errorf("read --namespaces-file: %w", err)
		}
	}
	for _, pair := range n.pairs {
		at := strings.LastIndex(pair, "=") // a Workspace may have one in its name, a namespace has none
		if at < 1 || at == len(pair)-1 {
			return nil, fmt.Errorf("--namespace-for is %q; write WORKSPACE=NAMESPACE", pair)
		}
		words[pair[:at]] = pair[at+1:]
	}
	return words, nil
}

func workspacesCalled(o organization, word string) (ids []string) {
	for _, t := range o.targets {
		if t.Kind == astro.EntityWorkspace && (named{t.ID, t.Name}).is(word) {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// namespaceOf is where the binding for the grant is made.
func (v *view) namespaceOf(g *Grant, byWorkspace map[string]string) string {
	return cmp.Or(byWorkspace[g.WorkspaceID], v.cluster.namespace)
}

// readNamespaces adds the bindings of the namespaces to which the grants go, where not those of all are known: to print a
// binding over one that is enforced would release what that holds.
func (v *view) readNamespaces(ctx context.Context, to []Grant, byWorkspace map[string]string) error {
	if !v.partial {
		return nil
	}
	known := map[string]bool{v.cluster.namespace: true}
	for i := range to {
		namespace := v.namespaceOf(&to[i], byWorkspace)
		if known[namespace] {
			continue
		}
		known[namespace] = true
		var list v1alpha1.ScopedTokenBindingList
		err := v.cluster.List(ctx, &list, client.InNamespace(namespace))
		if apierrors.IsForbidden(err) {
			return fmt.Errorf("you may not list the bindings of namespace %s, so what is enforced there is not known", namespace)
		}
		if err != nil {
			return fmt.Errorf("list bindings of namespace %s: %w", namespace, err)
		}
		v.bindings = append(v.bindings, list.Items...)
	}
	v.grants = grants(v.organization, declarations(v.bindings, v.organization))
	return nil
}

// checkReach refuses a namespace from which the connection cannot be referred to.
func checkReach(c v1alpha1.Connection, byWorkspace map[string]string, namespace string) error {
	if c.ConnectionKind() == v1alpha1.KindClusterAstroConnection {
		return nil
	}
	for _, other := range append(slices.Sorted(maps.Values(byWorkspace)), namespace) {
		if other != c.GetNamespace() {
			return fmt.Errorf("the AstroConnection %s serves the bindings of its own namespace %s, not of %s; use a ClusterAstroConnection",
				c.GetName(), c.GetNamespace(), other)
		}
	}
	return nil
}
