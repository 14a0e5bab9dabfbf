package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// definition is what a CustomResourceDefinition says of the one version that there is.
type definition struct {
	Spec struct {
		Names    struct{ Kind string }
		Versions []struct {
			Schema struct {
				OpenAPI struct {
					Properties map[string]schema
				} `yaml:"openAPIV3Schema"`
			}
		}
	}
}

// copyKinds copies the definitions into the chart, and returns the schema of each kind's spec.
func copyKinds(from, to string) (map[string]schema, error) {
	if err := os.RemoveAll(to); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no kinds in %s: %w", from, err)
	}
	kinds := map[string]schema{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var d definition
		if err := yaml.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		kinds[d.Spec.Names.Kind], _ = closed(d.Spec.Versions[0].Schema.OpenAPI.Properties["spec"]).(schema)
		if err := write(filepath.Join(to, filepath.Base(file)), content); err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

// policyFolders are the policies that go with the kinds, those that name the operator's account, and those that are off.
var policyFolders = []string{".", "operator", "optional"}

// copyPolicies copies the policies into the chart.
func copyPolicies(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	for _, folder := range policyFolders {
		files, err := filepath.Glob(filepath.Join(from, folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no policies in %s: %w", filepath.Join(from, folder), err)
		}
		for _, file := range files {
			if err := copyPolicy(file, filepath.Join(to, folder)); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyPolicy(file, to string) error {
	if filepath.Base(file) == "kustomization.yaml" {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return write(filepath.Join(to, filepath.Base(file)), content)
}

// objectSchema is an item of a list of custom resources.
func objectSchema(spec schema) schema {
	text := schema{"type": []string{"object", "null"}, "additionalProperties": schema{"type": []string{"string", "boolean", "integer", "null"}}}
	return schema{
		"type": "object", "additionalProperties": false, "required": []string{"name", "spec"},
		"properties": schema{
			"name": schema{"type": "string", "minLength": 1}, "namespace": schema{"type": []string{"string", "null"}},
			"labels": text, "annotations": text, "spec": spec,
		},
	}
}

// closed turns the schema of a CustomResourceDefinition into one of JSON that allows no other fields. What only
// Kubernetes understands is left out, and left to the API server.
func closed(node any) any {
	switch n := node.(type) {
	case schema:
		out := schema{}
		for key, child := range n {
			if fields, ok := child.(schema); ok && key == "properties" {
				out[key] = each(fields, closed)
			} else if !strings.HasPrefix(key, "x-kubernetes-") && key != "description" && key != "default" && key != "format" {
				out[key] = closed(child)
			}
		}
		if out["properties"] != nil && out["additionalProperties"] == nil {
			out["additionalProperties"] = false
		}
		return out
	case []any:
		out := make([]any, len(n))
		for i := range n {
			out[i] = closed(n[i])
		}
		return out
	default:
		return node
	}
}

// each applies a function to the values of a map whose keys are names of fields.
func each(fields schema, do func(any) any) schema {
	out := schema{}
	for name, field := range fields {
		out[name] = do(field)
	}
	return out
}
