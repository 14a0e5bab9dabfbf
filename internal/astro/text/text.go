package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

const (
	// MostRole is how many bytes the name of a role has at most: the kinds take 256 characters.
	MostRole = 4 * 256
	// MostName is how many bytes of a name of Astro's, or of another text, a status keeps.
	MostName = 512
)

// Words is a word or a name as it may stand in a sentence: on one line, and as long as that of a role may be.
func Words(s string) string { return Clip(Line(s), MostRole) }

// Invisible reports whether no font shows the character, or whether it does something to what stands around it: control
// characters, those of format and direction, selectors of variants, letters and symbols that are blank, and those of private
// use, whose look is for each font to say. A space is none of them.
func Invisible(r rune) bool {
	const blankBraille, nullNotehead = '\u2800', '\U0001d159'
	switch {
	case unicode.IsSpace(r):
		return false
	case r <= unicode.MaxLatin1:
		return unicode.IsControl(r) || r == '\u00ad'
	case r == blankBraille, r == nullNotehead:
		return true
	}
	return unicode.In(r, unicode.C, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// Hidden reports whether the character is not seen, or stands for one that cannot be. The selectors of emoji are seen by what they
// select.
func Hidden(r rune) bool {
	return !unicode.IsPrint(r) || r == unicode.ReplacementChar || Invisible(r) && !unicode.Is(unicode.Variation_Selector, r)
}

// Line is the text on one line and in valid UTF-8, without what is invisible. A text that has nothing of the kind stays as it
// is, spaces in a row included.
func Line(s string) string {
	if plain(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case Invisible(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Clip cuts a text that has more bytes than that, at a character, and ends it with dots.
func Clip(s string, most int) string {
	const dots = "…"
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:max(0, most-len(dots))], "") + dots
}

// Quote is strconv.Quote, which escapes what is invisible and was not escaped as well: some blanks are letters.
func Quote(s string) string {
	var out strings.Builder
	for _, r := range strconv.Quote(s) {
		if Invisible(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// JSON is a document of JSON that means the same, with the characters escaped that encoding/json leaves as they are and a terminal
// takes for something other than text, such as U+009B, which begins what ESC [ does.
func JSON(document string) string {
	var out strings.Builder
	for _, r := range document {
		switch {
		case r < unicode.MaxASCII || !Hidden(r):
			out.WriteRune(r)
		case r > math.MaxUint16:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}
