package text

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLine(t *testing.T) {
	cases := map[string]struct{ reason, text, want string }{
		"Plain":       {"An ordinary text stays as it is.", "Équipe  données – CI \"deployer\"", "Équipe  données – CI \"deployer\""},
		"LineBreaks":  {"A second line would be somebody else's words.", "a\r\nb\u0085c\u2028d\u2029e", "a  b c d e"},
		"Spaces":      {"A space of another width is a space.", "a\u00a0b\u3000c\td", "a b c d"},
		"Controls":    {"A terminal obeys them.", "a\x1b[31m\x00\x7f\u009bb", "a[31mb"},
		"Direction":   {"The rest of the line would be read from right to left.", "a\u202eb\u2066c\u200fd", "abcd"},
		"NoWidth":     {"Nobody sees them.", "a\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u034fb", "ab"},
		"Selectors":   {"They change how another character looks.", "a\ufe0f\ufe00\U000e0100\u180bb", "ab"},
		"Tags":        {"Text that nobody sees.", "a\U000e0041\U000e007fb", "ab"},
		"Blanks":      {"They are letters and symbols, and blank.", "a\u3164\u2800\u115f\u1160\uffa0\u17b4\U0001d159b", "ab"},
		"Private":     {"How it looks is for each font to say.", "a\ue000b", "ab"},
		"Ignorable":   {"A font may leave out what is not assigned yet.", "a\u2065\ufff0b", "ab"},
		"NotUTF8":     {"The API server refuses it.", "a\xff\xc3b", "ab"},
		"OtherLetter": {"A letter of any script is seen.", "日本語 ñ ш ı ł", "日本語 ñ ш ı ł"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Line(c.text); got != c.want {
				t.Errorf("%s\nwant %q, got %q", c.reason, c.want, got)
			}
		})
	}
}

func TestLineHoldsForAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		line := Line(s)
		if !utf8.ValidString(line) || strings.ContainsFunc(line, Invisible) || strings.ContainsAny(line, "\n\r\v\f\u0085\u2028\u2029") {
			t.Fatalf("%q became %q", s, line)
		}
		if Line(line) != line {
			t.Fatalf("%q does not stay as it is", line)
		}
	})
}

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, most := rapid.String().Draw(t, "text"), rapid.IntRange(3, 40).Draw(t, "most")
		got := Clip(s, most)
		if len(got) > most || !utf8.ValidString(got) || len(s) <= most && got != s || len(s) > most && !strings.HasSuffix(got, "…") {
			t.Fatalf("%q within %d bytes became %q", s, most, got)
		}
	})
}

func TestJSONHoldsForAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		got := JSON(string(plain))
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != s || strings.ContainsFunc(got, Hidden) {
			t.Fatalf("%q became %s, which is %q: %v", s, got, back, err)
		}
	})
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"data \"é\"": `"data \"é\""`, "data\u3164": `"data\u3164"`, "data\u2800": `"data\u2800"`, "a\u200b\n": `"a\u200b\n"`,
	} {
		if got := Quote(text); got != want {
			t.Errorf("want %s, got %s", want, got)
		}
	}
}
