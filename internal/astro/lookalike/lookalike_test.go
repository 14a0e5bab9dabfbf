package lookalike_test

import (
	"testing"

	. "github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
)

func TestDifference(t *testing.T) {
	const none = ""
	cases := map[string]struct{ a, b, want string }{
		"Same":             {"CI deployer", "CI deployer", none},
		"Other":            {"CI deployer", "CD deployer", none},
		"Empty":            {"", "a", none},
		"Prefix":           {"ci", "ci 2", none},
		"LetterCase":       {"deploy only", "Deploy Only", "in letter case"},
		"LetterCaseOfRole": {"deployment_admin", "DEPLOYMENT_ADMIN", "in letter case"},
		"GermanCase":       {"STRASSE", "straße", "in letter case"},
		"Composition":      {"E\u0301quipe donne\u0301es", "\u00c9quipe donn\u00e9es", "in how accents are written"},
		"NoAccents":        {"Equipe donnees", "Équipe données", "in accents"},
		"EnDash":           {"prod\u2013etl", "prod-etl", "in dashes"},
		"EmDash":           {"prod\u2014etl", "prod-etl", "in dashes"},
		"Minus":            {"prod\u2212etl", "prod-etl", "in dashes"},
		"NonBreaking":      {"prod\u2011etl", "prod-etl", "in dashes"},
		"ZeroWidth":        {"prod\u200betl", "prodetl", "in invisible characters"},
		"ByteOrderMark":    {"\ufeffprod", "prod", "in invisible characters"},
		"SoftHyphen":       {"prod\u00adetl", "prodetl", "in invisible characters"},
		"Direction":        {"prod\u200e", "prod", "in invisible characters"},
		"Filler":           {"data\u3164", "data", "in invisible characters"},
		"Braille":          {"data\u2800", "data", "in invisible characters"},
		"Variation":        {"data\ufe0f", "data", "in invisible characters"},
		"PrivateUse":       {"data\ue000", "data", "in invisible characters"},
		"Around":           {" prod ", "prod", "in spaces"},
		"Double":           {"CI  deployer", "CI deployer", "in spaces"},
		"NoBreakSpace":     {"CI\u00a0deployer", "CI deployer", "in spaces"},
		"Underscore":       {"prod_etl", "prod-etl", "in a space, hyphen or underscore"},
		"Words":            {"deploy-only", "deploy only", "in a space, hyphen or underscore"},
		"Quotes":           {"team\u2019s", "team's", "in quotation marks"},
		"Cyrillic":         {"d\u0430ta", "data", "in letters of another alphabet"},
		"Prime":            {"team\u2032s", "team's", "in quotation marks"},
		"DotlessI":         {"f\u0131nance", "finance", "in accents"},
		"LStroke":          {"z\u0142oty", "zloty", "in accents"},
		"OStroke":          {"\u00d8resund", "Oresund", "in accents"},
		"StrokeAndCase":    {"\u00d8resund", "oresund", "in accents and in letter case"},
		"FullWidth":        {"\uff43\uff49", "ci", "in full-width or joined characters"},
		"Ligature":         {"\ufb01nance", "finance", "in full-width or joined characters"},
		"Two":              {"PROD\u2013etl", "prod-etl", "in dashes and in letter case"},
		"CaseAndWords":     {"Deploy_Only", "deploy only", "in letter case and in a space, hyphen or underscore"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, got := range []string{Difference(c.a, c.b), Difference(c.b, c.a)} {
				if got != c.want {
					t.Errorf("%q and %q: want %q, got %q", c.a, c.b, c.want, got)
				}
			}
		})
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"CI deployer", "E\u0301 \u2013", "\ufb01", "a\xffb", "ß_ς"} {
		f.Add(s, s+" ")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if words := Difference(a, b); (words != "") != (a != b && Key(a) == Key(b)) {
			t.Errorf("%q and %q have keys %q and %q, but %q between them", a, b, Key(a), Key(b), words)
		}
	})
}
