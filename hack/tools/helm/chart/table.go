package main

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	tableBegins = "<!-- values: made by `make chart` from values.yaml -->"
	tableEnds   = "<!-- end of values -->"
)

// writeTable puts the values into README.md, between its two marks.
func writeTable(root value, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(content), tableBegins)
	_, after, ended := strings.Cut(rest, tableEnds)
	if !found || !ended {
		return fmt.Errorf("%s has no %q and %q", path, tableBegins, tableEnds)
	}
	var table strings.Builder
	table.WriteString("\n| value | default | |\n|---|---|---|\n")
	if err := root.rows(&table, ""); err != nil {
		return err
	}
	return write(path, []byte(before+tableBegins+table.String()+tableEnds+after))
}

func (v value) rows(out *strings.Builder, parent string) error {
	for _, field := range v.fields {
		name := strings.TrimPrefix(parent+"."+field.name, ".")
		if field.fields != nil {
			if err := field.rows(out, name); err != nil {
				return err
			}
			continue
		}
		if field.description == "" {
			return fmt.Errorf("nothing is said of %s: put a comment above it", name)
		}
		text, err := field.text()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "| `%s` | `%s` | %s |\n", name, text, strings.ReplaceAll(field.description, "|", `\|`))
	}
	return nil
}

// text is the default in one line.
func (v value) text() (string, error) {
	node := *v.node
	flow(&node)
	text, err := yaml.Marshal(&node)
	return strings.Join(strings.Fields(string(text)), " "), err
}

func flow(node *yaml.Node) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	if node.Kind != yaml.ScalarNode {
		node.Style = yaml.FlowStyle
	}
	for _, child := range node.Content {
		flow(child)
	}
}
