package astro

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestErrorsAreClassifiedAtTheEdge(t *testing.T) {
	const page = "<html><head><style>x{}</style></head><body><h1>Bad\r\n gateway</h1></body></html>"
	json := func(status int) string {
		return fmt.Sprintf(`{"message":"no such\nthing","requestId":"r-1","statusCode":%d}`, status)
	}
	cases := map[string]struct {
		reason string
		status int
		body   string
		want   error
	}{
		"400":            {"Astro refuses what was asked", 400, json(400), ErrInvalid},
		"401":            {"the credential is not taken", 401, json(401), ErrUnauthorized},
		"401 plain":      {"by whomever", 401, "no", ErrUnauthorized},
		"403":            {"a permission is missing", 403, json(403), ErrForbidden},
		"403 page":       {"or a wall is in the way", 403, page, ErrForbidden},
		"404":            {"Astro's own word", 404, json(404), ErrNotFound},
		"404 page":       {"a gateway's 404 is no evidence of absence", 404, page, ErrUnreachable},
		"404 empty":      {"nor is one without a word", 404, "", ErrUnreachable},
		"404 other JSON": {"nor is another service's JSON", 404, `{"error":"no route"}`, ErrUnreachable},
		"400 page":       {"nor is a gateway's 400 a refusal", 400, page, ErrUnreachable},
		"408":            {"a timeout may pass", 408, json(408), ErrUnreachable},
		"422":            {"other refusals will not", 422, json(422), ErrInvalid},
		"429 empty":      {"a 429 needs no JSON", 429, "", ErrThrottled},
		"429 text":       {"whatever is in it", 429, "Too many requests", ErrThrottled},
		"500":            {"Astro's fault", 500, json(500), ErrUnreachable},
		"502 page":       {"a gateway's fault", 502, page, ErrUnreachable},
		"200 page":       {"a page is no answer", 200, page, ErrUnreachable},
		"200 empty":      {"nor is nothing", 200, "", ErrUnreachable},
		"200 other":      {"nor is another token", 200, `{"id":"t2"}`, ErrUnreachable},
		"204":            {"nor is no content", 204, "", ErrUnreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var outcomes []string
			client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}, func(o *Options) {
				o.Observe = func(method, endpoint, outcome string, _ time.Duration) {
					outcomes = append(outcomes, method+" "+endpoint+" "+outcome)
				}
			})
			client.retries.left = 0
			_, err := client.GetToken(t.Context(), "t1")
			if !errors.Is(err, c.want) {
				t.Fatalf("%s: got %v", c.reason, err)
			}
			if strings.ContainsAny(err.Error(), "\r\n") || strings.Contains(err.Error(), "<h") {
				t.Errorf("not fit for a condition: %q", err)
			}
			if want := []string{"GET token " + outcome(c.want)}; !slices.Equal(outcomes, want) {
				t.Errorf("observed %q, want %q", outcomes, want)
			}
			var e *Error
			if errors.As(err, &e); c.body == json(c.status) && (e.RequestID != "r-1" || e.Message != "no such thing" || e.Status != c.status) {
				t.Errorf("lost Astro's words: %+v", e)
			}
		})
	}
}

