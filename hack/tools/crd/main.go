// Program crd bounds label selectors in CRDs, and marks what they hold as nullable, so that rules of the kind see a key with
// nothing behind it. The API server drops such keys where they are not nullable, and a selector that has lost a label selects
// more. The type of a selector is Kubernetes' own, where no marker of controller-gen can be put. `make manifests` runs it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// Selectors are read for every binding. What is beyond these bounds Kubernetes takes for no key or value of a label, but for
// how many there are.
const (
	mostInSelector = 16  // labels, and expressions
	mostValues     = 64  // of an expression
	longestKey     = 317 // a domain of 253 characters, a slash and a name
	longestValue   = 63
)

func main() {
	for _, folder := range os.Args[1:] {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		for i := 0; err == nil && i < len(files); i++ {
			err = rewrite(files[i])
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "crd:", err)
			os.Exit(1)
		}
	}
}

// rewrite marks the selectors of one file.
func rewrite(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd map[string]any
	if err := yaml.Unmarshal(content, &crd); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if mark(crd) == 0 {
		return nil
	}
	marked, err := yaml.Marshal(crd)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte("---\n"), marked...), 0o600)
}

// mark makes nullable what the label selectors below a node of a schema hold, and counts them.
func mark(node any) (selectors int) {
	switch n := node.(type) {
	case []any:
		for _, item := range n {
			selectors += mark(item)
		}
	case map[string]any:
		labels, isLabels := n["matchLabels"].(map[string]any)
		expressions, isExpressions := n["matchExpressions"].(map[string]any)
		if isLabels && isExpressions {
			nullable(labels, labels["additionalProperties"], expressions)
			labels["maxProperties"], expressions["maxItems"] = mostInSelector, mostInSelector // else rules about each of them might cost too much
			bound(labels, expressions)
			selectors++
		}
		for _, below := range n {
			selectors += mark(below)
		}
	}
	return selectors
}

// bound bounds what each label and each expression of a selector holds.
func bound(labels, expressions map[string]any) {
	within(labels, "additionalProperties")["maxLength"] = longestValue
	within(expressions, "items", "properties", "key")["maxLength"] = longestKey
	values := within(expressions, "items", "properties", "values")
	values["maxItems"] = mostValues
	within(values, "items")["maxLength"] = longestValue
}

// within is the schema at the end of the path; a schema without it is not of a selector as this program knows it.
func within(schema map[string]any, path ...string) map[string]any {
	for _, key := range path {
		below, is := schema[key].(map[string]any)
		if !is {
			panic("a label selector without " + key)
		}
		schema = below
	}
	return schema
}

func nullable(schemas ...any) {
	for _, schema := range schemas {
		if s, is := schema.(map[string]any); is {
			s["nullable"] = true
		}
	}
}
