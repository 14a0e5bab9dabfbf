package apirules

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// TestSchema walks the schema of each kind.
func TestSchema(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(env.Root, "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("want four kinds, got %v, %v", files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(body, &crd); err != nil {
			t.Fatal(err)
		}
		t.Run(crd.Spec.Names.Kind, func(t *testing.T) {
			root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
			delete(root.Properties, "metadata") // Kubernetes describes it
			walk(t, "", *root)
		})
	}
}

func walk(t *testing.T, path string, schema apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	described(t, path, schema)
	bounded(t, path, schema)
	ruled(t, path, schema)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		walk(t, path+"."+name, schema.Properties[name])
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(t, path+"[]", *schema.Items.Schema)
	}
}

// described: what kubectl explain shows begins with the field's name, as the conventions want it.
func described(t *testing.T, path string, schema apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	if strings.HasSuffix(path, "[]") {
		return
	}
	if schema.Description == "" {
		t.Errorf("%s has no description", path)
	}
	if strings.Contains(schema.Description, "TODO") || strings.Contains(schema.Description, "+kubebuilder") {
		t.Errorf("%s: the description holds what is not for users: %s", path, schema.Description)
	}
	name := path[strings.LastIndex(path, ".")+1:]
	if strings.HasPrefix(path, ".spec") && !strings.Contains(path, ".selector.") && !strings.HasPrefix(schema.Description, name+" ") {
		t.Errorf("%s: the description does not begin with the name: %s", path, schema.Description)
	}
}

// bounded: what users write has an end, so that the rules stay within the API server's budget. A status is the operator's.
func bounded(t *testing.T, path string, schema apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	// Kubernetes' own type, which hack/tools/crd bounds; see TestAllow.
	if !strings.HasPrefix(path, ".spec") || strings.Contains(path, ".selector.") {
		return
	}
	switch schema.Type {
	case "string":
		if schema.MaxLength == nil && len(schema.Enum) == 0 && schema.Format != "date-time" { // which has an end of its own
			t.Errorf("%s: a string without an end", path)
		}
	case "array":
		if schema.MaxItems == nil || schema.MinItems == nil || *schema.MinItems < 1 {
			t.Errorf("%s: a list without an end, or one that may be empty", path)
		}
		if schema.XListType == nil {
			t.Errorf("%s: a list that server-side apply does not know how to merge", path)
		}
	case "integer":
		if schema.Minimum == nil || schema.Maximum == nil {
			t.Errorf("%s: a figure without bounds", path)
		}
	}
	if schema.XPreserveUnknownFields != nil || schema.AdditionalProperties != nil {
		t.Errorf("%s takes fields that nobody knows", path)
	}
}

// ruled: each rule says in words what to do.
func ruled(t *testing.T, path string, schema apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	for _, rule := range schema.XValidations {
		if rule.Message == "" {
			t.Errorf("%s: a rule without a message: %s", path, rule.Rule)
		}
	}
}
