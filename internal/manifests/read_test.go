package manifests

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// names are the objects that were read, and where each of them is.
func names(all []Document) (lines []string) {
	for _, d := range all {
		lines = append(lines, d.Kind()+" "+d.Object.GetName()+d.Object.GetGenerateName()+": "+d.Source)
	}
	return lines
}

const (
	head    = "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: "
	binding = head + "ScopedTokenBinding\nmetadata: {name: one}\n"
)

// object is a binding as JSON.
func object(name string) string {
	return `{"apiVersion": "astro.scopedtoken.dev/v1alpha1", "kind": "ScopedTokenBinding", "metadata": {"name": "` + name + `"}}`
}

func TestReadStream(t *testing.T) {
	cases := map[string]struct {
		reason, text string
		want         []string
	}{
		"Documents": {
			"A stream has several.", binding + "---\n# nothing\n---\n" + head + "AstroConnection\nmetadata: {name: acme}\n",
			[]string{"ScopedTokenBinding one: standard input, document 1", "AstroConnection acme: standard input, document 3"},
		},
		"List": {
			"The items of a list are read.",
			"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: astro.scopedtoken.dev/v1alpha1, kind: ScopedTokenBinding, metadata: {name: a}}\n- {apiVersion: v1, kind: Namespace, metadata: {name: team}}\n",
			[]string{"ScopedTokenBinding a: standard input, document 1, item 1", "Namespace team: standard input, document 1, item 2"},
		},
		"BindingList": {"So are those of a list of one kind.", head + "ScopedTokenBindingList\nitems:\n- {apiVersion: astro.scopedtoken.dev/v1alpha1, kind: ScopedTokenBinding, metadata: {name: a}}\n", []string{"ScopedTokenBinding a: standard input, document 1, item 1"}},
		"Others":      {"What is none of ours is passed over, even with items of its own.", "apiVersion: v1\nkind: ConfigMap\nitems: []\n---\n" + head + "TargetInventory\n---\napiVersion: apps/v1\nkind: Deployment\n", nil},
		"JSON":        {"JSON is YAML.", `{"apiVersion": "astro.scopedtoken.dev/v1alpha1", "kind": "ScopedTokenBinding", "metadata": {"name": "one"}}`, []string{"ScopedTokenBinding one: standard input, document 1"}},
		"JSONObjects": {
			"Of JSON several may stand in a row, as jq -c prints them.", object("a") + object("b") + "\n" + object("c") + "\n---\n" + object("d") + "\n",
			[]string{
				"ScopedTokenBinding a: standard input, document 1, object 1", "ScopedTokenBinding b: standard input, document 1, object 2",
				"ScopedTokenBinding c: standard input, document 1, object 3", "ScopedTokenBinding d: standard input, document 2",
			},
		},
		"JSONEscapes":  {"JSON escapes what YAML cannot.", strings.Replace(object("one"), "{", `{"spec": {"role": "\ud83d\ude00 \/"}, `, 1), []string{"ScopedTokenBinding one: standard input, document 1"}},
		"Flow":         {"YAML may have braces, comments and a mark for its end.", "# one\n{apiVersion: astro.scopedtoken.dev/v1alpha1, kind: ScopedTokenBinding, metadata: {name: one}} # done\n...\n# done\n", []string{"ScopedTokenBinding one: standard input, document 1"}},
		"GenerateName": {"A name may be left to the API server.", head + "ScopedTokenBinding\nmetadata: {generateName: ci-}\n", []string{"ScopedTokenBinding ci-: standard input, document 1"}},
		"Comment":      {"What holds none of them is no error.", "# nothing\n---\n", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]string{"-"}, false, strings.NewReader(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, names(got)); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}

// TestReadErrors: whoever has to correct a manifest is told which one it is.
func TestReadErrors(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"NotYAML":      {binding + "---\na: [\n", "standard input, document 2: "},
		"KeyTwice":     {binding + "kind: ScopedTokenBinding\n", `standard input, document 1: `},
		"NoKind":       {"metadata: {name: one}\n", "standard input, document 1: an object needs apiVersion and kind"},
		"NoObject":     {"- one\n", "standard input, document 1: an object is expected"},
		"NoItem":       {"apiVersion: v1\nkind: List\nitems: [one]\n", "standard input, document 1, item 1: an object is expected"},
		"Version":      {"apiVersion: astro.scopedtoken.dev/v9\nkind: ScopedTokenBinding\n", "standard input, document 1: apiVersion is astro.scopedtoken.dev/v9; this program knows astro.scopedtoken.dev/v1alpha1"},
		"OddKind":      {head + "Binding\n", `standard input, document 1: there is no kind "Binding" in astro.scopedtoken.dev/v1alpha1`},
		"JSONKeyTwice": {object("a") + `{"kind": "a", "kind": "b", "apiVersion": "v1"}`, `standard input, document 1: strict decoding error: duplicate field "kind"`},
		"JSONBroken":   {object("a") + `{"kind": `, "standard input, document 1: unexpected EOF"},
		"JSONNoObject": {object("a") + object("b") + "1", "standard input, document 1, object 3: an object is expected"},
		"JSONThenYAML": {object("a") + "\n" + binding, "standard input, document 1: "},
		"FlowTwice":    {"# two\n{apiVersion: v1, kind: ConfigMap}\n" + object("a"), "standard input, document 1: there is more behind the end of the object; put --- between two"},
		"FlowList":     {"# two\n{apiVersion: v1, kind: ConfigMap}, " + object("a"), "standard input, document 1: there is more behind the end of the object; put --- between two"},
		"BehindTheEnd": {binding + "...\n" + binding, "standard input, document 1: there is more behind the end of the object; put --- between two"},
		"OddFormed":    {"apiVersion: a/b/c\nkind: Thing\n", "standard input, document 1: "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Read([]string{"-"}, false, strings.NewReader(tc.text))
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("want an error that begins with %q, got %v", tc.want, err)
			}
		})
	}
}

