package docs

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"
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
