package stb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// printData prints a value as JSON or YAML.
func printData(to io.Writer, format string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if format == asJSON {
		_, err = fmt.Fprintln(to, escaped(string(data)))
		return err
	}
	document, err := yamlOf(data)
	if err != nil {
		return err
	}
	_, err = io.WriteString(to, document)
	return err
}

// printBindings prints as kubectl does, with what is from Astro as a value, and in quotes if it is odd.
func printBindings(to io.Writer, all []*v1alpha1.ScopedTokenBinding, format string) error {
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, b := range all {
		object, err := manifest(b)
		if err != nil {
			return err
		}
		list.Items = append(list.Items, *object)
	}
	var out bytes.Buffer
	if format == asJSON {
		if err := (&printers.JSONPrinter{}).PrintObj(list, &out); err != nil {
			return err
		}
		_, err := io.WriteString(to, escaped(out.String()))
		return err
	}
	for i := range list.Items {
		if i > 0 {
			out.WriteString("---\n")
		}
		if err := printData(&out, asYAML, list.Items[i].Object); err != nil {
			return err
		}
	}
	_, err := out.WriteTo(to)
	return err
}

// escaped is JSON that means the same, with what is hidden and what a CI system takes for a command escaped.
func escaped(document string) string {
	return commands.ReplaceAllString(text.JSON(document), `#\u0023$1`)
}

// yamlOf is a JSON document as YAML that means the same. No line is folded, so a value begins no line, and what is not printable
// is in quotes and escaped.
func yamlOf(document []byte) (string, error) {
	var value any
	if err := utiljson.Unmarshal(document, &value); err != nil {
		return "", err
	}
	root, err := nodeOf(value)
	if err != nil {
		return "", err
	}
	var plain bytes.Buffer
	encoder := yaml.NewEncoder(&plain)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(root); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range plain.String() {
		if r == '\n' || !text.Hidden(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\U%08X`, r) // which the library takes for printable
		}
	}
	return commands.ReplaceAllString(out.String(), `#\x23$1`), nil
}

// nodeOf is a value of JSON with every text in double quotes, in which all can be escaped, that is not printable.
func nodeOf(value any) (*yaml.Node, error) {
	node := &yaml.Node{}
	switch v := value.(type) {
	case map[string]any:
		node.Kind = yaml.MappingNode
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := grow(node, key, v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		node.Kind = yaml.SequenceNode
		if err := grow(node, v...); err != nil {
			return nil, err
		}
	case string:
		if printable(v) != v {
			node.Kind, node.Tag, node.Style, node.Value = yaml.ScalarNode, "!!str", yaml.DoubleQuotedStyle, v
			return node, nil
		}
		return node, node.Encode(v)
	default:
		return node, node.Encode(v)
	}
	return node, nil
}

// grow adds values to a node.
func grow(node *yaml.Node, values ...any) error {
	for _, value := range values {
		child, err := nodeOf(value)
		if err != nil {
			return err
		}
		node.Content = append(node.Content, child)
	}
	return nil
}