// TestReadEncodings: every document is read, whatever wrote the file. What is left out would be deleted by a plan with --prune.
func TestReadEncodings(t *testing.T) {
	const bom = "\ufeff"
	two := strings.ReplaceAll(bom+binding+"---\n# für zwei\n"+strings.ReplaceAll(binding, "one", "two"), "\n", "\r\n")
	bytesOf := func(order binary.AppendByteOrder, text string) string {
		var all []byte
		for _, unit := range utf16.Encode([]rune(text)) {
			all = order.AppendUint16(all, unit)
		}
		return string(all)
	}
	for name, text := range map[string]string{
		"UTF16LE": bytesOf(binary.LittleEndian, two), "UTF16BE": bytesOf(binary.BigEndian, two), "UTF8": two, "NoMark": strings.TrimPrefix(two, bom),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "bindings.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for path, source := range map[string]string{"-": "standard input", file: file} {
				got, err := Read([]string{path}, false, strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				want := []string{"ScopedTokenBinding one: " + source + ", document 1", "ScopedTokenBinding two: " + source + ", document 2"}
				if diff := cmp.Diff(want, names(got)); diff != "" {
					t.Errorf("%s -want +got\n%s", path, diff)
				}
			}
		})
	}
	for _, mark := range []string{bytesOf(binary.LittleEndian, bom), bom} {
		if _, err := Read([]string{"-"}, false, strings.NewReader(mark)); err == nil || err.Error() != "standard input is empty" {
			t.Errorf("a mark alone: want that standard input is empty, got %v", err)
		}
	}
}

func TestReadFolder(t *testing.T) {
	folder := t.TempDir()
	for path, text := range map[string]string{
		"b.yaml": binding, "a.yml": strings.ReplaceAll(binding, "one", "first"), "c.json": "{}", "notes.md": "- not a manifest",
		"kustomization.yaml": "resources: [b.yaml]\n", "deeper/d.yaml": strings.ReplaceAll(binding, "one", "deep"),
	} {
		at := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(folder, "c.json")); err != nil {
		t.Fatal(err)
	}
	a, b, deep := filepath.Join(folder, "a.yml"), filepath.Join(folder, "b.yaml"), filepath.Join(folder, "deeper", "d.yaml")
	flat := []string{"ScopedTokenBinding first: " + a + ", document 1", "ScopedTokenBinding one: " + b + ", document 1"}
	for recursive, want := range map[bool][]string{false: flat, true: append(flat, "ScopedTokenBinding deep: "+deep+", document 1")} {
		got, err := Read([]string{folder}, recursive, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, names(got)); diff != "" {
			t.Errorf("recursive %v -want +got\n%s", recursive, diff)
		}
	}
	for path, want := range map[string]string{"-": "standard input is empty", filepath.Join(folder, "none.yaml"): "no such file", t.TempDir(): "holds no file that ends in .yaml"} {
		if _, err := Read([]string{path}, false, strings.NewReader(" \n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error with %q, got %v", path, want, err)
		}
	}
}
