package chart

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// helm runs the real one, and returns what it printed. An error holds what it complained of.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	return program(t, filepath.Join(env.Root, "bin", "helm"), append(arguments, "--kubeconfig", env.Kubeconfig)...)
}

func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := program(t, env.Kubectl, append([]string{"--kubeconfig", env.Kubeconfig}, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

type failure struct {
	command, stderr string
	err             error
}

func (f failure) Error() string { return f.command + ": " + f.err.Error() + "\n" + f.stderr }

func program(t *testing.T, path string, arguments ...string) (string, error) {
	t.Helper()
	if err := lookAround(); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(context.WithoutCancel(t.Context()), path, arguments...)
	command.Dir = env.Root
	command.Env = append(os.Environ(), "HOME="+scratch, "KUBECACHEDIR="+filepath.Join(scratch, "kubectl"))
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return "", failure{filepath.Base(path) + " " + strings.Join(arguments, " "), errs.String(), err}
	}
	return out.String(), nil
}

// lookAround looks at every file that other programs read for the tests, so that `go test` knows when a result has grown
// old. It has to be done in a test for that.
var lookAround = sync.OnceValue(func() error {
	for _, folder := range []string{"config", "cmd/manager", "internal", "api"} {
		if err := filepath.WalkDir(filepath.Join(env.Root, folder), func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
})

// render is what the chart installs with flags such as --set or --values, without what `helm test` makes.
func render(t *testing.T, flags ...string) []object {
	t.Helper()
	out, err := helm(t, append([]string{"template", release, "config/chart", "--namespace", system, "--skip-tests"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, out)
}

// kustomize is what a kustomization of the repository installs.
func kustomize(t *testing.T, folder string) []object {
	t.Helper()
	return parse(t, kubectl(t, "kustomize", folder))
}

// inNamespaces makes namespaces unless they are there.
func inNamespaces(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		err := kube.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
		}})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
}

func withKinds(t *testing.T) {
	t.Helper()
	kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", "config/crd")
	kubectl(t, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
}

// eventually waits until the function says that nothing is amiss any more.
func eventually(t *testing.T, what string, amiss func() string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = amiss(); last == "" {
			return
		}
	}
	t.Fatalf("%s: %s", what, last)
}
