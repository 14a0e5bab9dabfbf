package main

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// writeDefaults writes every value with its path. The templates take from there what a section with nothing behind it
// leaves out: Helm drops such a section, with all defaults in it, and gives templates no other way to them.
func writeDefaults(root value, path string) error {
	defaults := map[string]any{}
	if err := root.defaults(defaults, ""); err != nil {
		return err
	}
	content, err := yaml.Marshal(defaults)
	if err != nil {
		return err
	}
	return write(path, append([]byte("# Made from values.yaml by `make chart`: the default of every value, by its path.\n"), content...))
}

func (v value) defaults(all map[string]any, parent string) error {
	for _, field := range v.fields {
		path := strings.TrimPrefix(parent+"."+field.name, ".")
		if field.fields != nil {
			if err := field.defaults(all, path); err != nil {
				return err
			}
			continue
		}
		var content any
		if err := field.node.Decode(&content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all[path] = content
	}
	return nil
}
