package docs

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// hostile are names that somebody may give a token in Astro to have more come out of a template than its author meant.
var hostile = map[string]string{
	"Plain":     "CI deployer",
	"Object":    "x\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: injected}",
	"Field":     "x\n  role: WORKSPACE_OWNER\nspec:",
	"Return":    "x\r\n---\r\nkind: ConfigMap",
	"Separator": "x\u2028---\u2029kind: ConfigMap\u0085kind: ConfigMap",
	"Quote":     `x", role: "WORKSPACE_OWNER`,
	"Escape":    `x\`,
	"Anchor":    "*x &y !!binary {{ .x }} %q $(reboot) `reboot`",
	"Terminal":  "x\x1b[2J\ttab",
	"Comment":   "x # y",
}

// hostileInventory is one with the name in every place that Astro fills.
func hostileInventory(t *testing.T, name string) any {
	t.Helper()
	content, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"name": "prod-etl", "namespace": "data-platform"},
		"spec":     map[string]any{"connectionRef": map[string]any{"kind": "ClusterAstroConnection", "name": "acme"}},
		"status": map[string]any{
			"target": map[string]any{"kind": "Deployment", "id": "clp2rf9tb000308l7g5hd3e6m", "name": name},
			"tokens": []any{
				map[string]any{"id": "clp3vk4jy000508l9a8nw7u2c", "name": name, "description": name, "createdBy": name, "scope": "Organization", "role": name},
				map[string]any{"id": name, "name": "b", "scope": "Workspace", "role": "DEPLOYMENT_ADMIN"},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var inventory any
	if err := json.Unmarshal(content, &inventory); err != nil {
		t.Fatal(err)
	}
	return inventory
}

// fill is what kubectl prints with the template.
func fill(t *testing.T, text string, data any) string {
	t.Helper()
	var out strings.Builder
	if err := template.Must(template.New("").Parse(text)).Execute(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestBindingsTemplate: whatever a token is called, the template that takes over what the CLI made writes one binding for
// each, of what the inventory says.
func TestBindingsTemplate(t *testing.T) {
	var text string
	for _, s := range read(t, filepath.Join("docs", "how-to", "adopt.md")).steps() {
		if s.file == "bindings.tmpl" {
			text = s.apply
		}
	}
	if text == "" {
		t.Fatal("docs/how-to/adopt.md has no bindings.tmpl")
	}
	for name, value := range hostile {
		t.Run(name, func(t *testing.T) {
			out := fill(t, text, hostileInventory(t, value))
			bindings := bindingsIn(t, out)
			if len(bindings) != 2 {
				t.Fatalf("want two bindings, got %d in:\n%s", len(bindings), out)
			}
			if b := bindings[0]; b.Spec.Role != value || b.Spec.Token.ID != "clp3vk4jy000508l9a8nw7u2c" || b.Spec.Mode != v1alpha1.ModeObserve {
				t.Errorf("want the role %q, got %+v", value, b.Spec)
			}
			if b := bindings[1]; string(b.Spec.Token.ID) != value || b.Spec.Role != "DEPLOYMENT_ADMIN" {
				t.Errorf("want the id %q, got %+v", value, b.Spec)
			}
		})
	}
}

// bindingsIn are the documents of a file, each of which has to be a binding and nothing else.
func bindingsIn(t *testing.T, text string) (all []v1alpha1.ScopedTokenBinding) {
	t.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(document)) == "" {
			continue
		}
		var b v1alpha1.ScopedTokenBinding
		if err := yaml.UnmarshalStrict(document, &b); err != nil || b.Kind != "ScopedTokenBinding" {
			t.Fatalf("%v in:\n%s", err, document)
		}
		all = append(all, b)
	}
}

// TestPrintedLists: the commands that print an inventory print one line for each token.
func TestPrintedLists(t *testing.T) {
	text := read(t, filepath.Join("docs", "targetinventory.md")).text
	templates := regexp.MustCompile(`go-template='([^']+)'`).FindAllStringSubmatch(text, -1)
	if len(templates) < 2 || strings.Contains(text, "jsonpath='{range .status.tokens") {
		t.Fatalf("docs/targetinventory.md has %d commands that quote what they print", len(templates))
	}
	for name, value := range hostile {
		t.Run(name, func(t *testing.T) {
			for _, found := range templates {
				out := fill(t, found[1], hostileInventory(t, value))
				if lines := strings.Count(out, "\n"); lines != 2 || strings.ContainsAny(out, "\x1b\r\u2028\u0085") || strings.Contains(out, "%!") {
					t.Errorf("want two lines without control characters, got %q", out)
				}
			}
		})
	}
}
