package manifests

import (
	"bufio"
	"bytes"
	"cmp"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	k8sjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Document is one object of a manifest, with metadata that the API server takes.
type Document struct {
	Source string // as in "bindings.yaml, document 2"
	Object *unstructured.Unstructured
}

// Kind is the object's kind.
func (d *Document) Kind() string { return d.Object.GetKind() }

// The kinds that are read. What else there is in a manifest is passed over.
const (
	KindBinding           = "ScopedTokenBinding"
	KindConnection        = string(v1alpha1.KindAstroConnection)
	KindClusterConnection = string(v1alpha1.KindClusterAstroConnection)
	KindInventory         = "TargetInventory"
	KindNamespace         = "Namespace"
)

// Read reads files, folders, and - for stdin. Of a folder the files that end as manifests do are read, and those of its folders
// if recursive.
func Read(paths []string, recursive bool, stdin io.Reader) (all []Document, err error) {
	for _, path := range paths {
		if path == "-" {
			more, err := readInput(stdin)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
			continue
		}
		files, err := filesOf(path, recursive)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			more, err := readFile(file)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	return all, nil
}

// parse reads documents, and the items of lists among them.
func parse(source string, from io.Reader) (all []Document, err error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(from))
	for n := 1; ; n++ {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		where := fmt.Sprintf("%s, document %d", source, n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		more, err := parseDocument(where, text)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
}

// parseDocument reads the objects between two separators: one of YAML, or of JSON any number, as jq -c '.items[]' prints them.
func parseDocument(where string, text []byte) (all []Document, err error) {
	contents, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	for i, content := range contents {
		at := where
		if len(contents) > 1 {
			at = fmt.Sprintf("%s, object %d", where, i+1)
		}
		object, is := content.(map[string]any)
		switch {
		case content == nil: // comments alone, or nothing
			continue
		case !is:
			return nil, fmt.Errorf("%s: an object is expected", at)
		}
		more, err := flatten(at, object)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// decode reads what stands between two separators. YAML may begin with a brace as well as JSON.
func decode(text []byte) (all []any, err error) {
	if !utilyaml.IsJSONBuffer(text) {
		return decodeYAML(text)
	}
	for stream := stdjson.NewDecoder(bytes.NewReader(text)); ; {
		var raw stdjson.RawMessage
		err := stream.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			one, notYAML := decodeYAML(text)
			if notYAML != nil && len(all) > 0 {
				return nil, err
			}
			return one, notYAML
		}
		content, err := decodeJSON(raw)
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
}

// strict is how kubectl's requests are read: a key that is there twice is an error.
var strict = k8sjson.NewSerializerWithOptions(k8sjson.DefaultMetaFactory, runtime.NewScheme(), runtime.NewScheme(), k8sjson.SerializerOptions{Strict: true})

func decodeJSON(text []byte) (content any, err error) {
	if _, _, err := strict.Decode(text, nil, &unstructured.Unstructured{}); runtime.IsStrictDecodingError(err) {
		return nil, err
	}
	err = json.Unmarshal(text, &content)
	return content, err
}

func decodeYAML(text []byte) ([]any, error) {
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	if err := checkEnd(text); err != nil {
		return nil, err
	}
	var content any
	err = json.Unmarshal(data, &content)
	return []any{content}, err
}

var (
	comments = regexp.MustCompile(`^(?:\s*#.*)*\s*`)
	endMark  = regexp.MustCompile(`(?m)^\.\.\.(?:\s|$)`)
)

// checkEnd refuses what stands behind the end of a document of YAML, at which the parser does not look: behind the mark for
// it, and behind the brace that closes the object.
func checkEnd(text []byte) error {
	if at := endMark.FindIndex(text); at != nil {
		if behind := text[at[1]:]; len(comments.ReplaceAll(behind, nil)) > 0 {
			return errBehind
		}
		text = text[:at[0]]
	}
	if !utilyaml.IsJSONBuffer(comments.ReplaceAll(text, nil)) {
		return nil
	}
	var items []any // of which it has to be the only one
	if err := yaml.Unmarshal(slices.Concat([]byte("[\n"), text, []byte("\n]")), &items); err != nil || len(items) != 1 {
		return errBehind
	}
	return nil
}

var errBehind = errors.New("there is more behind the end of the object; put --- between two")

// flatten are the objects that are read of a document: itself, or of a list its items.
func flatten(where string, content map[string]any) ([]Document, error) {
	object := &unstructured.Unstructured{Object: content}
	kind := object.GetKind()
	if kind == "" || object.GetAPIVersion() == "" {
		return nil, fmt.Errorf("%s: an object needs apiVersion and kind", where)
	}
	items, isList := content["items"].([]any)
	if !isList || !strings.HasSuffix(kind, "List") {
		return ours(Document{Source: where, Object: object})
	}
	var all []Document
	for i, item := range items {
		at := fmt.Sprintf("%s, item %d", where, i+1)
		content, is := item.(map[string]any)
		if !is {
			return nil, fmt.Errorf("%s: an object is expected", at)
		}
		more, err := flatten(at, content)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}

// ours is the document, if it is one that is read.
func ours(d Document) ([]Document, error) {
	is, err := d.isOurs()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Source, err)
	}
	if !is {
		return nil, nil
	}
	if err := d.checkMetadata(); err != nil {
		return nil, d.refused(err)
	}
	return []Document{d}, nil
}

// refused is what the API server would say of the document, with where that is.
func (d *Document) refused(err error) error {
	return fmt.Errorf("%s: %s %q: %w", d.Source, d.Kind(), cmp.Or(d.Object.GetName(), d.Object.GetGenerateName()), err)
}

func (d *Document) isOurs() (bool, error) {
	version, err := schema.ParseGroupVersion(d.Object.GetAPIVersion())
	switch {
	case err != nil:
		return false, err
	case version == schema.GroupVersion{Version: "v1"} && d.Kind() == KindNamespace:
		return true, nil
	case version.Group != v1alpha1.GroupVersion.Group || d.Kind() == KindInventory:
		return false, nil
	case version != v1alpha1.GroupVersion:
		return false, fmt.Errorf("apiVersion is %s; this program knows %s", version, v1alpha1.GroupVersion)
	case !slices.Contains([]string{KindBinding, KindConnection, KindClusterConnection}, d.Kind()):
		return false, fmt.Errorf("there is no kind %q in %s", d.Kind(), v1alpha1.GroupVersion)
	}
	return true, nil
}
