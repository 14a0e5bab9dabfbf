package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newSite makes a folder with everything of the repository but what is made by its commands, and puts the tools that the
// repository builds where a shell finds them.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{folder: t.TempDir(), store: cluster}
	entries, err := os.ReadDir(env.Root)
	must(t, err)
	for _, e := range entries {
		if e.Name() != "dist" && e.Name() != ".git" {
			must(t, os.Symlink(filepath.Join(env.Root, e.Name()), filepath.Join(s.folder, e.Name())))
		}
	}
	tools := t.TempDir()
	must(t, os.Symlink(env.Kubectl, filepath.Join(tools, "kubectl")))
	must(t, os.Symlink(filepath.Join(env.Root, "bin", "helm"), filepath.Join(tools, "helm")))
	s.environ = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"),
		"KUBECONFIG="+env.Kubeconfig, "KUBECACHEDIR="+filepath.Join(s.folder, "cache", "kubectl"),
		"HELM_CACHE_HOME="+filepath.Join(s.folder, "cache"), "HELM_CONFIG_HOME="+filepath.Join(s.folder, "cache"), "HELM_DATA_HOME="+filepath.Join(s.folder, "cache"))

	runControllers(t)
	s.astro = serveAstro(t, s.folder)
	s.installPlugin(t, tools)
	s.node = newNode(t, t.TempDir(), s.astro)
	return s
}

// runControllers runs those of Kubernetes whose work the pages see: one removes namespaces that are deleted, with what is
// in them, the other adds the operator's roles to view, edit and admin.
func runControllers(t *testing.T) {
	t.Helper()
	command := exec.Command(filepath.Join(filepath.Dir(env.Kubectl), "kube-controller-manager"), "--kubeconfig", env.Kubeconfig,
		"--controllers=namespace-controller,clusterrole-aggregation-controller", "--leader-elect=false", "--secure-port=0")
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
}

// installPlugin builds the plugin for kubectl and puts it among the tools. It reaches Astro as the operator does.
func (s *site) installPlugin(t *testing.T, tools string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "kubectl-stb")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/kubectl-stb")
	build.Dir = env.Root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	script := fmt.Sprintf("#!/bin/sh\nHTTPS_PROXY=%s SSL_CERT_FILE=%s exec %s \"$@\"\n", s.astro.proxy, s.astro.authority, program)
	must(t, os.WriteFile(filepath.Join(tools, "kubectl-stb"), []byte(script), 0o700))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func diff[T any](t *testing.T, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.AllowUnexported(step{})); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