func TestFieldErrorsAreTold(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	_, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "NO_SUCH_ROLE")))
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrInvalid) || len(e.Fields) == 0 || e.RequestID == "" {
		t.Fatalf("got %v", err)
	}
	if text := err.Error(); !strings.Contains(text, e.Fields[0].Message) || !strings.HasSuffix(text, "(request "+e.RequestID+")") {
		t.Errorf("got %s", text)
	}
	if n := w.wire.count(http.MethodPost); n != 1 {
		t.Errorf("a refused write was sent %d times", n)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := map[string]struct {
		value, date string
		want        time.Duration
	}{
		"absent":           {"", "", 0},
		"seconds":          {"7", "", 7 * time.Second},
		"a part":           {"1.5", "", 1500 * time.Millisecond},
		"negative":         {"-1", "", 0},
		"not a number":     {"NaN", "", 0},
		"for ever":         {"1e300", "", maxRetryAfter},
		"words":            {"soon", "", 0},
		"date":             {now.Add(9 * time.Second).Format(http.TimeFormat), "", 9 * time.Second},
		"past":             {now.Add(-time.Hour).Format(http.TimeFormat), "", 0},
		"the other's time": {now.Add(time.Hour + 3*time.Second).Format(http.TimeFormat), now.Add(time.Hour).Format(http.TimeFormat), 3 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", c.value)
			h.Set("Date", c.date)
			if got := retryAfter(h, now); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRedirectIsRefused(t *testing.T) {
	var leaked atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Store(true) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		client := stub(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		if _, err := client.GetToken(t.Context(), "t1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("%d: got %v", status, err)
		}
		if client.retries.left != maxRetries {
			t.Errorf("%d: tried again", status)
		}
	}
	if leaked.Load() {
		t.Error("the redirect was followed")
	}
}

func TestHeadersAndAddress(t *testing.T) {
	var got *http.Request
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = w.Write([]byte(`{"id":"t1"}`))
	}, func(o *Options) { o.UserAgent, o.Credential, o.BaseURL = "stb/1.2", "abc\n", o.BaseURL+"/" })
	if _, err := client.GetToken(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	if got.URL.Path != "/v1/organizations/org/tokens/t1" {
		t.Errorf("asked for %s", got.URL.Path)
	}
	for name, want := range map[string]string{"Authorization": "Bearer abc", "X-Api-Version": "1.0", "User-Agent": "stb/1.2"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	client.UseCredential("def")
	if _, err := client.GetToken(t.Context(), "t1"); err != nil || got.Header.Get("Authorization") != "Bearer def" {
		t.Errorf("after a rotation: %q, %v", got.Header.Get("Authorization"), err)
	}
}

func TestWhatIsNoIDNeverLeaves(t *testing.T) {
	called := false
	client := stub(t, func(http.ResponseWriter, *http.Request) { called = true })
	for _, id := range []string{"", ".", "..", "a/b", "a?b", "a b", "../workspaces/w"} {
		_, err := client.GetToken(t.Context(), id)
		_, err2 := client.UpdateRoles(t.Context(), id, nil)
		if !errors.Is(err, ErrInvalid) || !errors.Is(err2, ErrInvalid) {
			t.Errorf("%q: %v, %v", id, err, err2)
		}
	}
	if called {
		t.Error("a request was made of it")
	}
}

func TestHugeBodyIsCutOff(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":"t1","name":"`))
		for range 10 {
			_, _ = w.Write([]byte(strings.Repeat("x", 1<<20)))
		}
		_, _ = w.Write([]byte(`"}`))
	})
	client.retries.left = 0
	if _, err := client.GetToken(t.Context(), "t1"); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

func TestCallersOwnEndIsNoFaultOfAstro(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHang})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := w.client.GetToken(ctx, w.ci)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) || w.wire.count(http.MethodGet) != 1 {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.client.GetToken(ctx, w.ci); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("out of time: %v", err)
	}
}

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
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
			noPieceOf(t, secret, text)
		}
		if len(err.Error()) > maxErrorText {
			t.Fatalf("%d bytes: %s", len(err.Error()), err)
		}
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
		"rejected " + foreign, "rejected " + foreign[:30], "Authorization: bearer hunter2", strings.Repeat("aB3", 20),
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

func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"message":"m","requestId":"r","statusCode":400,"fieldErrors":[{"field":"roles[0].role","code":"x","message":"y"}]}`,
		`{"message":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln"}`, `<html><body>502</body></html>`, ``, `{`, `null`, `{"fieldErrors":null}`,
		"\x00\xff\u202e", `{"message":1}`,
	} {
		f.Add([]byte(seed), 400)
	}
	client := NewClient(Options{Credential: "the-secret-of-the-operator"})
	f.Fuzz(func(t *testing.T, raw []byte, status int) {
		resp := &http.Response{StatusCode: status, Header: http.Header{}}
		err := client.refused(call{op: "get token t1"}, resp, strings.NewReader(string(raw)+" the-secret-of-the-operator "+string(raw)))
		if err.kind == nil || len(err.Error()) > maxErrorText {
			t.Fatalf("%d bytes of %v: %s", len(err.Error()), err.kind, err)
		}
		if strings.Contains(err.Error(), "the-secret") || strings.ContainsAny(err.Error(), "\x00\r\n\x1b") {
			t.Fatalf("%q", err.Error())
		}
	})
}
