package flux

import (
	"encoding/json"
	"errors"
	"fmt"
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
	root    = mustAbs(filepath.Join("..", "..", ".."))
	kube    client.Client
	source  *repository
	scratch string
	astro   string // where the simulated Astro is
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
	if scratch, err = os.MkdirTemp("", "flux-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	crds, err := fluxKinds()
	if err != nil {
		return 1, err
	}
	env := &envtest.Environment{
		BinaryAssetsDirectory: filepath.Join(root, "bin", "k8s"), UseExistingCluster: new(bool), ErrorIfCRDPathMissing: true,
		CRDDirectoryPaths: append(crds, filepath.Join(root, "config", "crd", "bases")),
	}
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		env.BinaryAssetsDirectory = assets
	}
	config, err := env.Start()
	if err != nil {
		return 1, fmt.Errorf("start the API server: %w", errors.Join(err, env.Stop()))
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	if kube, err = client.New(config, client.Options{}); err != nil {
		return 1, err
	}
	kubeconfig := filepath.Join(scratch, "kubeconfig")
	if err := os.WriteFile(kubeconfig, env.KubeConfig, 0o600); err != nil {
		return 1, err
	}
	source = serve()
	defer source.server.Close()
	stop, err := startPrograms(kubeconfig)
	defer stop()
	if err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// fluxKinds are the folders with the CRDs of the controllers, in the modules that they are built from; source-controller's
// is downloaded for them.
func fluxKinds() (folders []string, err error) {
	for _, controller := range []string{"kustomize", "helm", "source"} {
		module := "github.com/fluxcd/" + controller + "-controller"
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module+"/api").Output()
		if err != nil {
			return nil, fmt.Errorf("find the version of %s: %w", module, err)
		}
		out, err = exec.Command("go", "mod", "download", "-json", module+"@"+strings.TrimSpace(string(out))).Output()
		if err != nil {
			return nil, fmt.Errorf("download %s: %w", module, err)
		}
		var found struct {
			Dir string `json:"Dir"`
		}
		if err := json.Unmarshal(out, &found); err != nil {
			return nil, err
		}
		folders = append(folders, filepath.Join(found.Dir, "config", "crd", "bases"))
	}
	return folders, nil
}

// startPrograms runs the simulated Astro, the operator and the controllers, each with a log in the scratch folder, and
// returns what ends them.
func startPrograms(kubeconfig string) (stop func(), err error) {
	var running []*exec.Cmd
	stop = func() {
		for _, c := range running {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	start := func(name string, args ...string) error {
		log, err := os.Create(logOf(name))
		if err != nil {
			return err
		}
		c := exec.Command(filepath.Join(root, "bin", "gitops", name), args...)
		c.Stdout, c.Stderr, c.Dir = log, log, scratch
		c.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "RUNTIME_NAMESPACE=flux-system", "TMPDIR="+scratch)
		if err := c.Start(); err != nil {
			return fmt.Errorf("start %s, which `make gitops-flux` builds: %w", name, err)
		}
		running = append(running, c)
		return nil
	}
	err = start("astrosim", "--listen", "127.0.0.1:0", "--seed-file", filepath.Join(root, "hack", "demo", "seed.yaml"),
		"--credentials-dir", filepath.Join(scratch, "credentials"))
	if err != nil {
		return stop, err
	}
	if astro, err = address(logOf("astrosim")); err != nil {
		return stop, err
	}
	quiet := []string{"--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", "--events-addr="}
	return stop, errors.Join(
		start("manager", "--kubeconfig", kubeconfig, "--operator-namespace", "scopedtoken-system", "--metrics-bind-address", "0",
			"--health-probe-bind-address", "0", "--allowed-api-hosts", strings.TrimPrefix(astro, "http://")),
		start("kustomize-controller", append(quiet, "--requeue-dependency", "2s")...),
		start("helm-controller", append(quiet, "--requeue-dependency", "2s")...))
}

func logOf(name string) string { return filepath.Join(scratch, name+".log") }

// address waits until the simulated Astro says where it is.
func address(log string) (string, error) {
	for range 100 {
		text, err := os.ReadFile(log)
		if err != nil {
			return "", err
		}
		if _, after, found := strings.Cut(string(text), "listens at "); found && strings.Contains(after, "\n") {
			return strings.Fields(after)[0], nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "", errors.New("the simulated Astro does not say where it is")
}

func mustAbs(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		panic(err)
	}
	return abs
}
