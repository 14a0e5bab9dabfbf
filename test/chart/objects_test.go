package chart

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

type object = unstructured.Unstructured

func parse(t *testing.T, text string) []object {
	t.Helper()
	var objects []object
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var o object
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			slices.SortFunc(objects, func(a, b object) int { return strings.Compare(name(a), name(b)) })
			return objects
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, text)
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}

// name tells an object from all others.
func name(o object) string {
	return o.GetKind() + " " + strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/")
}

// text is objects as YAML.
func text(t *testing.T, objects []object) string {
	t.Helper()
	var all strings.Builder
	for _, o := range objects {
		content, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n" + string(content))
	}
	return all.String()
}

// of are the objects of a kind.
func of(objects []object, kind string) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return o.GetKind() != kind })
}

// without leaves a kind out.
func without(objects []object, kind string) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool { return o.GetKind() == kind })
}

// as is the object as a type of its own, with nothing in it that the type does not have.
func as[T any](t *testing.T, o object) T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &typed, true); err != nil {
		t.Fatalf("%s: %v", name(o), err)
	}
	return typed
}

// neutral is everything but what tells a release of Helm from another and from kustomize, by name.
func neutral(objects []object) map[string]any {
	all := map[string]any{}
	for _, o := range objects {
		o = *o.DeepCopy()
		if strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy") {
			o.SetNamespace("") // kustomize does not know that the kind has none; the API server drops it
		}
		o.SetLabels(anonymous(o.GetLabels()))
		annotations := o.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		o.SetAnnotations(annotations)
		for _, path := range [][]string{
			{"spec", "selector"}, {"spec", "selector", "matchLabels"}, {"spec", "podSelector", "matchLabels"}, {"spec", "template", "metadata", "labels"},
		} {
			if labels, found, _ := unstructured.NestedMap(o.Object, path...); found {
				delete(labels, "app.kubernetes.io/instance")
				_ = unstructured.SetNestedMap(o.Object, labels, path...)
			}
		}
		all[name(o)] = o.Object
	}
	return all
}

func anonymous(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.DeleteFunc(labels, func(key, _ string) bool {
		return strings.HasPrefix(key, "app.kubernetes.io/") || key == "helm.sh/chart"
	})
	if len(labels) == 0 {
		return nil
	}
	return labels
}
