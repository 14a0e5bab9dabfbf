package drift

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

var (
	root       = mustAbs(filepath.Join("..", "..", ".."))
	programs   = os.Getenv("KUBEBUILDER_ASSETS")
	kube       client.Client
	config     *rest.Config
	kubeconfig string
)

func TestMain(m *testing.M) {
	if programs == "" {
		programs = filepath.Join(root, "bin", "k8s")
	}
	env := &envtest.Environment{
		BinaryAssetsDirectory: programs, UseExistingCluster: new(bool), ErrorIfCRDPathMissing: true,
		CRDDirectoryPaths: []string{filepath.Join(root, "config", "crd", "bases")},
	}
	code, err := run(m, env)
	if stopErr := env.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, env *envtest.Environment) (code int, err error) {
	if config, err = env.Start(); err != nil {
		return 1, fmt.Errorf("start the API server: %w", err)
	}
	if kube, err = client.New(config, client.Options{}); err != nil {
		return 1, err
	}
	scratch, err := os.MkdirTemp("", "drift-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	kubeconfig = filepath.Join(scratch, "kubeconfig")
	if err := os.WriteFile(kubeconfig, env.KubeConfig, 0o600); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// kubectl runs the real program, and returns what it printed.
func kubectl(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	out, err := tryKubectl(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return out
}

func tryKubectl(stdin []byte, args ...string) (string, error) {
	command := exec.Command(filepath.Join(programs, "kubectl"), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	command.Stdin = bytes.NewReader(stdin)
	out, err := command.CombinedOutput()
	return string(out), err
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}
