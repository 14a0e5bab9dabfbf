package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: chart ROOT-OF-THE-REPOSITORY")
		os.Exit(2)
	}
	if err := run(filepath.Join(os.Args[1], "config")); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(config string) error {
	chart := filepath.Join(config, "chart")
	kinds, err := copyKinds(filepath.Join(config, "crd", "bases"), filepath.Join(chart, "files", "crds"))
	if err != nil {
		return err
	}
	if err := copyPolicies(filepath.Join(config, "policies"), filepath.Join(chart, "files", "policies")); err != nil {
		return err
	}
	if err := gatherRoles(filepath.Join(config, "rbac"), filepath.Join(chart, "files", "roles.yaml")); err != nil {
		return err
	}
	if err := copyMonitoring(config, filepath.Join(chart, "files")); err != nil {
		return err
	}
	root, err := readValues(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return err
	}
	if err := writeSchema(root, kinds, filepath.Join(chart, "values.schema.json")); err != nil {
		return err
	}
	if err := writeDefaults(root, filepath.Join(chart, "files", "defaults.yaml")); err != nil {
		return err
	}
	return writeTable(root, filepath.Join(chart, "README.md"))
}

func writeSchema(root value, kinds map[string]schema, path string) error {
	s, err := root.schema(kinds)
	if err != nil {
		return err
	}
	fields, ok := s["properties"].(schema)
	if !ok {
		return errors.New("values.yaml: there are no values")
	}
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "Values of the chart scopedtoken-operator"
	// What a parent chart has for this one: its global values, and the usual condition of a dependency.
	fields["global"] = schema{"type": []string{"object", "null"}, "description": "Values of a parent chart; not used."}
	fields["enabled"] = schema{"type": []string{"boolean", "null"}, "description": "Condition of a parent chart; refused where there is none."}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	return write(path, out.Bytes())
}

func write(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
