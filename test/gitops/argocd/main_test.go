package argocd

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

var (
	root       = mustAbs(filepath.Join("..", "..", ".."))
	kube       client.Client
	sources    *httptest.Server // Git repositories and a repository of charts
	scratch    string
	kubeconfig string
	astro      string // where the simulated Astro is
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "argocd-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	from, err := argoCD()
	if err != nil {
		return 1, err
	}
	env := environment(from)
	config, err := env.Start()
	if err != nil {
		return 1, fmt.Errorf("start the API server: %w", errors.Join(err, env.Stop()))
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	if kube, err = client.New(config, client.Options{}); err != nil {
		return 1, err
	}
	kubeconfig = filepath.Join(scratch, "kubeconfig")
	if err := os.WriteFile(kubeconfig, env.KubeConfig, 0o600); err != nil {
		return 1, err
	}
	if sources, err = serve(); err != nil {
		return 1, err
	}
	defer sources.Close()
	defer stop()
	if err := startPrograms(from); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// argoCD is where the sources are that Argo CD is built from.
func argoCD() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v3").Output()
	if err != nil {
		return "", fmt.Errorf("find Argo CD: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// environment is an API server with the kinds of Argo CD and of the operator.
func environment(argo string) *envtest.Environment {
	env := &envtest.Environment{
		BinaryAssetsDirectory: filepath.Join(root, "bin", "k8s"), UseExistingCluster: new(bool),
		CRDInstallOptions: envtest.CRDInstallOptions{
			Paths:              []string{filepath.Join(argo, "manifests", "crds"), filepath.Join(root, "config", "crd", "bases")},
			ErrorIfPathMissing: true, MaxTime: time.Minute,
		},
	}
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		env.BinaryAssetsDirectory = assets
	}
	// The address is looked for among the routes otherwise, and a network that is nothing but loopback has none.
	env.ControlPlane.GetAPIServer().Configure().Set("advertise-address", "127.0.0.1")
	return env
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}
