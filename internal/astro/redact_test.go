package astro

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNoSecretInAnyError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_.+/=-]{4,80}`), rapid.Just(jwt(`{"apiTokenId":"clt00000000000000000000001"}`))).Draw(t, "secret")
		header := rapid.SampledFrom([]string{"Bearer " + secret, "Authorization: Bearer " + secret, secret, "token=" + secret, `"` + secret + `"`}).Draw(t, "echo")
		around := rapid.SliceOfN(rapid.StringN(0, 200, 400), 4, 4).Draw(t, "around")
		echo := around[0] + header + around[1]
		if rapid.Bool().Draw(t, "cut") {
			echo = echo[:rapid.IntRange(0, len(echo)).Draw(t, "at")]
		}
		body := rapid.SampledFrom([]string{
			echo,
			`{"message":` + quote(echo) + `,"requestId":` + quote(header) + `,"fieldErrors":[{"field":` + quote(header) + `,"code":` + quote(echo) + `,"message":` + quote(echo) + `}]}`,
			`<html><body>` + echo + `</body></html>`,
			`{"id":` + quote(echo) + `}`,
			`{"id":"t1","name":` + echo,
		}).Draw(t, "body")
		status := rapid.SampledFrom([]int{200, 302, 400, 401, 403, 404, 429, 500, 502}).Draw(t, "status")
		client := NewClient(Options{Organization: "org", Credential: secret, Limiter: unlimited(), Transport: inMemory{http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://elsewhere.invalid/"+secret)
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})}})
		client.retries.left = 0
		_, err := client.GetToken(t.Context(), "t1")
		if err == nil {
			return
		}
		for _, text := range []string{err.Error(), InFull(err).Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
			noPieceOf(t, secret, text)
		}
		if full := InFull(err).Error(); len(full) > maxErrorText {
			t.Fatalf("%d bytes: %s", len(full), full)
		}
	})
}

// TestNoSecretInAnOrganization: what stands at Astro's address may echo the credential where an Organization has its id and name.
func TestNoSecretInAnOrganization(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.OneOf(rapid.StringMatching(`[A-Za-z0-9_.+/=-]{12,80}`), rapid.Just(jwt(`{"apiTokenId":"clt00000000000000000000001"}`))).Draw(t, "secret")
		echo := rapid.StringN(0, 20, 40).Draw(t, "before") + rapid.SampledFrom([]string{"", "Bearer "}).Draw(t, "scheme") + secret
		client := NewClient(Options{Organization: "org", Credential: secret, Limiter: unlimited(), Transport: inMemory{http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"id":` + quote(echo) + `,"name":` + quote(echo) + `}`))
			})}})
		org, err := client.GetOrganization(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		noPieceOf(t, secret, org.ID)
		noPieceOf(t, secret, org.Name)
	})
}

func noPieceOf(t *rapid.T, secret, text string) {
	size := min(secretPiece, len(secret))
	if size < 8 { // any word may hold three letters
		return
	}
	for i := 0; i+size <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+size]) {
			t.Fatalf("%q is in %s", secret[i:i+size], text)
		}
	}
}

// echoing answers with all that was asked, in one of the ways in which Astro or what stands before it may say it.
func echoing(way string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "/tokens/t1") { // the read before a write
			_, _ = w.Write([]byte(`{"id":"t1","roles":[{"entityType":"ORGANIZATION","entityId":"o","role":"ORGANIZATION_MEMBER"}]}`))
			return
		}
		asked := r.URL.Path + " " + strings.Join(r.URL.Query()["names"], " ") + " " + string(body)
		answer := map[string]string{
			"Astro":   fmt.Sprintf(`{"message":%s,"requestId":"r-1","statusCode":%d}`, quote(asked), status),
			"Field":   fmt.Sprintf(`{"message":"no","requestId":"r-1","statusCode":%d,"fieldErrors":[{"field":"roles","message":%s}]}`, status, quote(asked)),
			"Gateway": "not allowed: " + asked,
			"Page":    "<html><title>" + asked + "</title></html>",
		}[way]
		w.Header().Set("Location", "https://"+strings.ReplaceAll(strings.Trim(r.URL.Path, "/"), "/", ".")+".example/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	})
}

