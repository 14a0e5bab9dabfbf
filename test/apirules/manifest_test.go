package apirules

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	astrov1alpha1 "github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// manager is the field manager of the tests.
const manager = "apirules"

// plurals are the resources of the kinds.
var plurals = map[string]string{
	"ScopedTokenBinding":     "scopedtokenbindings",
	"AstroConnection":        "astroconnections",
	"ClusterAstroConnection": "clusterastroconnections",
	"TargetInventory":        "targetinventories",
}

var placeholder = regexp.MustCompile(`<([a-z0-9]+)(?::([0-9]+))?>`)

// expand puts a cuid in the place of each <word>, of 25 characters or as many as <word:26> says.
func expand(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		length := 25
		if parts[2] != "" {
			length, _ = strconv.Atoi(parts[2])
		}
		return "c" + parts[1] + strings.Repeat("0", length-1-len(parts[1]))
	})
}

// manifest is an object of a kind with a generated name and a spec in YAML.
func manifest(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": decode(t, spec)}}
	object.SetAPIVersion(astrov1alpha1.GroupVersion.String())
	object.SetKind(kind)
	object.SetGenerateName("case-")
	if kind != "ClusterAstroConnection" {
		object.SetNamespace(namespace)
	}
	return object
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(expand(text)), &value); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return value
}

// resource is where objects of a kind are read and written.
func resource(kind string) dynamic.ResourceInterface {
	all := objects.Resource(astrov1alpha1.GroupVersion.WithResource(plurals[kind]))
	if kind == "ClusterAstroConnection" {
		return all
	}
	return all.Namespace(namespace)
}

// create asks for an object with strict field validation, as kubectl does. What the API server takes the Go types must
// be able to read: one object that they cannot would stop the operator's watch of all.
func create(t *testing.T, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t.Helper()
	created, err := resource(object.GetKind()).Create(t.Context(), object, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, FieldManager: manager})
	if err != nil {
		return nil, err
	}
	readable(t, created)
	return created, nil
}

// readable checks that the Go types can read what the API server took.
func readable(t *testing.T, taken *unstructured.Unstructured) {
	t.Helper()
	body, err := taken.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	into, err := scheme.Scheme.New(taken.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Errorf("accepted, and unreadable to the operator: %v\n%s", err, body)
	}
}

// mustCreate creates an object of a kind and gives it a status, if any.
func mustCreate(t *testing.T, kind, spec, status string) *unstructured.Unstructured {
	t.Helper()
	object, err := create(t, manifest(t, kind, spec))
	if err != nil {
		t.Fatalf("create %s: %v", kind, err)
	}
	if status == "" {
		return object
	}
	object, err = patch(t, object, types.MergePatchType, "{status: "+status+"}", "status")
	if err != nil {
		t.Fatalf("write the status: %v", err)
	}
	return object
}

// patch changes an object, or one of its subresources, by a patch in YAML.
func patch(t *testing.T, object *unstructured.Unstructured, kind types.PatchType, text string, subresources ...string) (*unstructured.Unstructured, error) {
	t.Helper()
	body, err := json.Marshal(decode(t, text))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := resource(object.GetKind()).Patch(t.Context(), object.GetName(), kind, body,
		metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict, FieldManager: manager}, subresources...)
	if err != nil {
		return nil, err
	}
	readable(t, patched)
	return patched, nil
}

// accepted and refused are the two verdicts: no words, or words that the refusal must hold.
var accepted []string

func refused(words ...string) []string { return words }

// check compares what the API server said with the wanted verdict.
func check(t *testing.T, reason string, err error, want []string) {
	t.Helper()
	switch {
	case err == nil && len(want) == 0:
	case err == nil:
		t.Errorf("%s\naccepted, want a refusal with %q", reason, want)
	case len(want) == 0:
		t.Errorf("%s\nwant it accepted, got: %v", reason, err)
	default:
		for _, words := range want {
			if !strings.Contains(err.Error(), expand(words)) {
				t.Errorf("%s\nwant %q in: %v", reason, words, err)
			}
		}
		if strings.Contains(err.Error(), "evaluation error") || strings.Contains(err.Error(), "no such") {
			t.Errorf("%s\nthe message is the rule engine's, not ours: %v", reason, err)
		}
	}
}

// apply applies a spec under the object's name on the server's side, by force, as GitOps tools do.
func apply(t *testing.T, object *unstructured.Unstructured, spec string) (*unstructured.Unstructured, error) {
	t.Helper()
	wanted := &unstructured.Unstructured{Object: map[string]any{"spec": decode(t, spec)}}
	wanted.SetGroupVersionKind(object.GroupVersionKind())
	wanted.SetName(object.GetName())
	wanted.SetNamespace(object.GetNamespace())
	body, err := wanted.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	force := true
	return resource(object.GetKind()).Patch(t.Context(), object.GetName(), types.ApplyPatchType, body,
		metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict, FieldManager: manager, Force: &force})
}

// put replaces an object.
func put(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	_, err := resource(object.GetKind()).Update(t.Context(), object, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict, FieldManager: manager})
	return err
}

// lower makes the name of an object out of the name of a case.
func lower(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "-")) }

// plain is a value as decode gives it, numbers above all.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(text))
}
