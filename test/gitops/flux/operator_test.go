package flux

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestHelmReleaseInstallsTheOperator sees operator.yaml install the operator's chart and upgrade it, with the image in the
// registry that it names, and leave the kinds when the release goes. There is no node: the test says that the Pod runs.
func TestHelmReleaseInstallsTheOperator(t *testing.T) {
	settle(t)
	giveKindsToHelm(t)
	objects := example(t, "operator.yaml")
	apply(t, objects...)
	installed := publishOperator(t, objects[0], "0.1.0", "InstallSucceeded")
	publishOperator(t, objects[0], "0.1.1", "UpgradeSucceeded")

	if err := kube.Delete(context.Background(), objects[1]); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if err := kube.Get(context.Background(), client.ObjectKeyFromObject(installed), installed); client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(errors.New("the Deployment is still there"), err)
		}
		return nil
	})
	if kinds := kinds(t); len(kinds) != 4 {
		t.Errorf("of the kinds %d are left", len(kinds))
	}
}

// publishOperator makes a version of the chart the newest, and sees Flux take it.
func publishOperator(t *testing.T, at *unstructured.Unstructured, version, outcome string) *appsv1.Deployment {
	t.Helper()
	chart := operatorChart(t, version)
	source.publish(t, at, chart, fmt.Sprintf("%s@sha256:%x", version, sha256.Sum256(chart)))
	d, want := &appsv1.Deployment{}, "registry.example.com/scopedtoken-operator:v"+version
	eventually(t, patience, func() error {
		if err := kube.Get(context.Background(), client.ObjectKey{Namespace: "scopedtoken-system", Name: "scopedtoken-controller-manager"}, d); err != nil {
			return err
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; image != want {
			return fmt.Errorf("the Pod would run %s, not %s", image, want)
		}
		return nil
	})
	sayThatItRuns(t, d)
	says(t, operator, "scopedtoken", "True", outcome)
	return d
}

func operator(name string) (status, words string, err error) {
	return ready("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "flux-system", name)
}

// operatorChart is the operator's chart as `make release` packs it.
func operatorChart(t *testing.T, version string) []byte {
	t.Helper()
	folder := t.TempDir()
	shell(t, "helm package config/chart --version "+version+" --app-version v"+version+" --destination "+folder)
	chart, err := os.ReadFile(filepath.Join(folder, "scopedtoken-operator-"+version+".tgz"))
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

// giveKindsToHelm marks the kinds, which are there for the other tests, as those of an earlier release.
func giveKindsToHelm(t *testing.T) {
	t.Helper()
	for _, kind := range kinds(t) {
		before := kind.DeepCopy()
		kind.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "Helm"})
		annotations := kind.GetAnnotations()
		annotations["meta.helm.sh/release-name"], annotations["meta.helm.sh/release-namespace"] = "scopedtoken", "scopedtoken-system"
		kind.SetAnnotations(annotations)
		if err := kube.Patch(context.Background(), &kind, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
}

// kinds are the operator's, as the API server has them.
func kinds(t *testing.T) (own []unstructured.Unstructured) {
	t.Helper()
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinitionList"})
	if err := kube.List(context.Background(), all); err != nil {
		t.Fatal(err)
	}
	for _, kind := range all.Items {
		if strings.HasSuffix(kind.GetName(), ".astro.scopedtoken.dev") {
			own = append(own, kind)
		}
	}
	return own
}

// sayThatItRuns writes the status that a Deployment has once its Pod is ready.
func sayThatItRuns(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
	if err := kube.Status().Update(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}
