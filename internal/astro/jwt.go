package astro

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// maxCredential is longer than any API token.
const maxCredential = 16 << 10

// The ways in which a value is something else than one JWT. All are constant: what was read cannot get into a message.
var (
	errEmpty       = errors.New("the value is empty")
	errTooLong     = errors.New("the value is longer than 16 KiB, which no API token is")
	errUTF16       = errors.New("the value is text in UTF-16 or UTF-32; write it as plain ASCII")
	errBOM         = errors.New("the value begins with a byte order mark; save it as UTF-8 without one")
	errBinary      = errors.New("the value is not text in UTF-8: it is binary, or in another encoding")
	errControl     = errors.New("the value holds a control character")
	errInvisible   = errors.New("the value holds a character that cannot be seen: a zero-width or non-breaking space, a mark of direction or the like")
	errPEM         = errors.New("the value is a certificate or key in PEM")
	errPlaceholder = errors.New("the value is or holds a placeholder that nobody has filled in")
	errMarkup      = errors.New("the value is HTML or XML")
	errQuoted      = errors.New("the value stands in quotes")
	errJSON        = errors.New("the value is JSON")
	errHeader      = errors.New("the value is an HTTP header")
	errBearer      = errors.New(`the value begins with "Bearer"`)
	errScheme      = errors.New("the value begins with the name of an authentication scheme")
	errAssignment  = errors.New("the value is an assignment (NAME=value)")
	errYAML        = errors.New("the value is YAML (name: value)")
	errURL         = errors.New("the value is or holds a URL")
	errSeveral     = errors.New("the value holds more than one token")
	errTwice       = errors.New("the value is encoded in base64 once more than it should be; under data a Secret takes base64, under stringData the token itself")
	errEscaped     = errors.New("the value holds a backslash or a percent sign: it is escaped text")
	errLineBreak   = errors.New("the value has a line break inside")
	errWords       = errors.New("the value has words before or after the token")
	errSpace       = errors.New("the value has white space inside")
	errNotASCII    = errors.New("the value holds a character outside of ASCII")
	errPadded      = errors.New(`the value holds "=", which no API token does`)
	errCharacter   = errors.New("the value holds a character that no API token does")
	errNotJWT      = errors.New("the value is not an Astro API token: it is not a JWT of three parts")
	errEncrypted   = errors.New("the value is not an Astro API token: it has five parts, as an encrypted token has")
	errNoSignature = errors.New("the value is cut off: it has the beginning of a token and no signature")
	errCutOff      = errors.New("the value is cut off: its signature is not whole")
	errBadHeader   = errors.New("the value is not an Astro API token: the header of the JWT cannot be read")
	errBadClaims   = errors.New("the value is not an Astro API token: its claims cannot be read")
	errNoTokenID   = errors.New("the value is not an Astro API token: it has no claim apiTokenId, as the token of a user has none")
)

// compactJWT is the one form of a JWT (RFC 7515, 7.1): three parts of base64url without padding.
var compactJWT = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// claimsOf are the claims of the value if it is exactly one JWT, and otherwise an error that names the kind of what is
// wrong with it.
func claimsOf(value string) ([]byte, error) {
	if len(value) > maxCredential {
		return nil, errTooLong
	}
	if !compactJWT.MatchString(value) {
		return nil, dirtOf(value)
	}
	parts := strings.Split(value, ".")
	if !isObject(decoded(parts[0])) {
		return nil, errBadHeader
	}
	claims := decoded(parts[1])
	if !isObject(claims) {
		return nil, errBadClaims
	}
	if decoded(parts[2]) == nil {
		return nil, errCutOff
	}
	return claims, nil
}

func decoded(part string) []byte {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	return raw
}

func isObject(raw []byte) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(raw, &fields) == nil && fields != nil
}

// kind is one way of not being a JWT.
type kind struct {
	fits func(value string) bool
	err  error
}

