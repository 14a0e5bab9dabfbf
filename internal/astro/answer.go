package astro

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// wireError is Astro's error body.
type wireError struct {
	Message     string `json:"message"`
	RequestID   string `json:"requestId"`
	StatusCode  int    `json:"statusCode"`
	FieldErrors []struct {
		Field   string `json:"field"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"fieldErrors"`
}

// failure makes the errors of one request. Each of its methods is one way in which a request can fail.
type failure struct {
	op      string
	timeout time.Duration
	plain   bool
	sent    string              // the Organization, which is in every request
	clean   func(string) string // removes secrets from text that comes from outside
}

// words are those of an answer, fit for an error. Those about a plain request are told to users of the connection, so that what they
// repeat of the Organization is taken out.
func (f failure) words(s string) string {
	if f.plain {
		s = withoutEcho(clean(startOf(s)), f.sent)
	}
	return f.clean(s)
}

// fromResponse is the error of an answer other than 200.
func (f failure) fromResponse(resp *http.Response, body io.Reader) *Error {
	raw, _ := io.ReadAll(io.LimitReader(body, maxErrorBody)) // a body that breaks off still says something
	e := &Error{Op: f.op, Plain: f.plain, Status: resp.StatusCode, Message: statusText(resp)}
	wire, fromAstro := readError(raw, resp.StatusCode)
	if fromAstro {
		e.Answer = text.Clip(f.words(wire.Message), maxErrorText)
		e.RequestID = text.Clip(f.clean(wire.RequestID), maxRequestID)
		e.Fields = f.fieldErrors(wire)
	} else {
		e.Message += ", not in Astro's form"
		e.Answer = strings.TrimSpace(e.Message + ". " + f.snippet(raw))
	}
	e.kind = kindOf(resp.StatusCode, fromAstro || resp.StatusCode == http.StatusUnauthorized && !isPage(raw))
	if redirected(resp.StatusCode) {
		e.Message, e.Answer, e.final = redirects("elsewhere"), f.redirect(resp), true
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	return e
}

// requestID is the request's id where a header of the answer tells it. Astro documents one for errors only, in their body.
func (f failure) requestID(resp *http.Response) string {
	return text.Clip(f.clean(resp.Header.Get("X-Request-ID")), maxRequestID)
}

func statusText(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

// readError also tells whether the body is an error in Astro's form: each has a request id, and repeats the status of the
// answer. A message alone is no sign of Astro, because the errors of most gateways have one.
func readError(raw []byte, status int) (wireError, bool) {
	var w wireError
	err := json.Unmarshal(raw, &w)
	return w, err == nil && w.RequestID != "" && w.StatusCode == status
}

// kindOf decides what an answer means. A refusal that is not in Astro's form comes from something in between, such as a
// gateway, a firewall or a wrong address. It is not Astro's answer, and no evidence that anything is gone or that a permission is
// missing. A 429 asks to slow down, whoever sends it.
func kindOf(status int, fromAstro bool) error {
	switch {
	case status == http.StatusTooManyRequests:
		return ErrThrottled
	case !fromAstro, status < 400, status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return ErrUnreachable
	case status == http.StatusUnauthorized:
		return ErrUnauthorized
	case status == http.StatusForbidden:
		return ErrForbidden
	case status == http.StatusNotFound:
		return ErrNotFound
	}
	return ErrInvalid
}

func redirected(status int) bool { return status >= 300 && status < 400 }

func (f failure) fieldErrors(w wireError) []FieldError {
	var fields []FieldError
	for _, wire := range w.FieldErrors[:min(len(w.FieldErrors), maxFields)] {
		field := FieldError{
			Field:   text.Clip(f.words(wire.Field), maxErrorText),
			Code:    text.Clip(f.words(wire.Code), maxErrorText),
			Message: text.Clip(f.words(wire.Message), maxErrorText),
		}
		if field != (FieldError{}) {
			fields = append(fields, field)
		}
	}
	return fields
}

// tags matches HTML tags, and styles and scripts with their content. One that is not closed is matched to the end of the
// text: else the end would be searched again from each opening tag.
var tags = regexp.MustCompile(`(?s)<(style|script)\b.*?(</(style|script)>|\z)|<[^>]*>`)

// snippet is the beginning of a body that is not Astro's. It helps to find out what answered.
func (f failure) snippet(raw []byte) string {
	return text.Clip(f.words(tags.ReplaceAllString(string(raw), " ")), maxSnippet)
}

// retryAfter reads seconds or a date. A date is relative to the Date header of the answer, if there is one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return clampSeconds(seconds)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		now = sent
	}
	return clampSeconds(at.Sub(now).Seconds())
}

func clampSeconds(seconds float64) time.Duration {
	if math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
}

// noAnswer is the error of a request that was not answered.
func (f failure) noAnswer(caller, within context.Context, err error) *Error {
	if e := f.ended(caller, within); e != nil {
		return e
	}
	var dial *net.OpError
	e := &Error{Op: f.op, Plain: f.plain, kind: ErrUnreachable}
	e.unsent = errors.As(err, &dial) && dial.Op == "dial"
	e.Message, e.Answer = "no answer", text.Clip("no answer: "+f.words(lasting(withoutURL(err))), maxErrorText)
	if ofTheConnection(err) {
		e.Message, e.Answer = e.Answer, ""
	}
	return e
}

// ofTheConnection reports whether an error is about the way to Astro alone. Others quote what was received.
func ofTheConnection(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	return network || certificate || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// badAnswer is the error of a body that cannot be read to its end, or is not what was asked for.
func (f failure) badAnswer(caller, within context.Context, err error) *Error {
	if e := f.ended(caller, within); e != nil {
		return e
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if page, ok := errors.AsType[pageError](err); ok {
		return f.page(page)
	}
	const unread = "the answer cannot be read"
	answer := text.Clip(unread+": "+f.words(lasting(err)), maxErrorText)
	return &Error{Op: f.op, Plain: f.plain, Status: http.StatusOK, Message: unread, Answer: answer, kind: ErrUnreachable}
}

// ended tells the end of the caller's context from the deadline of the call; nil if neither has come.
func (f failure) ended(caller, within context.Context) *Error {
	if err := caller.Err(); err != nil {
		return gaveUp(f.op, err)
	}
	if within.Err() != nil {
		return &Error{Op: f.op, Plain: f.plain, Message: "no complete answer within " + f.timeout.String(), kind: ErrUnreachable}
	}
	return nil
}

func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// ofOneAttempt differs from attempt to attempt: this end of a connection has another port, and Go tells the time of day with a
// certificate that is not valid.
var ofOneAttempt = regexp.MustCompile(`\S+->|current time \S+ `)

// lasting is the text of an error, the same at each attempt as long as the same thing is wrong. A caller that writes the text
// down can then tell whether it has changed.
func lasting(err error) string { return ofOneAttempt.ReplaceAllString(err.Error(), "") }

// page is the error of a page in Astro's place, which is known by its title, or else by how it begins.
func (f failure) page(raw []byte) *Error {
	e := &Error{Op: f.op, Plain: f.plain, Status: http.StatusOK, Message: "HTTP 200 with a web page in Astro's place", kind: ErrUnreachable}
	shown := ""
	if found := title.FindSubmatch(raw); found != nil {
		shown = f.snippet(found[1])
	}
	if shown == "" {
		shown = f.snippet(raw)
	}
	if shown != "" {
		e.Answer = e.Message + ": «" + shown + "»"
	}
	return e
}

// redirect says where an answer leads to: to which host, and nothing else of its address, which may hold secrets.
func (f failure) redirect(resp *http.Response) string {
	to := "elsewhere"
	if at, err := resp.Location(); err == nil && at.Hostname() != "" {
		to = "to " + text.Clip(f.words(at.Hostname()), maxSnippet)
	}
	return redirects(to)
}

func redirects(to string) string {
	return "it redirects " + to + ", and the credential does not follow"
}
