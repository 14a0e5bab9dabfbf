package apirules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	astrov1alpha1 "github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestSamples applies each sample again on the server's side: nothing may differ, or GitOps tools would never come to
// rest. Only with the second write is the default of status stored, which gives a new resourceVersion once.
func TestSamples(t *testing.T) {
	folder := filepath.Join(env.Root, "config", "samples")
	kinds := map[string]int{}
	for _, file := range kustomization(t, folder) {
		t.Run(file, func(t *testing.T) {
			path := filepath.Join(folder, file)
			first := applySample(t, path)
			kinds[first.GetKind()]++
			if first.GroupVersionKind().Group != astrov1alpha1.GroupVersion.Group {
				return
			}
			second := applySample(t, path)
			third := applySample(t, path)
			if diff := cmp.Diff(second, third); diff != "" {
				t.Errorf("applied a third time (-second +third)\n%s", diff)
			}
			second.SetResourceVersion(first.GetResourceVersion())
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("applied again (-first +second)\n%s", diff)
			}
			if out := kubectl(t, "", "diff", "--server-side", "-f", path); out != "" {
				t.Errorf("kubectl diff:\n%s", out)
			}
		})
	}
	want := map[string]int{"Namespace": 1, "Secret": 1, "AstroConnection": 1, "ClusterAstroConnection": 1, "ScopedTokenBinding": 3, "TargetInventory": 1}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("samples of each kind (-want +got)\n%s", diff)
	}
}

func applySample(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	out := kubectl(t, "", "apply", "--server-side", "--validate=strict", "-o", "json", "--show-managed-fields", "-f", path)
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON([]byte(out)); err != nil {
		t.Fatal(err)
	}
	return object
}

// kustomization lists the samples, and sees to it that none is left out.
func kustomization(t *testing.T, folder string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct{ Resources []string }
	if err := yaml.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name != "kustomization.yaml" && !strings.Contains(string(text), "- "+name+"\n") {
			t.Errorf("%s is not in kustomization.yaml", name)
		}
	}
	return list.Resources
}
