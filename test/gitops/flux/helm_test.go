package flux

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// helmChart is what helm-controller makes of the chart in the release, for source-controller to fetch.
var helmChart = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmChart"}

// TestHelmReleaseWaitsForItsBinding sees the release of an application through whose chart ships a binding.
func TestHelmReleaseWaitsForItsBinding(t *testing.T) {
	settle(t)
	connect(t)
	chart := &unstructured.Unstructured{}
	chart.SetGroupVersionKind(helmChart)
	chart.SetNamespace("flux-system")
	chart.SetName("data-platform-reports")

	refused := example(t, "helmrelease.yaml")[0]
	set(t, refused, "DEPLOYMENT_ADMIN")
	apply(t, refused)
	source.publish(t, chart, packaged(t), "0.1.0")
	says(t, binding, "reports-deployer", "False", "RoleNotAllowed")
	says(t, release, "reports", "False", "stalled", "reports-deployer status: 'Failed'")

	apply(t, example(t, "helmrelease.yaml")...)
	source.publish(t, chart, packaged(t), "0.1.0")
	says(t, release, "reports", "True", "Succeeded")
	says(t, binding, "reports-deployer", "True")

	if err := kube.Delete(context.Background(), example(t, "helmrelease.yaml")[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if _, _, err := binding("reports-deployer"); client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(errors.New("the binding is still there"), err)
		}
		return nil
	})
}

// TestHelmWaitsForItsBinding runs the commands of docs/how-to/ship-a-binding.md.
func TestHelmWaitsForItsBinding(t *testing.T) {
	settle(t)
	connect(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "how-to", "ship-a-binding.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(text), "```sh\n")
	commands, _, closed := strings.Cut(block, "```")
	if !found || !closed || !strings.Contains(commands, "helm install reports") {
		t.Fatal("docs/how-to/ship-a-binding.md has no commands")
	}
	commands = strings.ReplaceAll(commands, "install reports", "install by-hand")
	shell(t, commands)
	says(t, binding, "by-hand-deployer", "True")
	if status, words, err := binding("by-hand-deployer"); err != nil || status != "True" {
		t.Errorf("helm install --wait returned before the binding was Ready: %s %s %v", status, words, err)
	}
	shell(t, "helm uninstall by-hand --namespace data-platform --wait")
	if _, _, err := binding("by-hand-deployer"); err == nil {
		t.Error("helm uninstall --wait returned before the binding was gone")
	}
}

// set changes the role that a release declares.
func set(t *testing.T, release *unstructured.Unstructured, role string) {
	t.Helper()
	bindings, _, err := unstructured.NestedSlice(release.Object, "spec", "values", "astro", "bindings")
	if err != nil {
		t.Fatal(err)
	}
	declared, ok := bindings[0].(map[string]any)
	if !ok {
		t.Fatalf("not a binding: %v", bindings[0])
	}
	declared["role"] = role
	if err := unstructured.SetNestedSlice(release.Object, bindings, "spec", "values", "astro", "bindings"); err != nil {
		t.Fatal(err)
	}
}

// packaged is the application's chart with the library in it.
func packaged(t *testing.T) []byte {
	t.Helper()
	folder := t.TempDir()
	shell(t, "helm dependency build docs/examples/application && helm package docs/examples/application --destination "+folder)
	chart, err := os.ReadFile(filepath.Join(folder, "application-0.1.0.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// shell runs commands as a user does, in the folder of the repository.
func shell(t *testing.T, commands string) {
	t.Helper()
	command := exec.Command("bash", "-ec", commands)
	command.Dir = root
	command.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"),
		"KUBECONFIG="+filepath.Join(scratch, "kubeconfig"), "HELM_CACHE_HOME="+filepath.Join(scratch, "helm"),
		"HELM_CONFIG_HOME="+filepath.Join(scratch, "helm"), "HELM_DATA_HOME="+filepath.Join(scratch, "helm"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v\n%s%s", commands, err, out, evidence())
	}
}

// connect makes the connection of the examples, to the simulated Astro.
func connect(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", "gitops", "connections", "connection.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(here(text)), 4096); ; {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		apply(t, o)
	}
}