// TestNoErrorTellsTheSecret: where a piece of it is cut out of what a user wrote, that user learns that the guess was right. So the
// same request has the same error, whatever the secret is.
func TestNoErrorTellsTheSecret(t *testing.T) {
	const secret, other = "eyJhbGciOiJSUzI1NiJ9.c0123456789abcdefghijklmn.SIGNATURE-signature", "another-secret-of-the-operator-altogether"
	told := func(t *testing.T, credential, organization, guess, way string, status int) (all []string) {
		client := NewClient(Options{
			Organization: organization, Credential: credential, Limiter: unlimited(), Transport: inMemory{echoing(way, status)},
		})
		client.retries.left = 0
		_, update := client.UpdateRoles(t.Context(), "t1", add(NewRole(EntityDeployment, "d1", guess)))
		_, find := client.ListDeployments(t.Context(), Filter{Names: []string{guess}})
		_, exists := client.TargetExists(t.Context(), EntityDeployment, "c0123456789abcdefghijklmn")
		_, list := client.ListTokens(t.Context())
		_, org := client.Prove(t.Context())
		for _, err := range []error{update, find, exists, list, org} {
			if err != nil {
				all = append(all, err.Error(), ToOwner(err).Error())
			}
		}
		return all
	}
	for _, way := range []string{"Astro", "Field", "Gateway", "Page"} {
		for _, status := range []int{200, 302, 400, 401, 403, 404, 500} {
			for _, guess := range []string{secret[:12], secret[30:42] + " " + secret[40:52], secret} {
				for _, organization := range []string{"c0123456789abcdefghijklmn", "cl9876543210zyxwvutsrqpon"} {
					var right, wrong []string
					synctest.Test(t, func(t *testing.T) { // which waits for nothing
						right, wrong = told(t, secret, organization, guess, way, status), told(t, other, organization, guess, way, status)
					})
					if diff := cmp.Diff(wrong, right); diff != "" {
						t.Errorf("%s %d, %q: -with another secret, +with this one\n%s", way, status, guess, diff)
					}
				}
			}
		}
	}
}

func TestEchoesAreTakenOut(t *testing.T) {
	const sent = "clabcdefghijklmnopqrstuvw"
	for text, want := range map[string]string{
		"no Organization has the id '" + sent + "'":   "no Organization has the id '…'",
		"no " + strings.ToUpper(sent[3:20]) + " here": "no … here",
		"it was cut: " + sent[:8]:                     "it was cut: …",
		"abcde is a word, as is ÄÖ\xff":               "abcde is a word, as is ÄÖ\xff",
	} {
		if diff := cmp.Diff(want, withoutEcho(text, sent)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNoSecretOfABrokenConnection(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(r.Header.Get("Authorization") + "\r\n\r\n"))
		_ = conn.Close()
	})
	client.retries.left = 0
	_, err := client.GetToken(t.Context(), "t1")
	for chain := []error{err}; len(chain) > 0; chain = chain[1:] {
		if strings.Contains(fmt.Sprintf("%+v", chain[0]), "secret-of-the") {
			t.Errorf("%+v", chain[0])
		}
		if many, ok := chain[0].(interface{ Unwrap() []error }); ok {
			chain = append(chain, many.Unwrap()...)
		}
	}
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

func TestCleanTakesOutSecretsOfOthers(t *testing.T) {
	foreign := jwt(`{"apiTokenId":"clt00000000000000000000001"}`)
	for _, text := range []string{
		"rejected " + foreign, "rejected " + foreign[:30], "Authorization: bearer hunter2", "//jo:hunter2@", "//hunter2@", strings.Repeat("aB3", 20),
	} {
		got := clean("see " + text + " now")
		if !strings.HasPrefix(got, "see ") || !strings.HasSuffix(got, redacted+" now") || strings.Contains(got, "eyJ") || strings.Contains(got, "hunter2") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestCleanKeepsWhatIsNoSecret(t *testing.T) {
	for _, text := range []string{
		"token clp7sk1qr382163ozb5ejrw162 lacks organization.apiTokens.access",
		"request 0f8fad5b-d9cb-469f-a165-70867728950e",
		"no answer: dial tcp 127.0.0.1:443: connect: connection refused",
	} {
		if diff := cmp.Diff(text, clean(text)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestCleanTakesOutWhatIsNotSeen: what a terminal or a log acts upon, and what no font shows, is in no error.
func TestCleanTakesOutWhatIsNotSeen(t *testing.T) {
	for what, text := range map[string]string{
		"escape": "\x1b", "C1": "\u009b", "bidi override": "\u202e", "isolate": "\u2066", "zero width space": "\u200b", "joiner": "\u200d",
		"byte order mark": "\ufeff", "soft hyphen": "\u00ad", "tag": "\U000e0041", "not UTF-8": "\xff",
	} {
		if got := clean("to" + text + "ken"); got != "token" {
			t.Errorf("%s: got %q", what, got)
		}
	}
	for what, text := range map[string]string{"line break": "\r\n", "next line": "\u0085", "line separator": "\u2028", "paragraph separator": "\u2029"} {
		if got := clean("to" + text + "ken"); got != "to ken" {
			t.Errorf("%s: got %q", what, got)
		}
	}
}
