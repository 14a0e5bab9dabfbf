package drift

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const group = "astro.scopedtoken.dev"

// sets are the manifests that users start from: folders with a kustomization, and files. The first makes the namespace of
// the second.
var sets = []string{
	filepath.Join("config", "samples"),
	filepath.Join("config", "samples", "gitops"),
	filepath.Join("test", "gitops", "drift", "testdata", "least.yaml"),
}

// manifests are those of a set, as text and as objects.
func manifests(t *testing.T, set string) ([]byte, []*unstructured.Unstructured) {
	t.Helper()
	path := filepath.Join(root, set)
	text, err := os.ReadFile(path)
	if err != nil { // a folder
		text = []byte(kubectl(t, nil, "kustomize", path))
	}
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return text, objects
		} else if err != nil {
			t.Fatalf("%s: %v", set, err)
		}
		if o.Object != nil {
			objects = append(objects, o)
		}
	}
}

// ours are the objects of the operator's kinds.
func ours(objects []*unstructured.Unstructured) (all []*unstructured.Unstructured) {
	for _, o := range objects {
		if o.GroupVersionKind().Group == group {
			all = append(all, o)
		}
	}
	return all
}

// live is an object as it is in the cluster.
func live(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	now := &unstructured.Unstructured{}
	now.SetGroupVersionKind(o.GroupVersionKind())
	if err := kube.Get(context.Background(), client.ObjectKeyFromObject(o), now); err != nil {
		t.Fatal(err)
	}
	return now
}

// versions are the resource versions of objects, which any write changes.
func versions(t *testing.T, objects []*unstructured.Unstructured) (all []string) {
	t.Helper()
	for _, o := range objects {
		all = append(all, o.GetKind()+" "+o.GetName()+" "+live(t, o).GetResourceVersion())
	}
	return all
}

// operate writes to each object what the operator writes.
func operate(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		now := live(t, o)
		before := now.DeepCopy()
		now.SetFinalizers([]string{group + "/finalizer"})
		now.SetAnnotations(with(now.GetAnnotations(), group+"/held", `{"role":"DEPLOYMENT_ADMIN"}`))
		if err := kube.Patch(context.Background(), now, client.MergeFrom(before), client.FieldOwner("manager")); err != nil {
			t.Fatal(err)
		}
		before = now.DeepCopy()
		if err := unstructured.SetNestedField(now.Object, now.GetGeneration(), "status", "observedGeneration"); err != nil {
			t.Fatal(err)
		}
		if err := kube.Status().Patch(context.Background(), now, client.MergeFrom(before), client.FieldOwner("manager")); err != nil {
			t.Fatal(err)
		}
	}
}

func with(annotations map[string]string, key, value string) map[string]string {
	all := map[string]string{key: value}
	maps.Copy(all, annotations)
	return all
}

// forget deletes the objects of the operator's kinds, whatever holds them.
func forget(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		now := live(t, o)
		before := now.DeepCopy()
		now.SetFinalizers(nil)
		err := errors.Join(kube.Patch(context.Background(), now, client.MergeFrom(before)), kube.Delete(context.Background(), now))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
