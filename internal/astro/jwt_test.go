package astro

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// good is a credential; its parts are long enough to be wrapped.
var good = jwt(`{"apiTokenId":"clt00000000000000000000001","permissions":["apiTokenId:clt00000000000000000000001","organizationId:clo00000000000000000000001"]}`)

func everyDirt() []error {
	all := []error{errTooLong, errNotJWT, errBadHeader, errBadClaims, errCutOff, errNoTokenID}
	for _, k := range kinds {
		all = append(all, k.err)
	}
	return all
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func wrapped(s string, width int, with string) string {
	var lines []string
	for chunk := range slices.Chunk([]byte(s), width) {
		lines = append(lines, string(chunk))
	}
	return strings.Join(lines, with)
}

// wide is the text in UTF-16.
func wide(s string, little bool) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		if little {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return string(out)
}

func TestWhiteSpaceAroundACredentialIsHarmless(t *testing.T) {
	for _, around := range []string{"", "\n", "\r\n", " ", "\t", "\n\n  ", "\u00a0", "\u2028", "\v\f"} {
		for _, value := range []string{good + around, around + good, around + good + around} {
			if id, err := ParseCredential(value); err != nil || id.TokenID != "clt00000000000000000000001" {
				t.Errorf("%q around it: %+v, %v", around, id, err)
			}
		}
	}
}

func TestWhatIsNotExactlyOneJWT(t *testing.T) {
	head, rest, _ := strings.Cut(good, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	cases := map[string]struct {
		want   error
		values []string
	}{
		"Empty":   {errEmpty, []string{"", " \n\t", "\u00a0"}},
		"TooLong": {errTooLong, []string{strings.Repeat("a", maxCredential+1), good + strings.Repeat("A", maxCredential)}},
		"UTF16":   {errUTF16, []string{wide(good, true), wide(good, false), "\xff\xfe" + wide(good+"\r\n", true), "\xfe\xff" + wide(good, false), wide("\ufeff"+good, true)}},
		"BOM":     {errBOM, []string{"\ufeff" + good, "\ufeff" + good + "\n", " \ufeff" + good, "\ufeffBearer " + good}},
		"Binary":  {errBinary, []string{"\x1f\x8b\x08\x00\xde\xad\xbe\xef", good + "\xff", "Schl\xfcssel " + good}},
		"Control": {errControl, []string{good + "\x1b[0m", "\x1b[32m" + good, good[:50] + "\x00" + good[50:], good + "\x7f", good + "\x08", "\x1b[200~" + good + "\x1b[201~", good + "\x04"}},
		"PEM":     {errPEM, []string{"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"}},
		"Markup":  {errMarkup, []string{"<html><body>Sign in</body></html>", "<token>" + good + "</token>"}},
		"Quotes":  {errQuoted, []string{`"` + good + `"`, `'` + good + `'`, "`" + good + "`", `"` + good, good + `"`, "\u201c" + good + "\u201d", "\u00ab" + good + "\u00bb", `"` + good + "\"\n", `"Bearer ` + good + `"`, `""`}},
		"JSON":    {errJSON, []string{`{"token":"` + good + `"}`, "{\n  \"token\": \"" + good + "\"\n}", `["` + good + `"]`, "{" + good + "}", "{}"}},
		"Header":  {errHeader, []string{"Authorization: Bearer " + good, "authorization:Bearer " + good, "X-Api-Key: " + good}},
		"Bearer":  {errBearer, []string{"Bearer " + good, "bearer " + good, "BEARER\t" + good, "Bearer\n" + good, "Bearer: " + good, "Bearer=" + good, "Bearer\u00a0" + good, "Bearer"}},
		"Scheme":  {errScheme, []string{"Token " + good, "Basic " + base64Of("user:"+good), "JWT " + good, "token\n" + good}},
		"Name":    {errAssignment, []string{"ASTRO_API_TOKEN=" + good, "export ASTRO_API_TOKEN=" + good, `TOKEN="` + good + `" ` + "x", "TOKEN=" + good + "\nOTHER=x", "token = " + good, "$env:TOKEN=" + good, "set TOKEN=" + good, "a.b-c=" + good, "token:=" + good}},
		"YAML":    {errYAML, []string{"token: " + good, "token:\n  " + good, "---\ntoken: x", "- " + good, "api_token:\t" + good, "contexts:\n  cloud:\n    token: x"}},
		"URL":     {errURL, []string{"https://astro:" + good + "@api.astronomer.io", "vault://secret/data/astro#token", "op://vault/astro/token", "see https://docs.example"}},
		"Several": {errSeveral, []string{good + "\n" + good, good + " " + good, good + "," + good, good + good, good + "\n\n# old\n" + good, good + "." + good}},
		"Twice":   {errTwice, []string{base64Of(good), base64Of(good + "\n"), base64Of(base64Of(good)), base64Of(base64Of(base64Of(good))), wrapped(base64Of(good), 76, "\n"), strings.TrimRight(base64Of(good), "="), base64.RawURLEncoding.EncodeToString([]byte(good + "\n")), base64Of("Bearer " + good), base64Of("{\"token\":\"" + good + "\"}"), base64Of("\xff\xfe" + wide(good, true))}},
		"Invisible": {errInvisible, []string{
			"\u200b" + good, good + "\u200b", good[:9] + "\u200d" + good[9:], good[:9] + "\u00ad" + good[9:], "\u202a" + good + "\u202c", "\u2066" + good + "\u2069", good + "\u200e",
			good[:9] + "\u00a0" + good[9:], good[:9] + "\u202f" + good[9:], good[:9] + "\u3000" + good[9:], good[:9] + "\u2060" + good[9:], good + "\ufeff", good + "\ufe0f", good + "\U000e0041", good + "\u3164", good + "\u2800", good + "\u034f",
			good + "\ue000", good + "\u2800", good + " \u200b\n",
		}},
		"Placeholder": {errPlaceholder, []string{"${ASTRO_API_TOKEN}", "$ASTRO_API_TOKEN", "$(ASTRO_API_TOKEN)", "<your token>", "{{ .Values.token }}", "{{token}}", "%ASTRO_API_TOKEN%", "$(cat token)", "<path:secret/data/astro#token>"}},
		"Escaped":     {errEscaped, []string{good + `\n`, good + `\r\n`, strings.ReplaceAll(good, ".", "%2E"), `\` + good, strings.ReplaceAll(good, ".", `\.`), good + "%0A", wrapped(good, 60, "\\\n")}},
		"LineBreak":   {errLineBreak, []string{wrapped(good, 76, "\n"), wrapped(good, 76, "\r\n"), wrapped(good, 64, "\r"), good + "\n# rotated in January", "# made for the operator\n" + good, head + "\n." + rest, good + "\nx", wrapped(good, 50, "\u2028"), wrapped(good, 50, "\u0085"), wrapped(good, 50, "\v"), wrapped(good, 50, "\f"), wrapped(good, 76, "\n  ")}},
		"Words":       {errWords, []string{good + " # rotated", "the token is " + good, "my " + good, good + "\told"}},
		"Space":       {errSpace, []string{wrapped(good, 50, " "), wrapped(good, 50, "\t"), "correct horse battery staple", head + " . " + rest}},
		"NotASCII":    {errNotASCII, []string{strings.Replace(good, "e", "\u0435", 1), good[:20] + "\u2026", good + "\u00e9", "pass\u00fcort", strings.ReplaceAll(good, ".", "\u3002"), "\uff45\uff59\uff2a", good[:9] + "\u2013" + good[9:], "e\u0301" + good}},
		"Padded":      {errPadded, []string{good + "=", head + "." + claims + "=." + signature, head + "==." + rest}},
		"Character":   {errCharacter, []string{good + ",", good + ";", "(" + good + ")", good + "+", strings.Replace(good, ".", "/", 1), good + "~", good + "@x", "*" + good + "*", "****************"}},
		"CutOff":      {errNoSignature, []string{head, head + ".", head + "." + claims, head + "." + claims + "."}},
		"CutOffLater": {errCutOff, []string{head + "." + claims + "." + signature[:1], head + "." + claims + "." + signature[:5], good[:len(good)-(len(signature)-1)%4]}},
		"Encrypted":   {errEncrypted, []string{head + "..a.b.c", "a.b.c.d.e"}},
		"NotJWT":      {errNotJWT, []string{"hunter2-is-no-token", "a.b", ".", "..", "a..c", "." + good, good + ".", good + ".x", "REPLACE_ME", "5f4dcc3b5aa765d61d8327deb882cf99", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"}},
		"Header2":     {errBadHeader, []string{"x" + good, good[1:], good[4:], "a.b.c", "W10." + rest, "bnVsbA." + rest, "api.astronomer.io"}},
		"Claims":      {errBadClaims, []string{head + ".W10." + signature, head + ".bnVsbA." + signature, head + ".e30e30." + signature, head + "." + claims[:len(claims)-3] + "." + signature, head + "." + claims + claims + "." + signature, jwt(`{"apiTokenId":7}`), jwt(`{"apiTokenId":"t"} {}`)}},
		"NoTokenID":   {errNoTokenID, []string{jwt(`{}`), jwt(`{"sub":"auth0|user"}`), jwt(`{"apiTokenId":""}`), jwt(`{"apiTokenId":"a b"}`), jwt(`{"apiTokenId":"` + strings.Repeat("a", 65) + `"}`)}},
	}
	for name, c := range cases {
		for i, value := range c.values {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				if _, err := ParseCredential(value); !errors.Is(err, c.want) {
					t.Errorf("%q\nwant %v\ngot  %v", value, c.want, err)
				}
			})
		}
	}
	for _, err := range everyDirt() {
		if !slices.ContainsFunc(names(cases), func(n string) bool { return errors.Is(cases[n].want, err) }) {
			t.Errorf("no case for %v", err)
		}
	}
}

func names[V any](m map[string]V) (all []string) {
	for n := range m {
		all = append(all, n)
	}
	return all
}

// longest is how many characters in a row of a value a message may share with it by chance.
const longest = 6

// TestNoPieceOfACredentialInItsMessage makes values of a token and what people and programs put around, into and over it:
// nothing but the token alone is taken, and no message has a piece of what was read, but for the words of its own that the
// kind is named by.
func TestNoPieceOfACredentialInItsMessage(t *testing.T) {
	junk := rapid.SampledFrom([]string{
		"", " ", "\n", "\r\n", `"`, "'", "Bearer ", "TOKEN=", "token: ", "\ufeff", "\u200b", "\u00a0", "\u202e", "{", "}", "# ", "\\n", ".", "=", "\x00", "\xff", "<", "%0A", "\u0435", ",",
	})
	random := rapid.StringMatching(`[A-Za-z0-9_-]{12,60}`)
	rapid.Check(t, func(t *rapid.T) {
		token := jwt(`{"apiTokenId":"`+random.Draw(t, "id")[:12]+`"}`) + random.Draw(t, "signature")
		before, inside, after := junk.Draw(t, "before"), junk.Draw(t, "inside"), junk.Draw(t, "after")
		at := rapid.IntRange(1, len(token)-1).Draw(t, "at")
		value := before + token[:at] + inside + token[at:] + after + random.Draw(t, "comment")[:rapid.IntRange(0, 12).Draw(t, "length")]
		for range rapid.IntRange(0, 2).Draw(t, "encodings") {
			value = base64Of(value)
		}
		_, err := ParseCredential(value)
		if err == nil && !compactJWT.MatchString(strings.TrimSpace(value)) {
			t.Fatalf("%q is taken", value)
		}
		if err == nil {
			return
		}
		if !slices.Contains(everyDirt(), err) {
			t.Fatalf("%v is made of what was read", err)
		}
		for i := 0; i+longest <= len(value); i++ {
			if piece := value[i : i+longest]; piece != "Bearer" && strings.Contains(err.Error(), piece) {
				t.Fatalf("%q of %q is in %v", piece, value, err)
			}
		}
	})
}

// TestOneCharacterTooMany puts each character into a good credential: only those that a JWT is made of may be there.
func TestOneCharacterTooMany(t *testing.T) {
	for r := rune(0); r <= 0x2fff; r++ {
		value := good[:40] + string(r) + good[40:]
		_, err := ParseCredential(value)
		taken := err == nil || errors.Is(err, errBadHeader) || errors.Is(err, errBadClaims)
		if ofJWT := r < 0x80 && strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", r); taken != ofJWT {
			t.Errorf("%U: %v", r, err)
		}
	}
}
