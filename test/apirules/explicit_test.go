package apirules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExplicitKeys: kustomize takes a key with nothing behind it out of an object that a patch touches, and nothing that the API server
// gets shows it. The policy explicit-keys refuses what is left of such an object.
func TestExplicitKeys(t *testing.T) {
	const rules = `allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: [a]}]`
	withPolicies(t)
	cases := map[string]struct{ reason, kind, spec, lost string }{
		"Role":         {"DEPLOYMENT_ADMIN is the strongest role of a Deployment.", "ScopedTokenBinding", bindingWith("role: "), "spec.role is left out"},
		"Allow":        {"Without rules the namespace may do everything.", "AstroConnection", connectionWith("allow: "), "spec.allow is left out"},
		"RoleWritten":  {"It says what it means.", "ScopedTokenBinding", bindingWith("role: DEPLOYMENT_ADMIN"), ""},
		"AllowWritten": {"So does this.", "AstroConnection", connectionWith(rules), ""},
		"Cluster":      {"Nobody may do anything.", "ClusterAstroConnection", connectionWith("allow: "), ""},
		"Inventory":    {"It has neither.", "TargetInventory", "{connectionRef: {name: acme}, target: {kind: Deployment, id: <dep>}}", ""},
	}
	mustApply(t, "ScopedTokenBinding", "explicit-before", bindingWith("suspend: true"))
	overlays := map[string]string{}
	for name, c := range cases {
		overlays[name] = patched(t, c.kind, c.spec)
		if out, err := applyOverlay(overlays[name]); err != nil {
			t.Errorf("%s: without the policy: %s", name, out)
		}
	}
	file := filepath.Join(env.Root, "config", "policies", "optional", "explicit_keys.yaml")
	kubectl(t, "", "apply", "-f", file)
	t.Cleanup(func() {
		kubectl(t, "", "delete", "-f", file)
		waitForExplicit(t, overlays["Role"], false)
	})
	waitForExplicit(t, overlays["Role"], true)
	for name, c := range cases {
		out, err := applyOverlay(overlays[name])
		if (err != nil) != (c.lost != "") || !strings.Contains(out, c.lost) {
			t.Errorf("%s: %s want %q, got %v %s", name, c.reason, c.lost, err, out)
		}
	}
	kubectl(t, "", "patch", "stb/explicit-before", "-n", namespace, "--type=merge", "-p", `{"metadata":{"labels":{"team":"data"}}}`)
}

// patched is an overlay whose patch touches nothing but a label.
func patched(t *testing.T, kind, spec string) string {
	t.Helper()
	folder := t.TempDir()
	head := "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: " + kind + "\nmetadata:\n  name: explicit\n"
	if kind != "ClusterAstroConnection" {
		head += "  namespace: " + namespace + "\n"
	}
	for file, content := range map[string]string{
		"object.yaml": head + "spec: " + expand(spec) + "\n", "patch.yaml": head + "  labels: {team: data}\n",
		"kustomization.yaml": "resources: [object.yaml]\npatches: [{path: patch.yaml}]\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// applyOverlay has the real kustomize build it.
func applyOverlay(folder string) (string, error) {
	out, err := exec.Command(env.Kubectl, "--kubeconfig", env.Kubeconfig, "apply", "--dry-run=server", "-k", folder).CombinedOutput()
	return string(out), err
}

func waitForExplicit(t *testing.T, folder string, there bool) {
	t.Helper()
	for range 300 {
		if _, err := applyOverlay(folder); (err != nil) == there {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the policy is still not as it should be: in force %t", there)
}

// TestMisspeltKeys: who sends an object decides whether a misspelt key is refused, as docs/astroconnection.md has it, or is lost.
func TestMisspeltKeys(t *testing.T) {
	cases := map[string]struct {
		reason, refused string
		flags           []string
	}{
		"Apply":           {"kubectl asks for strict validation.", `unknown field "spec.rol"`, nil},
		"ServerSide":      {"Server-side apply is strict.", ".spec.rol: field not declared in schema", []string{"--server-side"}},
		"ServerSideLoose": {"It is strict whatever is asked for.", ".spec.rol: field not declared in schema", []string{"--server-side", "--validate=ignore"}},
		"Unasked":         {"Others are warned, as by default, and the object has no role, which means the widest.", "", []string{"--validate=warn"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := "misspelt-" + strings.ToLower(name)
			out, err := kubectlApply(t, "ScopedTokenBinding", object, bindingWith("rol: Deploy Only"), tc.flags...)
			if tc.refused != "" {
				if err == nil || !strings.Contains(out, tc.refused) {
					t.Errorf("%s\nwant %q, got %v %s", tc.reason, tc.refused, err, out)
				}
				return
			}
			if err != nil || !strings.Contains(out, `unknown field "spec.rol"`) {
				t.Fatalf("%s\nwant a warning, got %v %s", tc.reason, err, out)
			}
			if role := kubectl(t, "", "get", "stb", object, "-n", namespace, "-o", "jsonpath={.spec.role}"); role != "" {
				t.Errorf("%s\nthe role is %q", tc.reason, role)
			}
		})
	}
}
