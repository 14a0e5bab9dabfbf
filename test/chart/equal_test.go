package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEqualsKustomize: whoever installs with Helm has what whoever installs with kustomize has, to the last field.
func TestEqualsKustomize(t *testing.T) {
	cases := map[string]struct {
		reason, folder string
		flags          []string
	}{
		"Default":    {"The usual installation.", "config/default", nil},
		"Namespaced": {"Confined to a namespace.", "config/namespaced", []string{"--set", "watchNamespaces={data-platform}"}},
		"Extras": {
			"With what is commented out in config/default.", uncommented(t),
			[]string{"--set", "metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true,networkPolicy.enabled=true"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// The chart leaves the namespace to Helm and its --create-namespace.
			want, got := neutral(without(kustomize(t, tc.folder), "Namespace")), neutral(render(t, tc.flags...))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-kustomize +chart)\n%s", tc.reason, diff)
			}
		})
	}
}

// TestLabelOfOperator: by its label the operator is taken away as docs/uninstall.md has it, whole and without its kinds.
func TestLabelOfOperator(t *testing.T) {
	for _, folder := range []string{"config/default", "config/namespaced", "config/tenant", "config/policies/optional", uncommented(t)} {
		for _, o := range kustomize(t, folder) {
			labelled := o.GetLabels()["app.kubernetes.io/name"] == "scopedtoken-operator"
			if isKind := o.GetKind() == "CustomResourceDefinition"; labelled == isKind {
				t.Errorf("%s: is %s labelled as a part of the operator? want %v, got %v", folder, name(o), !isKind, labelled)
			}
		}
	}
}

// uncommented is config/default in a copy of config, with every resource that is commented out.
func uncommented(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(env.Root, "config"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "default", "kustomization.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(content), "# - ", "- ")), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(file)
}
