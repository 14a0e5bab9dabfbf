package stb

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// TestPrintedJSON: -o json has every character that is not seen escaped, and means what it was made of.
func TestPrintedJSON(t *testing.T) {
	for plain, want := range map[string]string{
		"CI deployer é 日本 \u2764\ufe0f": `"CI deployer é 日本 ` + "\u2764\ufe0f" + `"`, "two\nlines": `"two\nlines"`, "\x1b[8m": `"\u001b[8m"`,
		"\u0085\u009b8m\u0080\x7f": `"\u0085\u009b8m\u0080\u007f"`, "\u202ea\u200b": `"\u202ea\u200b"`, "\U000e0041": `"\udb40\udc41"`,
		"a ##[add-mask]grant": `"a #\u0023[add-mask]grant"`, `##vso[x] \`: `"#\u0023vso[x] \\"`, odd: "",
	} {
		var out bytes.Buffer
		if err := printData(&out, asJSON, []string{plain}); err != nil {
			t.Fatal(err)
		}
		if want != "" && out.String() != "[\n  "+want+"\n]\n" {
			t.Errorf("%q: want %s, got %s", plain, want, out.String())
		}
		if strings.ContainsFunc(strings.ReplaceAll(out.String(), "\n", ""), text.Hidden) || commands.MatchString(out.String()) {
			t.Errorf("%q: printed as %s", plain, out.String())
		}
		var back []string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != 1 || back[0] != plain {
			t.Errorf("%q: read back as %q: %v", plain, back, err)
		}
	}
}

// TestPrintedYAML: -o yaml has every text in quotes, and escaped, that hides something or could be taken for a command.
func TestPrintedYAML(t *testing.T) {
	long := strings.Repeat("words of others ", 10) + "::stop-commands::z"
	for name, c := range map[string]struct{ reason, text, want string }{
		"Plain":     {"An ordinary text stays as it is.", "CI deployer é 日本", "CI deployer é 日本"},
		"Quoted":    {"What YAML reads as something else is in quotes, as kubectl has it.", "yes", `"yes"`},
		"Number":    {"So is a number.", "010", `"010"`},
		"Line":      {"A second line would begin with the command of others.", "x\n::stop-commands::z", `"x\n::stop-commands::z"`},
		"Folded":    {"So would one that a long text is folded to.", long, long},
		"Command":   {"Azure Pipelines obeys it wherever it stands.", "##vso[task.setvariable variable=A]b", `"#\x23vso[task.setvariable variable=A]b"`},
		"Leading":   {"GitHub Actions obeys it where a line begins.", "::add-mask::x", `"::add-mask::x"`},
		"Direction": {"The rest would be read from right to left.", "\u202ea\u200b", `"\U0000202Ea\U0000200B"`},
		"Controls":  {"A terminal obeys them.", "\x1b[8m\u009b8m\u0085", `"\e[8m\x9B8m\N"`},
		"Tags":      {"Text that nobody sees.", "a\U000e0041", `"a\U000E0041"`},
	} {
		var out bytes.Buffer
		if err := printData(&out, asYAML, []string{c.text}); err != nil {
			t.Fatal(err)
		}
		if out.String() != "- "+c.want+"\n" {
			t.Errorf("%s: %s\nwant - %s\ngot  %s", name, c.reason, c.want, out.String())
		}
	}
}

// TestPrintedYAMLHoldsForAnyText: whatever the text is, and wherever it stands, it is read back as it is and begins no line.
func TestPrintedYAMLHoldsForAnyText(t *testing.T) {
	texts := rapid.Custom(func(t *rapid.T) string {
		part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"::add-mask::", "##[", "##vso[", "\n", " ", ": ", "- ", "#", "\u202e", "\u0085", "\u2028", "yes", odd}))
		return strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		want := map[string][]string{"a": rapid.SliceOfN(texts, 0, 3).Draw(t, "texts"), texts.Draw(t, "key"): {}}
		var out bytes.Buffer
		if err := printData(&out, asYAML, want); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), text.Hidden) || strings.HasPrefix(strings.TrimSpace(line), "::") || commands.MatchString(line) {
				t.Fatalf("%q", line)
			}
		}
		var back map[string][]string
		if err := yaml.UnmarshalStrict(out.Bytes(), &back); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		was, _ := json.Marshal(want)
		is, _ := json.Marshal(back)
		if string(was) != string(is) {
			t.Fatalf("%s was read back as %s\n%s", was, is, out.String())
		}
	})
}
