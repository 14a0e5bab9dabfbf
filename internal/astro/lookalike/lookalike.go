package lookalike

import (
	"hash/maphash"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// fold makes names the same that differ in one way only.
type fold struct {
	words string // how such names differ
	apply func(string) string
}

// folds are applied in their order: what comes first makes the characters plainer for what comes later.
var folds = []fold{
	{"in invisible characters", func(s string) string { return strings.Map(visible, s) }},
	{"in spaces", single},
	{"in how accents are written", norm.NFC.String},
	{"in full-width or joined characters", norm.NFKC.String},
	{"in dashes", func(s string) string { return strings.Map(hyphen, s) }},
	{"in quotation marks", func(s string) string { return quotes.Replace(s) }},
	{"in letters of another alphabet", func(s string) string { return alphabets.Replace(s) }},
	{"in accents", withoutAccents},
	{"in letter case", func(s string) string { return cases.Fold().String(s) }},
	{"in a space, hyphen or underscore", func(s string) string { return single(separators.Replace(s)) }},
}

// Key is the same for all names that look alike.
func Key(name string) string {
	if plain(name) {
		return strings.ToLower(single(separators.Replace(name)))
	}
	return applied(name, -1)
}

// seed is of the hashes of this process.
var seed = maphash.MakeSeed()

// Hash is that of the Key, for an index of many names: a key may be many times as long as its name. Few that do not look alike have it
// in common, which Difference tells.
func Hash(name string) uint64 { return maphash.String(seed, Key(name)) }

// plain reports whether no fold but those of letter case and spaces changes the name.
func plain(name string) bool {
	for _, c := range []byte(name) {
		if c < ' ' || c >= 0x7f || c == '`' {
			return false
		}
	}
	return true
}

// Difference says how two names differ that look alike, such as "in letter case"; "" if they are the same or do not look
// alike.
func Difference(a, b string) string {
	if a == b || Key(a) != Key(b) {
		return ""
	}
	var needed []string
	for i, f := range folds {
		if applied(a, i) != applied(b, i) {
			needed = append(needed, f.words)
		}
	}
	if len(needed) == 0 { // more than one fold would do: the first of them says it
		for _, f := range folds {
			if f.apply(a) == f.apply(b) {
				return f.words
			}
		}
		return "in how it is written"
	}
	return strings.Join(needed, " and ")
}

// applied is the name after all folds but one.
func applied(name string, except int) string {
	for i, f := range folds {
		if i != except {
			name = f.apply(name)
		}
	}
	return name
}

// single leaves one space between words, and none around them.
func single(s string) string { return strings.Join(strings.Fields(s), " ") }

func visible(r rune) rune {
	if text.Invisible(r) {
		return -1
	}
	return r
}

// hyphen makes a hyphen of every dash and of the minus sign.
func hyphen(r rune) rune {
	const minus, modifier = '\u2212', '\u02d7'
	if unicode.Is(unicode.Pd, r) || r == minus || r == modifier {
		return '-'
	}
	return r
}

func withoutAccents(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(strokes.Replace(s))))
}

var (
	quotes = strings.NewReplacer("\u2018", "'", "\u2019", "'", "\u02bc", "'", "`", "'", "\u00b4", "'", "\u201c", `"`, "\u201d", `"`, "\u201e", `"`,
		"\u2032", "'", "\u2033", `"`)
	separators = strings.NewReplacer("-", " ", "_", " ")

	// strokes has the letters whose stroke or dot is no mark of its own in Unicode.
	strokes = strings.NewReplacer("ı", "i", "ł", "l", "Ł", "L", "ø", "o", "Ø", "O", "đ", "d", "Đ", "D", "ħ", "h", "Ħ", "H", "ŧ", "t", "Ŧ", "T")

	// alphabets has the Cyrillic and Greek letters that look like a Latin one.
	alphabets = strings.NewReplacer(
		"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X", "І", "I", "Ј", "J", "Ѕ", "S",
		"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "і", "i", "ј", "j", "ѕ", "s", "ԁ", "d", "ԛ", "q", "ԝ", "w",
		"Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X",
		"ο", "o", "ν", "v", "ι", "i",
	)
)
