package main

import (
	"fmt"
	"maps"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// value is one of the chart's values: what stands in values.yaml, and what the comment above it says.
type value struct {
	name        string
	description string
	hints       schema // what stands after @schema
	node        *yaml.Node
	fields      []value // of a map whose keys are values of their own
}

type schema = map[string]any

func readValues(path string) (value, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return value{}, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return value{}, fmt.Errorf("read %s: %w", path, err)
	}
	return valueOf("", document.Content[0], "")
}

func valueOf(name string, node *yaml.Node, comment string) (value, error) {
	v := value{name: name, node: node}
	var err error
	if v.description, v.hints, err = parseComment(comment); err != nil {
		return v, fmt.Errorf("the comment of %s: %w", name, err)
	}
	if node.Kind != yaml.MappingNode || v.hints["additionalProperties"] != nil {
		return v, nil
	}
	for i := 0; i < len(node.Content); i += 2 {
		key := node.Content[i]
		field, err := valueOf(key.Value, node.Content[i+1], key.HeadComment)
		if err != nil {
			return v, err
		}
		v.fields = append(v.fields, field)
	}
	return v, nil
}

// parseComment takes the last paragraph above a value: those before it are about the file.
func parseComment(comment string) (description string, hints schema, err error) {
	paragraphs := strings.Split(comment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		if hint, found := strings.CutPrefix(line, "@schema "); found {
			if err := yaml.Unmarshal([]byte(hint), &hints); err != nil {
				return "", nil, err
			}
			continue
		}
		words = append(words, line)
	}
	return strings.TrimSpace(strings.Join(words, " ")), hints, nil
}

// schema is the value's, with nothing allowed that values.yaml does not name, but with nothing behind it: that is its
// default.
func (v value) schema(kinds map[string]schema) (schema, error) {
	s := schema{"type": jsonType(v.node)}
	if v.description != "" {
		s["description"] = v.description
	}
	maps.Copy(s, v.hints)
	orNothing(s)
	if items, ok := s["items"].(schema); ok && items["$kind"] != nil {
		spec, known := kinds[fmt.Sprint(items["$kind"])]
		if !known {
			return nil, fmt.Errorf("%s: there is no kind %v", v.name, items["$kind"])
		}
		s["items"] = objectSchema(spec)
	}
	if v.fields == nil {
		return s, nil
	}
	properties := schema{}
	for _, field := range v.fields {
		of, err := field.schema(kinds)
		if err != nil {
			return nil, err
		}
		properties[field.name] = of
	}
	s["properties"], s["additionalProperties"] = properties, false
	return s, nil
}

// orNothing allows null as well.
func orNothing(s schema) {
	if types, several := s["type"].([]any); several {
		s["type"] = append(types, "null")
	} else {
		s["type"] = []any{s["type"], "null"}
	}
	if words, ok := s["enum"].([]any); ok {
		s["enum"] = append(words, nil)
	}
}

func jsonType(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "object"
	case node.Kind == yaml.SequenceNode:
		return "array"
	case node.Tag == "!!bool":
		return "boolean"
	case node.Tag == "!!int":
		return "integer"
	default:
		return "string"
	}
}
