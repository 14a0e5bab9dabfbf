package argocd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// verifier is a script that Argo CD's image has on its path and its repository server runs for every commit.
const verifier = "git-verify-wrapper.sh"

var running []*exec.Cmd

// startPrograms runs the simulated Astro, and of Argo CD its cache, its repository server and its application controller.
// The operator is started by the test. With its persistent health, Argo CD writes into an Application what it otherwise
// keeps for those who look at one.
func startPrograms(argo string) error {
	script, err := os.ReadFile(filepath.Join(argo, "hack", verifier))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(scratch, verifier), script, 0o700); err != nil {
		return err
	}
	err = start("astrosim", built("astrosim"), "--listen", "127.0.0.1:0",
		"--seed-file", filepath.Join(root, "hack", "demo", "seed.yaml"), "--credentials-dir", filepath.Join(scratch, "credentials"))
	if err != nil {
		return err
	}
	if astro, err = address(logOf("astrosim")); err != nil {
		return err
	}
	ports, err := free(4)
	if err != nil {
		return err
	}
	cache, repositories := "127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1]
	return errors.Join(
		start("redis", "redis-server", "--bind", "127.0.0.1", "--port", ports[0], "--save", "", "--appendonly", "no", "--dir", scratch),
		start("argocd-repo-server", built("argocd"), "--address", "127.0.0.1", "--port", ports[1], "--disable-tls", "--client-ca-path=",
			"--metrics-port", ports[2], "--metrics-address", "127.0.0.1", "--redis", cache),
		start("argocd-application-controller", built("argocd"), "--namespace", "argocd", "--app-resync", "10", "--app-resync-jitter", "0",
			"--persist-resource-health", "--metrics-port", ports[3], "--repo-server", repositories, "--repo-server-plaintext", "--redis", cache))
}

// startOperator runs the operator as it is built from this repository.
func startOperator() error {
	return start("manager", built("manager"), "--kubeconfig", kubeconfig, "--operator-namespace", "scopedtoken-system",
		"--metrics-bind-address", "0", "--health-probe-bind-address", "0", "--allowed-api-hosts", strings.TrimPrefix(astro, "http://"))
}

// start runs a program until the tests are over, with a log in the scratch folder.
func start(name, program string, args ...string) error {
	log, err := os.Create(logOf(name))
	if err != nil {
		return err
	}
	c := exec.Command(program, args...)
	c.Stdout, c.Stderr, c.Dir = log, log, scratch
	c.Env = append(os.Environ(),
		"KUBECONFIG="+kubeconfig, "ARGOCD_FAKE_IN_CLUSTER=true", "ARGOCD_BINARY_NAME="+name, "ARGOCD_GPG_ENABLED=false",
		"ARGOCD_TLS_DATA_PATH="+scratch, "ARGOCD_SSH_DATA_PATH="+scratch, "TMPDIR="+scratch, "HOME="+scratch,
		"PATH="+strings.Join([]string{scratch, built(""), filepath.Join(root, "bin"), os.Getenv("PATH")}, ":"))
	if err := c.Start(); err != nil {
		return fmt.Errorf("start %s (`make gitops-argocd` builds what is not installed): %w", name, err)
	}
	running = append(running, c)
	return nil
}

func stop() {
	for _, c := range running {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

func built(name string) string { return filepath.Join(root, "bin", "gitops", name) }
func logOf(name string) string { return filepath.Join(scratch, name+".log") }

// free are ports that nobody listens on.
func free(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		if at, ok := l.Addr().(*net.TCPAddr); ok {
			ports = append(ports, strconv.Itoa(at.Port))
		}
	}
	return ports, nil
}

// address waits until the simulated Astro says where it is.
func address(log string) (string, error) {
	for range 300 {
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
