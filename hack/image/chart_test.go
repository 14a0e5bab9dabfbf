package main

import (
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// TestChartGoesToARegistry pushes the operator's chart as docs/install.md tells, and finds it where Argo CD and Flux look
// for it.
func TestChartGoesToARegistry(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	charts, folder := "oci://"+strings.TrimPrefix(server.URL, "http://")+"/charts", t.TempDir()
	helm(t, folder, "package", filepath.Join("..", "..", "config", "chart"), "--version", "0.1.0", "--app-version", "v0.1.0", "--destination", folder)
	helm(t, folder, "push", filepath.Join(folder, "scopedtoken-operator-0.1.0.tgz"), charts, "--plain-http")
	shown := helm(t, folder, "show", "chart", charts+"/scopedtoken-operator", "--version", ">=0.1.0 <1.0.0", "--plain-http")
	if !strings.Contains(shown, "version: 0.1.0\n") || !strings.Contains(shown, "appVersion: v0.1.0\n") {
		t.Errorf("the registry has\n%s", shown)
	}
}

// helm runs what `make test` builds, with its settings in a folder.
func helm(t *testing.T, folder string, args ...string) string {
	t.Helper()
	command := exec.Command(filepath.Join("..", "..", "bin", "helm"), args...)
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		command.Env = append(command.Environ(), name+"="+folder)
	}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