// kinds are looked at in this order: how the bytes are written before what they say, and what stands around a token before
// the characters that come with that.
var kinds = []kind{
	{func(v string) bool { return v == "" }, errEmpty},
	{isWide, errUTF16},
	{begins(byteOrderMark), errBOM},
	{func(v string) bool { return !utf8.ValidString(v) }, errBinary},
	{has(isControl), errControl},
	{begins("-----BEGIN"), errPEM},
	{matches(`^\s*\{\{|^<[^>]*>$|\$\{|\$\(|^\$[A-Za-z_]+$|^%[A-Za-z_]+%$`), errPlaceholder},
	{begins("<"), errMarkup},
	{isQuoted, errQuoted},
	{begins("{", "["), errJSON},
	{matches(`^(?i:authorization|x-[a-z-]+)\s*:`), errHeader},
	{matches(`^(?i:bearer)([^A-Za-z0-9_.-]|$)`), errBearer},
	{matches(`^(?i:basic|token|jwt|apikey|digest|negotiate)\s+[^\s:=]`), errScheme},
	{matches(`^((?i:export|set|setx|env)\s+|\$env:)?[A-Za-z_][A-Za-z0-9_.-]*\s*:?=[^.=]`), errAssignment},
	{matches(`^(---\s|-\s|"?[A-Za-z_][A-Za-z0-9_.-]*"?:(\s|$))`), errYAML},
	{matches(`://`), errURL},
	{func(v string) bool { return len(beginning.FindAllStringIndex(v, 2)) > 1 }, errSeveral},
	{isEncodedOnceMore, errTwice},
	{has(isInvisible), errInvisible},
	{matches(`\\|%[0-9A-Fa-f]{2}`), errEscaped},
	{matches(`[\n\r\v\f\x{85}\x{2028}\x{2029}]`), errLineBreak},
	{matches(`(^|\s)eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\s|$)`), errWords},
	{has(unicode.IsSpace), errSpace},
	{has(func(r rune) bool { return r > unicode.MaxASCII }), errNotASCII},
	{func(v string) bool { return strings.Contains(v, "=") }, errPadded},
	{matches(`[^A-Za-z0-9_.-]`), errCharacter},
	{matches(`^eyJ[^.]*(\.[^.]*\.?)?$`), errNoSignature},
	{matches(`^[^.]+(\.[^.]*){3}\.[^.]+$`), errEncrypted},
}

// dirtOf says what a value is that is no JWT.
func dirtOf(value string) error {
	for _, k := range kinds {
		if k.fits(value) {
			return k.err
		}
	}
	return errNotJWT
}

const (
	byteOrderMark = "\ufeff"
	quotes        = "\"'`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
)

// beginning is how every JWT begins, up to its signature: header and claims are JSON objects, which base64 makes "eyJ".
var beginning = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.`)

func begins(prefixes ...string) func(string) bool {
	return func(v string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(v, p) })
	}
}

func matches(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

func has(is func(rune) bool) func(string) bool {
	return func(v string) bool { return strings.ContainsFunc(v, is) }
}

// isWide reports whether the value is text of two or four bytes a character: it has their byte order mark, or a zero byte
// beside each letter.
func isWide(v string) bool {
	return begins("\xff\xfe", "\xfe\xff", "\x00\x00\xfe\xff")(v) || strings.Count(v, "\x00")*3 >= len(v)
}

func isQuoted(v string) bool {
	first, _ := utf8.DecodeRuneInString(v)
	last, _ := utf8.DecodeLastRuneInString(v)
	return strings.ContainsRune(quotes, first) || strings.ContainsRune(quotes, last)
}

func isControl(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }

// isInvisible reports whether the character takes no room, or looks like a space and is none.
func isInvisible(r rune) bool {
	return text.Invisible(r) || r > unicode.MaxASCII && unicode.Is(unicode.Zs, r)
}

// mostEncodings is how many times more than once a value is looked for a token inside base64.
const mostEncodings = 3

// isEncodedOnceMore reports whether base64 of some alphabet, in lines or not, hides a token.
func isEncodedOnceMore(v string) bool {
	for range mostEncodings {
		inner, ok := decodeAny(strings.Join(strings.Fields(v), ""))
		if !ok {
			return false
		}
		if beginning.MatchString(inner) {
			return true
		}
		v = inner
	}
	return false
}

// decodeAny decodes base64 with or without padding, of either alphabet; text of two bytes a letter is narrowed.
func decodeAny(v string) (string, bool) {
	v = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(v, "="))
	raw, err := base64.RawURLEncoding.DecodeString(v)
	return strings.ReplaceAll(string(raw), "\x00", ""), err == nil && len(raw) > 0
}
