package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	. "github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

var (
	then = metav1.NewTime(time.Unix(1000, 0))
	now  = metav1.NewTime(time.Unix(2000, 0))
)

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: 1, LastTransitionTime: then}
}

func TestFromAstroError(t *testing.T) {
	const doing = "write: "
	type want struct {
		Status            metav1.ConditionStatus
		Reason, Next      string
		Transient, Stalls bool
	}
	cases := map[string]struct {
		reason string
		err    error
		want   want
	}{
		"Throttled":    {"A rate limit passes by itself.", astro.ErrThrottled, want{"Unknown", "RateLimited", "; the operator slows down and tries again by itself", true, false}},
		"Unauthorized": {"A credential that was refused shows on the connection.", astro.ErrUnauthorized, want{"Unknown", "CredentialRejected", "; put a valid API token in the connection's Secret", true, false}},
		"Forbidden":    {"Astro looked and said no.", astro.ErrForbidden, want{"False", "PermissionDenied", "; give the connection's API token a role that may do this, such as ORGANIZATION_OWNER", false, true}},
		"Invalid":      {"So it did here.", astro.ErrInvalid, want{"False", "RefusedByAstro", "; correct what is declared, or ask whoever runs the operator: its log has Astro's answer, by the request id", false, true}},
		"Incomplete":   {"A listing that is no evidence passes.", astro.ErrIncomplete, want{"Unknown", "ListIncomplete", "; the operator tries again by itself", true, false}},
		"RolesUnknown": {"An answer without roles is no answer, and each binding says so.", ErrRolesUnknown, want{"Unknown", "ListIncomplete", "", false, false}},
		"Unreachable":  {"No answer is nobody's fault.", astro.ErrUnreachable, want{"Unknown", "Unreachable", "; the operator tries again by itself", true, false}},
		"NotFound":     {"What was not found says nothing by itself.", astro.ErrNotFound, want{"Unknown", "Unreachable", "; the operator tries again by itself", true, false}},
		"Anything":     {"An error that nobody knows is one, too.", errors.New("odd"), want{"Unknown", "Unreachable", "; the operator tries again by itself", true, false}},
		"Wrapped":      {"It is asked what an error is, not how it reads.", fmt.Errorf("a: %w", fmt.Errorf("b: %w", astro.ErrForbidden)), want{"False", "PermissionDenied", "; give the connection's API token a role that may do this, such as ORGANIZATION_OWNER", false, true}},
		"RolesFirst":   {"Nothing is taken for free because of an answer without roles.", errors.Join(ErrRolesUnknown, astro.ErrIncomplete), want{"Unknown", "ListIncomplete", "", false, false}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := FromAstroError(v1alpha1.ConditionSynced, "write", c.err)
			got := want{f.Status, f.Reason, "", f.Transient, f.Stalls()}
			text := doing + c.err.Error()
			if len(f.Message) < len(text) || f.Message[:len(text)] != text {
				t.Fatalf("%s\nwant %q first, got %q", c.reason, text, f.Message)
			}
			got.Next = f.Message[len(text):]
			if diff := cmp.Diff(c.want, got); diff != "" || f.Condition != v1alpha1.ConditionSynced || f.Silent {
				t.Errorf("%s\n-want +got\n%s", c.reason, diff)
			}
		})
	}
}

