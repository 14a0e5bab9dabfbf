package stb

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
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
		if flaws := validation.IsDNS1123Label(namespace); len(flaws) > 0 {
			return nil, fmt.Errorf("%q is no name of a namespace: %s", namespace, flaws[0])
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
