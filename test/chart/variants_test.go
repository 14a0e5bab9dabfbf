package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestVariants renders the chart with each of testdata/*.values.yaml. The golden files leave out the kinds and what is in the
// dashboard, which TestKinds and TestDashboard compare with their sources.
func TestVariants(t *testing.T) {
	withKinds(t)
	inNamespaces(t, system, "data-platform", "data-science")
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".values.yaml"), func(t *testing.T) {
			objects := without(render(t, "--values", filepath.Join("test", "chart", file)), "CustomResourceDefinition")
			compare(t, strings.TrimSuffix(file, ".values.yaml")+".golden.yaml", withoutDashboard(t, objects))
			accepted(t, without(without(objects, "ServiceMonitor"), "PrometheusRule")) // whose kinds are not here
			for _, o := range of(objects, "Deployment") {
				restricted(t, as[appsv1.Deployment](t, o))
			}
		})
	}
}

// withoutDashboard has the name of its file in the place of the dashboard.
func withoutDashboard(t *testing.T, objects []object) []object {
	t.Helper()
	content, short := dashboard(t), make([]object, len(objects))
	for i, o := range objects {
		short[i] = *o.DeepCopy()
		if got, _, _ := unstructured.NestedString(o.Object, "data", dashboardKey); got == content {
			_ = unstructured.SetNestedField(short[i].Object, dashboardFile, "data", dashboardKey)
		}
	}
	return short
}

func compare(t *testing.T, golden string, objects []object) {
	t.Helper()
	got := text(t, objects)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the chart renders; `go test ./test/chart -update` if that is meant (-want +got)\n%s", golden, diff)
	}
}

// accepted has the API server judge objects, fields that it does not know included.
func accepted(t *testing.T, objects []object) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "objects.yaml")
	if err := os.WriteFile(file, []byte(text(t, objects)), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", file)
}

// restricted has the API server judge a Pod of the Deployment in a namespace that enforces the Pod Security level.
func restricted(t *testing.T, d appsv1.Deployment) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: system, Labels: d.Spec.Template.Labels}, Spec: d.Spec.Template.Spec}
	pod.Spec.PriorityClassName = "" // a class that is not here
	if err := kube.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("a Pod of %s: %v", d.Name, err)
	}
	if readOnly := pod.Spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem; readOnly == nil || !*readOnly {
		t.Error("the root of the file system can be written to")
	}
}

// TestKinds: the kinds in the chart are those of the repository, upgraded with it and left behind by it.
func TestKinds(t *testing.T) {
	want, kept := neutral(kustomize(t, "config/crd")), of(render(t), "CustomResourceDefinition")
	if diff := cmp.Diff(want, neutral(kept)); diff != "" {
		t.Errorf("run `make chart` (-config/crd +chart)\n%s", diff)
	}
	for _, o := range kept {
		if o.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s goes with the release, and every binding with it", name(o))
		}
	}
	for _, o := range of(render(t, "--set", "crds.keep=false"), "CustomResourceDefinition") {
		if o.GetAnnotations()["helm.sh/resource-policy"] != "" {
			t.Errorf("%s stays although crds.keep is false", name(o))
		}
	}
	if left := of(render(t, "--set", "crds.enabled=false"), "CustomResourceDefinition"); len(left) > 0 {
		t.Errorf("%s is there although crds.enabled is false", name(left[0]))
	}
}