func TestFromKubernetesError(t *testing.T) {
	of := func(code int32, reason metav1.StatusReason) error {
		return fmt.Errorf("patch: %w", &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Reason: reason, Message: "denied by policy"}})
	}
	const no = "no fault"
	cases := map[string]struct {
		reason string
		err    error
		want   string
	}{
		"RBAC":               {"RBAC and admission say Forbidden.", of(403, metav1.StatusReasonForbidden), "False, stalls"},
		"Invalid":            {"So does a ValidatingAdmissionPolicy by default.", of(422, metav1.StatusReasonInvalid), "False, stalls"},
		"TooLarge":           {"A policy may choose this code.", of(413, metav1.StatusReasonRequestEntityTooLarge), "False, stalls"},
		"PolicyUnauthorized": {"And this one.", of(401, metav1.StatusReasonUnauthorized), "False, stalls"},
		"Webhook":            {"A webhook may choose any.", of(400, metav1.StatusReasonBadRequest), "False, stalls"},
		"WebhookAway":        {"One that fails may be back soon.", of(500, metav1.StatusReasonInternalError), "Unknown, transient"},
		"Conflict":           {"Somebody else was first.", of(409, metav1.StatusReasonConflict), no},
		"Gone":               {"There is nothing to be written.", of(404, metav1.StatusReasonNotFound), no},
		"Busy":               {"The API server wants a pause.", of(429, metav1.StatusReasonTooManyRequests), no},
		"Away":               {"It is away.", of(503, metav1.StatusReasonServiceUnavailable), no},
		"Slow":               {"It took too long.", of(504, metav1.StatusReasonTimeout), no},
		"NoAnswer":           {"An error that is not the API server's is no refusal.", errors.New("connection refused"), no},
		"None":               {"Nor is none.", nil, no},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, f := no, FromKubernetesError(v1alpha1.ConditionSynced, "patch", c.err)
			if f != nil {
				got = string(f.Status)
				if f.Stalls() {
					got += ", stalls"
				}
				if f.Transient {
					got += ", transient"
				}
				if f.Reason != v1alpha1.ReasonKubernetesRefused || f.Condition != v1alpha1.ConditionSynced || !strings.Contains(f.Message, "denied by policy") {
					t.Errorf("%s\n%+v", c.reason, f)
				}
			}
			if got != c.want {
				t.Errorf("%s\nwant %s, got %s", c.reason, c.want, got)
			}
		})
	}
	long := fmt.Errorf("%s: %w", strings.Repeat("é", 5000), of(403, metav1.StatusReasonForbidden))
	if n := len([]rune(FromKubernetesError("Ready", "patch", long).Message)); n > 1000 {
		t.Errorf("the words of a policy fill the status: %d", n)
	}
}

func TestRefused(t *testing.T) {
	for err, want := range map[error]bool{
		astro.ErrInvalid: true, astro.ErrForbidden: true, fmt.Errorf("x: %w", astro.ErrInvalid): true,
		astro.ErrThrottled: false, astro.ErrUnauthorized: false, astro.ErrUnreachable: false, astro.ErrNotFound: false, astro.ErrIncomplete: false,
	} {
		if got := Refused(err); got != want {
			t.Errorf("asking for less may help only where Astro understood and said no: %v: want %v, got %v", err, want, got)
		}
	}
}

func TestStalls(t *testing.T) {
	cases := map[string]struct {
		reason string
		fault  *Fault
		want   bool
	}{
		"False":        {"What was looked at and found wrong waits for somebody.", NotTrue("Synced", v1alpha1.ReasonSuspended, "x"), true},
		"Unknown":      {"What could not be looked at does not.", CouldNotCheck("Synced", v1alpha1.ReasonUnreachable, "x"), false},
		"UnknownForUs": {"Unless somebody has to do something.", &Fault{Status: metav1.ConditionUnknown, NeedsUser: true}, true},
		"Revoking":     {"A revocation is under way.", NotTrue("Synced", v1alpha1.ReasonRevoking, "x"), false},
		"Drift":        {"As is the repair of drift.", NotTrue("Synced", v1alpha1.ReasonDriftDetected, "x"), false},
		"InUse":        {"And a connection that goes once nothing needs it.", NotTrue("Ready", v1alpha1.ReasonInUse, "x"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.fault.Stalls(); got != c.want {
				t.Errorf("%s\nwant %v, got %v", c.reason, c.want, got)
			}
		})
	}
}

func TestWith(t *testing.T) {
	f := NotTrue("Synced", "X", "%d%%", 5)
	more := f.With("; and more")
	if f.Message != "5%" || more.Message != "5%; and more" || more.Reason != "X" {
		t.Errorf("a shared fault stays as it is: %+v, %+v", f, more)
	}
	if !Quiet().Silent {
		t.Error("a quiet fault is not written")
	}
}

