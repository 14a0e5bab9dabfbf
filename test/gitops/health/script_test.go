package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const group = "astro.scopedtoken.dev"

var kinds = []string{"AstroConnection", "ClusterAstroConnection", "ScopedTokenBinding", "TargetInventory"}

// made are the files with the script in them: what comes before it, and how far it is indented below its key.
var made = map[string]struct {
	header, indent string
}{
	"argocd-cm.yaml": {
		"# Made from health.lua by `make gitops UPDATE=1`: a patch for the ConfigMap of Argo CD, the same script for every kind.\n" +
			"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  namespace: argocd\ndata:\n", "  ",
	},
	"values.yaml": {
		"# Made from health.lua by `make gitops UPDATE=1`: values for Argo CD's own Helm chart, the same script for every kind.\n" +
			"configs:\n  cm:\n", "    ",
	},
}

// TestScriptIsInEveryFile checks that what users install is the script, and makes it so if UPDATE is set.
func TestScriptIsInEveryFile(t *testing.T) {
	script := read(t, "health.lua")
	for name, file := range made {
		var all strings.Builder
		all.WriteString(file.header)
		for _, kind := range kinds {
			fmt.Fprintf(&all, "%s%s: |\n%s", file.indent, healthKey(kind), indented(script, file.indent+"  "))
		}
		want := all.String()
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(in(name), []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if read(t, name) != want {
			t.Errorf("config/argocd/%s does not have the script of health.lua: run `make gitops UPDATE=1`", name)
		}
	}
}

// installed are the scripts as Argo CD reads them from its ConfigMap, by kind.
func installed(t *testing.T) map[string]string {
	t.Helper()
	var patch struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(read(t, "argocd-cm.yaml")), &patch); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, kind := range kinds {
		all[kind] = patch.Data[healthKey(kind)]
	}
	return all
}

func healthKey(kind string) string { return "resource.customizations.health." + group + "_" + kind }

func indented(text, by string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			line = by + line
		}
		b.WriteString(line)
	}
	return b.String()
}

func in(name string) string { return filepath.Join(root, "config", "argocd", name) }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(in(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
