package flux

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const owner = client.FieldOwner("flux-test")

// patience is how long a step may take on a busy machine.
const patience = 2 * time.Minute

// eventually waits until something is so.
func eventually(t *testing.T, within time.Duration, so func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = so(); err == nil {
			return
		}
	}
	t.Fatalf("not so after %s: %v%s", within, err, evidence())
}

// evidence is the end of each program's log.
func evidence() string {
	var b strings.Builder
	logs, _ := filepath.Glob(filepath.Join(scratch, "*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		fmt.Fprintf(&b, "\n--- %s\n%s", filepath.Base(log), text[max(0, len(text)-2000):])
	}
	return b.String()
}

// example reads the objects of a file of config/samples/flux.
func example(t *testing.T, file string) (all []*unstructured.Unstructured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "config", "samples", "flux", file))
	if err != nil {
		t.Fatal(err)
	}
	for decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, o)
	}
}

// apply makes objects what they are here.
func apply(t *testing.T, objects ...*unstructured.Unstructured) {
	t.Helper()
	for _, o := range objects {
		err := kube.Apply(context.Background(), client.ApplyConfigurationFromUnstructured(o.DeepCopy()), owner, client.ForceOwnership)
		if err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// settle makes the namespaces, and the Secret that a secret manager would make.
func settle(t *testing.T) {
	t.Helper()
	credential, err := os.ReadFile(filepath.Join(scratch, "credentials", "operator"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flux-system", "data-platform", "scopedtoken-system"} {
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := kube.Create(context.Background(), n); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "scopedtoken-system", Name: "astro-api"}, Data: map[string][]byte{"token": credential},
	}
	if err := kube.Create(context.Background(), s); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// ready is the Ready condition of an object at its present generation: status, reason, message.
func ready(group, version, kind, namespace, name string) (status, words string, err error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	if err := kube.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		return "", "", err
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "Ready" && c["observedGeneration"] == o.GetGeneration() {
			return fmt.Sprint(c["status"]), fmt.Sprint(c["reason"], ": ", c["message"]), nil
		}
	}
	return "", "", nil
}

func kustomization(name string) (status, words string, err error) {
	return ready("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "flux-system", name)
}

func release(name string) (status, words string, err error) {
	return ready("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "data-platform", name)
}

func binding(name string) (status, words string, err error) {
	return ready("astro.scopedtoken.dev", "v1alpha1", "ScopedTokenBinding", "data-platform", name)
}

// says waits until an object says this of itself: the status of its Ready condition, and parts of its reason and message.
func says(t *testing.T, look func(string) (string, string, error), name, status string, parts ...string) {
	t.Helper()
	eventually(t, patience, func() error {
		now, words, err := look(name)
		if err != nil {
			return err
		}
		if now != status {
			return fmt.Errorf("%s is %q (%s), not %q", name, now, words, status)
		}
		for _, part := range parts {
			if !strings.Contains(words, part) {
				return fmt.Errorf("%s says %q, not %q", name, words, part)
			}
		}
		return nil
	})
}