// TestMessagesAreFitToBeShown: whatever Astro calls a role, and wherever a message has it from, a condition has one line of
// it that the API server takes.
func TestMessagesAreFitToBeShown(t *testing.T) {
	hostile := "role A\n{\"level\":\"info\"}\u202e\x1b[31m\u3164\u200b\xff end"
	const want = `role A {"level":"info"}[31m end`
	long := strings.Repeat("ü", 2<<20)
	for text, want := range map[string]string{hostile: want, long: strings.Repeat("ü", 2046) + "…", "two  spaces": "two  spaces"} {
		var all []metav1.Condition
		f := NotTrue("Synced", "X", "%s", text)
		Set(&all, f, 1, now, metav1.Condition{Type: "Ready", Status: "False", Reason: "X", Message: text})
		SetWarnings(&all, []Warning{{"W", text}}, 1, now)
		SetWhile(&all, true, metav1.Condition{Type: "Paused", Reason: "P", Message: text}, 1, now)
		if len(all) != 4 {
			t.Fatalf("want Ready, Stalled, Warning and Paused, got %v", short(all))
		}
		for _, c := range all {
			if c.Message != want || c.Status == "" {
				t.Errorf("%s is %s and says %.300q, not %.300q", c.Type, c.Status, c.Message, want)
			}
		}
	}
}

func TestKeepMessage(t *testing.T) {
	old := condition("Synced", "False", "No", "refused (request r1); do this")
	cases := map[string]struct {
		reason string
		edit   func(*metav1.Condition)
		want   string
	}{
		"OtherRequest":    {"A refusal that lasts is not a status write at each sweep.", func(c *metav1.Condition) { c.Message = "refused (request r2); do this" }, old.Message},
		"NoRequest":       {"Nor is one without an id.", func(c *metav1.Condition) { c.Message = "refused; do this" }, old.Message},
		"OtherWords":      {"Another message is.", func(c *metav1.Condition) { c.Message = "refused (request r2); do that" }, "refused (request r2); do that"},
		"OtherReason":     {"Another reason as well.", func(c *metav1.Condition) { c.Reason, c.Message = "X", "refused (request r2); do this" }, "refused (request r2); do this"},
		"OtherStatus":     {"And another status.", func(c *metav1.Condition) { c.Status, c.Message = "Unknown", "refused (request r2); do this" }, "refused (request r2); do this"},
		"OtherGeneration": {"And another spec.", func(c *metav1.Condition) { c.ObservedGeneration, c.Message = 2, "refused (request r2); do this" }, "refused (request r2); do this"},
		"OtherCondition":  {"And another condition.", func(c *metav1.Condition) { c.Type, c.Message = "Ready", "refused (request r2); do this" }, "refused (request r2); do this"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			next := old
			c.edit(&next)
			if got := KeepMessage([]metav1.Condition{old}, next).Message; got != c.want {
				t.Errorf("%s\nwant %q, got %q", c.reason, c.want, got)
			}
		})
	}
}

// TestKeepMessageOfAProxy: the number of an incident is not another message, where the words are not Astro's.
func TestKeepMessageOfAProxy(t *testing.T) {
	for first, next := range map[string]string{
		"HTTP 403, not in Astro's form: Your support ID is: 584552":                      "HTTP 403, not in Astro's form: Your support ID is: 91723a-77",
		"HTTP 200 with a web page in Astro's place: «Sign in, session 584552»":           "HTTP 200 with a web page in Astro's place: «Sign in, session 91723a-77»",
		"it redirects to 584552ab.login.example.com, and the credential does not follow": "it redirects to 91723a.login.example.com, and the credential does not follow",
	} {
		for reason, want := range map[string]string{v1alpha1.ReasonUnreachable: first, v1alpha1.ReasonPermissionDenied: next} {
			old, now := condition("Ready", "False", reason, first), condition("Ready", "False", reason, next)
			if got := KeepMessage([]metav1.Condition{old}, now).Message; got != want {
				t.Errorf("%s: want %q, got %q", reason, want, got)
			}
		}
	}
}
