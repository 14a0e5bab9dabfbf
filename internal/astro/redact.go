package astro

import (
	"regexp"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

const redacted = "[redacted]"

// secretLike matches what looks like anybody's secret: what follows "Bearer", a JWT, user and password in a URL, and any run
// of the characters of secrets that is longer than Astro's ids (26) and request ids (36).
var secretLike = regexp.MustCompile(`//[^\s/]*@|(?i:bearer)[\s:=]+\S+|eyJ[A-Za-z0-9_-]{4,}[A-Za-z0-9_.+/=-]*|[A-Za-z0-9_+/=-]{41,}`)

// clean makes text from outside fit for an error: on one line, without what is invisible or looks like a secret.
func clean(s string) string {
	return secretLike.ReplaceAllString(strings.Join(strings.Fields(text.Line(s)), " "), redacted)
}

// secretPiece is how many letters in a row of a credential count as a leak.
const secretPiece = 12

// redactor finds the pieces of one credential, because a server may echo a part of it.
type redactor struct {
	whole  string
	pieces map[string]struct{}
}

func newRedactor(secret string) *redactor {
	r := &redactor{whole: secret, pieces: map[string]struct{}{}}
	for i := 0; i+secretPiece <= len(secret); i++ {
		r.pieces[secret[i:i+secretPiece]] = struct{}{}
	}
	return r
}

// startOf is the beginning of a text.
func startOf(s string) string { return s[:min(len(s), 4<<10)] }

// clean is the package's clean of the beginning, and also removes every piece of the credential.
func (r *redactor) clean(s string) string {
	s = startOf(s)
	if r.whole != "" && len(r.whole) < secretPiece {
		s = strings.ReplaceAll(s, r.whole, redacted)
	}
	return r.cut(clean(r.cut(clean(s))))
}

func (r *redactor) cut(s string) string {
	var out strings.Builder
	from := 0 // where the text not yet written begins
	for i := 0; i+secretPiece <= len(s); i++ {
		if _, ok := r.pieces[s[i:i+secretPiece]]; !ok {
			continue
		}
		end := i + secretPiece
		for end < len(s) && r.has(s[end-secretPiece+1:end+1]) {
			end++
		}
		out.WriteString(s[from:i] + redacted)
		from, i = end, end-1
	}
	return out.String() + s[from:]
}

func (r *redactor) has(piece string) bool {
	_, ok := r.pieces[piece]
	return ok
}

// sentPiece is how many letters in a row of what was sent count as an echo of it.
const sentPiece = 6

// withoutEcho takes out of a text what repeats a part of what was sent, in capitals or not. It comes before a redactor: where that cuts
// a piece of the secret out of an echo, whoever chose what was sent learns the piece.
func withoutEcho(s, sent string) string {
	in, of := asciiLower(s), asciiLower(sent)
	var out strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && strings.Contains(of, in[i:i+n+1]) {
			n++
		}
		if n < sentPiece {
			out.WriteByte(s[i])
			i++
			continue
		}
		out.WriteString("…")
		i += n
	}
	return out.String()
}

// asciiLower keeps the length of a text, which strings.ToLower does not.
func asciiLower(s string) string {
	lower := []byte(s)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return string(lower)
}
