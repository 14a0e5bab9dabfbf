package astro

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
		"401 page":       {"a proxy that wants a password says nothing of it", 401, page, ErrUnreachable},
		"401 plain":      {"what checks credentials before Astro does may have words of its own", 401, "Jwt is expired", ErrUnauthorized},
		"401 other JSON": {"in a form of its own", 401, `{"message":"Unauthorized"}`, ErrUnauthorized},
		"401 empty":      {"or none", 401, "", ErrUnauthorized},
		"403":            {"a permission is missing", 403, json(403), ErrForbidden},
		"403 page":       {"a firewall's page says nothing of permissions", 403, page, ErrUnreachable},
		"403 empty":      {"nor does one without a word", 403, "", ErrUnreachable},
		"403 other JSON": {"nor does a gateway's JSON", 403, `{"message":"Forbidden"}`, ErrUnreachable},
		"403 of another": {"nor an error in Astro's form that is of another answer", 403, json(404), ErrUnreachable},
		"404":            {"Astro's own word", 404, json(404), ErrNotFound},
		"404 no route":   {"a gateway may have a message as well", 404, `{"message":"no Route matched with those values","request_id":"r-1"}`, ErrUnreachable},
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
				o.Observe = func(method, endpoint, outcome string, status int, _ time.Duration) {
					outcomes = append(outcomes, fmt.Sprint(method, " ", endpoint, " ", outcome, " ", status))
				}
			})
			client.retries.left = 0
			_, err := client.GetToken(t.Context(), "t1")
			if !errors.Is(err, c.want) {
				t.Fatalf("%s: got %v", c.reason, err)
			}
			if full := InFull(err).Error(); strings.ContainsAny(full, "\r\n") || strings.Contains(full, "<h") {
				t.Errorf("not fit for a condition: %q", err)
			}
			if want := []string{fmt.Sprint("GET token ", outcome(c.want), " ", c.status)}; !slices.Equal(outcomes, want) {
				t.Errorf("observed %q, want %q", outcomes, want)
			}
			var e *Error
			if errors.As(err, &e); c.body == json(c.status) && (e.RequestID != "r-1" || e.Answer != "no such thing" || e.Status != c.status) {
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
	if text := InFull(err).Error(); !strings.Contains(text, e.Fields[0].Message) || !strings.HasSuffix(text, "(request "+e.RequestID+")") {
		t.Errorf("got %s", text)
	}
	if n := w.wire.count(http.MethodPost); n != 1 {
		t.Errorf("a refused write was sent %d times", n)
	}
}

// TestAnswersAreLogged: the log has what no message tells, and nothing of what is no news.
func TestAnswersAreLogged(t *testing.T) {
	for name, c := range map[string]struct {
		fault astrosim.Fault
		want  int
	}{
		"a refusal":     {astrosim.Fault{Kind: astrosim.FaultForbidden}, 1},
		"a gateway":     {astrosim.Fault{Kind: astrosim.FaultHTML, Status: http.StatusForbidden}, 1},
		"a rate limit":  {astrosim.Fault{Kind: astrosim.FaultThrottle}, 0},
		"nothing there": {astrosim.Fault{Kind: astrosim.FaultNotFound}, 0},
		"no HTTP":       {astrosim.Fault{Kind: astrosim.FaultReset}, 1},
	} {
		var logged []error
		w := newWorld(t, astrosim.Options{}, func(o *Options) { o.Failed = func(err error) { logged = append(logged, err) } })
		w.client.retries.left = 0
		w.Inject(c.fault)
		if _, err := w.client.GetToken(t.Context(), w.ci); err == nil || len(logged) != c.want || c.want > 0 && InFull(logged[0]).Error() == err.Error() {
			t.Errorf("%s: %v, logged %v", name, InFull(err), logged)
		}
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

func TestCallersOwnEndIsNoFaultOfAstro(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.Inject(astrosim.Fault{Kind: astrosim.FaultHang})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		w.awaitFaults(astrosim.FaultHang, 1)
		cancel()
	}()
	_, err := w.client.GetToken(ctx, w.ci)
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) || w.wire.count(http.MethodGet) != 1 {
		t.Errorf("cancelled: %v", err)
	}
	err = w.outOfTime(t, func(ctx context.Context) error {
		_, err := w.client.GetToken(ctx, w.ci)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("out of time: %v", err)
	}
}

// TestPageOfAGatewayIsReadInNoTime: its length squared would hold a worker for most of a minute.
func TestPageOfAGatewayIsReadInNoTime(t *testing.T) {
	body := strings.Repeat("<style>", maxErrorBody/7)
	began := time.Now()
	_, err := answering(http.StatusBadGateway, []byte("Bad gateway "+body+"x{}"), nil).GetToken(t.Context(), "t1")
	if took := time.Since(began); took > 20*time.Second || !strings.HasSuffix(InFull(err).Error(), "Bad gateway") {
		t.Errorf("%v after %s", err, took)
	}
}

// Whoever writes an error down writes it again when it reads otherwise.
func TestAnOutageThatLastsReadsTheSame(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	throttled := w.client
	throttled.limiter.reads.throttled(time.Now(), time.Minute)
	for what, c := range map[string]*Client{
		"connections that are reset": NewClient(Options{BaseURL: resetting(t), Organization: "o", Credential: "secret"}),
		"a wait that Astro asks for": throttled,
	} {
		_, first := c.GetToken(t.Context(), w.ci)
		_, second := c.GetToken(t.Context(), w.ci)
		if first == nil || second == nil || first.Error() != second.Error() {
			t.Errorf("%s:\n%v\n%v", what, first, second)
		}
	}
	if text := lasting(errors.New("x509: certificate has expired or is not yet valid: current time 2026-11-30T11:22:49Z is after 2026-11-29T00:00:00Z")); text !=
		"x509: certificate has expired or is not yet valid: is after 2026-11-29T00:00:00Z" {
		t.Error(text)
	}
	if text := lasting(errors.New("dial tcp: lookup astro on [fd00::a]:53: read udp [fd00::7]:51234->[fd00::a]:53: i/o timeout")); text !=
		"dial tcp: lookup astro on [fd00::a]:53: read udp [fd00::a]:53: i/o timeout" {
		t.Error(text)
	}
}

// resetting is the address of a server that resets every connection once it was written to.
func resetting(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1))
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}
