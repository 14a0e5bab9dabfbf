package astro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// The kinds of errors, decided once where the answer comes in. Ask with errors.Is.
var (
	ErrNotFound     = errors.New("not found")    // Astro itself said 404
	ErrForbidden    = errors.New("forbidden")    // Astro itself said 403: no evidence of anything but a missing permission
	ErrUnauthorized = errors.New("unauthorized") // 401, other than with a page: the credential is refused
	ErrInvalid      = errors.New("invalid")      // refused for what was asked; the same request fails again
	ErrThrottled    = errors.New("throttled")    // 429: see RetryAfter
	ErrUnreachable  = errors.New("unreachable")  // no answer, or none that is Astro's, such as the page of a proxy; try again
	ErrIncomplete   = errors.New("incomplete")   // a listing or row that cannot be relied on
)

// FieldError is one constraint of a request that was not met, in Astro's words.
type FieldError struct {
	Field   string
	Code    string
	Message string
}

// Error is a failed call. All its text is clipped, on one line, and free of secrets.
//
// Its message is the client's own, and is for everybody. What was answered is not: it may repeat what others have in the same
// request, and where secrets are cut out of it, the gap tells whoever wrote that part of the request how the secret reads.
type Error struct {
	Op         string // as in "update roles of token clt…"
	Status     int    // 0 if there was no answer
	Message    string
	RequestID  string
	Answer     string       // what was answered, or empty; see InFull
	Fields     []FieldError // a part of what was answered
	Plain      bool         // nothing in the request was written by users, but for the connection's Organization
	RetryAfter time.Duration

	kind   error // one of the Err… above; nil if the caller gave up
	cause  error // context.Canceled or context.DeadlineExceeded if the caller's context ended; nothing else
	final  bool  // unreachable in a way that another attempt would not change
	unsent bool  // the request never left, or its credential was refused, so it cannot have been applied
}

const maxErrorText = 300

// maxRetryAfter is the longest Retry-After that is respected.
const maxRetryAfter = 5 * time.Minute

// Error tells what was tried, what came of it, and the request id, by which a log has the answer. It has nothing of the answer.
func (e *Error) Error() string { return e.words(e.Message) }

func (e *Error) full() string {
	parts := []string{cmp.Or(e.Answer, e.Message)}
	for _, f := range e.Fields {
		parts = append(parts, strings.Trim(f.Field+": "+cmp.Or(f.Message, f.Code), ": "))
	}
	return e.words(strings.Join(parts, "; "))
}

func (e *Error) words(message string) string {
	id := ""
	if e.RequestID != "" {
		id = " (request " + e.RequestID + ")"
	}
	return text.Clip(e.Op+": "+message, maxErrorText-len(id)) + id
}

// inFullError is an error whose text has what was answered.
type inFullError struct {
	error

	text string
}

func (f inFullError) Error() string { return f.text }

func (f inFullError) Unwrap() error { return f.error }

// InFull is an error with what was answered in its text. It is for a log, and for whoever has the credential.
func InFull(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return inFullError{err, strings.Replace(err.Error(), e.Error(), e.full(), 1)}
	}
	return err
}

// ToOwner is an error as the status of a connection tells it: in full where the request was plain.
func ToOwner(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Plain {
		return InFull(err)
	}
	return err
}

// Unwrap returns the kind of the error and, if the caller's context ended, the error of that context.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// RetryAfter is how long Astro, or the limiter on its behalf, asks to wait; 0 if nobody did.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func incomplete(op, format string, args ...any) *Error {
	return &Error{Op: op, Message: clean(fmt.Sprintf(format, args...)), kind: ErrIncomplete}
}

// isFinal reports whether another attempt would not change the error.
func isFinal(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.final
}

func invalid(op, message string) *Error {
	return &Error{Op: op, Message: message, kind: ErrInvalid, final: true}
}

var errNoID = errors.New("a row has no id")

// gaveUp is the end of the caller's own context. Only a deadline that has passed is a sign that Astro is unreachable.
func gaveUp(op string, err error) *Error {
	if errors.Is(err, context.Canceled) {
		return &Error{Op: op, Message: "cancelled", cause: context.Canceled}
	}
	return &Error{Op: op, Message: "out of time", cause: context.DeadlineExceeded, kind: ErrUnreachable}
}

// statusOf is the HTTP status of an answer, by what came of it; 0 if there was no answer.
func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// outcome is the word for an error in metrics.
func outcome(err error) string {
	for kind, word := range map[error]string{
		ErrNotFound: "not_found", ErrForbidden: "forbidden", ErrUnauthorized: "unauthorized", ErrInvalid: "invalid",
		ErrThrottled: "throttled", ErrUnreachable: "unreachable", ErrIncomplete: "incomplete",
	} {
		if errors.Is(err, kind) {
			return word
		}
	}
	if err != nil {
		return "canceled"
	}
	return "ok"
}
