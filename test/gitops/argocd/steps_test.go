package argocd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// patience is how long a step may take on a busy machine.
const patience = 2 * time.Minute

// eventually waits until something is so.
func eventually(t *testing.T, so func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if err = so(); err == nil {
			return
		}
	}
	t.Fatalf("not so after %s: %v%s", patience, err, evidence())
}

// evidence is the end of each program's log.
func evidence() string {
	var b strings.Builder
	logs, _ := filepath.Glob(filepath.Join(scratch, "*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		fmt.Fprintf(&b, "\n--- %s\n%s", filepath.Base(log), text[max(0, len(text)-3000):])
	}
	return b.String()
}

// settle makes the namespaces, the project that Argo CD has from the beginning, and its settings: those that users patch
// into argocd-cm, and no others.
func settle(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	settings := &corev1.ConfigMap{}
	if err := yaml.UnmarshalStrict(text, settings); err != nil {
		t.Fatal(err)
	}
	settings.Labels = map[string]string{"app.kubernetes.io/part-of": "argocd"}
	for _, name := range []string{"argocd", "data-platform", "scopedtoken-system"} {
		create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	create(t, secret("argocd", "argocd-secret", "server.secretkey", []byte("nobody listens")))
	create(t, settings)
	create(t, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
		"metadata": map[string]any{"namespace": "argocd", "name": "default"},
		"spec": map[string]any{
			"sourceRepos": []any{"*"}, "destinations": []any{map[string]any{"server": "*", "namespace": "*"}},
			"clusterResourceWhitelist": []any{map[string]any{"group": "*", "kind": "*"}},
		},
	}})
}

func secret(namespace, name, key string, value []byte) *corev1.Secret {
	labels := map[string]string{"app.kubernetes.io/part-of": "argocd"}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}, Data: map[string][]byte{key: value},
	}
}

func create(t *testing.T, o client.Object) {
	t.Helper()
	if err := kube.Create(context.Background(), o); err != nil {
		t.Fatal(err)
	}
}

// example is an Application of config/samples/argocd, with its source in this test.
func example(t *testing.T, file, from string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", "argocd", file))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096).Decode(&o.Object); err != nil {
		t.Fatal(err)
	}
	if err := unstructured.SetNestedField(o.Object, sources.URL+from, "spec", "source", "repoURL"); err != nil {
		t.Fatal(err)
	}
	return o
}

// object reads a binding.
func object(name string) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: "astro.scopedtoken.dev", Version: "v1alpha1", Kind: "ScopedTokenBinding"})
	return o, kube.Get(context.Background(), client.ObjectKey{Namespace: "data-platform", Name: name}, o)
}

// ready is the Ready condition of a binding: status, reason, message.
func ready(name string) (string, error) {
	o, err := object(name)
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" && c["observedGeneration"] == o.GetGeneration() {
			return fmt.Sprintf("%s %s: %s", c["status"], c["reason"], c["message"]), err
		}
	}
	return "", err
}
