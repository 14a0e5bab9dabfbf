package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubectlApply installs with kubectl what the documents say, on a cluster that knows nothing of it.
// To apply it once more changes nothing.
func TestKubectlApply(t *testing.T) {
	withoutKinds(t)
	inNamespaces(t, "data-platform")
	for _, folder := range []string{"config/default", "config/namespaced"} {
		kubectl(t, "apply", "--server-side", "-k", folder)
		if out := kubectl(t, "diff", "--server-side", "-k", folder); out != "" {
			t.Errorf("kubectl apply -k %s does not settle:\n%s", folder, out)
		}
	}
	kubectl(t, "apply", "-n", "data-platform", "-k", "config/tenant")
	if out := kubectl(t, "get", "rolebinding", "-n", "data-platform", "-o", "name"); !strings.Contains(out, "scopedtoken-credential-reader") {
		t.Errorf("config/tenant makes %q", out)
	}
	// The namespace stays, since there is nobody here to see to its end.
	installed := filepath.Join(t.TempDir(), "installed.yaml")
	if err := os.WriteFile(installed, []byte(text(t, without(kustomize(t, "config/namespaced"), "Namespace"))), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "delete", "--ignore-not-found", "--timeout=60s", "-f", installed)
	kubectl(t, "delete", "clusterrolebinding", "scopedtoken-manager-rolebinding")
}
