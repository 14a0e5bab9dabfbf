package astro

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// words are an attempt as one reads it.
func (a Attempt) words() string {
	words := "taken"
	switch {
	case errors.Is(a.Err, ErrForbidden), errors.Is(a.Err, ErrInvalid):
		words = "refused"
	case a.Err != nil:
		words = "failed"
	}
	for _, mark := range []struct {
		is   bool
		word string
	}{{a.Uncertain, "uncertain"}, {a.Confirmed, "confirmed"}, {a.Again, "again"}, {len(a.Accessors) > 0, "accessor"}, {a.RequestID != "", "named"}} {
		if mark.is {
			words += " " + mark.word
		}
	}
	return words
}

// TestAttemptsAreTold: every set that was sent is told, with what is known of it at once.
func TestAttemptsAreTold(t *testing.T) {
	roles := astrosim.Endpoint("tokens.roles")
	cases := map[string]struct {
		reason, answer string
		fault          astrosim.Fault
		role           string
		want           []string
	}{
		"taken":        {"a set that is taken and shown", "Full", astrosim.Fault{}, "WORKSPACE_MEMBER", []string{"taken confirmed"}},
		"not shown":    {"one that is shown when it is looked at again", "Empty", astrosim.Fault{}, "WORKSPACE_MEMBER", []string{"taken", "taken confirmed again"}},
		"never shown":  {"or never", "Empty", astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.get", After: 1}, "WORKSPACE_MEMBER", []string{"taken"}},
		"refused":      {"one that is refused, with Astro's name for the request", "Full", astrosim.Fault{}, "NO_SUCH_ROLE", []string{"refused named"}},
		"dropped":      {"one whose answer is lost is told as such; that it was made shows when it is read, and nothing more is sent", "Full", astrosim.Fault{Kind: astrosim.FaultDrop, Endpoint: roles, Times: 1}, "WORKSPACE_MEMBER", []string{"failed uncertain"}},
		"reset":        {"one that never arrived is sent again", "Full", astrosim.Fault{Kind: astrosim.FaultReset, Endpoint: roles, Times: 1}, "WORKSPACE_MEMBER", []string{"failed uncertain", "taken confirmed"}},
		"server error": {"as is one that failed, named or not", "Full", astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: roles, Times: 1}, "WORKSPACE_MEMBER", []string{"failed uncertain named", "taken confirmed"}},
		"throttled":    {"one that was throttled was not looked at", "Full", astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: roles, Times: 1}, "WORKSPACE_MEMBER", []string{"failed", "taken confirmed"}},
		"read fails":   {"where nothing was sent nothing is told", "Full", astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.get"}, "WORKSPACE_MEMBER", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			if err := w.SetBehaviour("roles-answer", astrosim.Choice(c.answer)); err != nil {
				t.Fatal(err)
			}
			if c.fault.Kind != "" {
				w.Inject(c.fault)
			}
			var got []string
			tell := func(a Attempt) { got = append(got, a.words()) }
			_, _ = w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, c.role)), tell)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", c.reason, diff)
			}
		})
	}
}

func TestAttemptTellsOfAccessors(t *testing.T) {
	w := newWorld(t, astrosim.Options{Behaviour: astrosim.Behaviour{RemoveWorkspaceRole: astrosim.AddAccessor}})
	w.GrantRole(w.ci, "WORKSPACE", w.ws, "WORKSPACE_MEMBER")
	w.GrantRole(w.ci, "DEPLOYMENT", w.dep, "DEPLOYMENT_ADMIN")
	var got []string
	drop := func(now Token) ([]Role, bool) { return append(now.Roles[:1:1], now.Roles[2:]...), true }
	if _, err := w.client.UpdateRoles(t.Context(), w.ci, drop, func(a Attempt) { got = append(got, a.words()) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"taken", "taken confirmed again accessor"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRequestIDOfAnAnswer: where an answer names the request in its header, so does the attempt, without what looks like a secret.
func TestRequestIDOfAnAnswer(t *testing.T) {
	for header, want := range map[string]string{
		"req-1": "req-1", "": "", strings.Repeat("ab", 40): redacted, "secret-of-the-operator": redacted,
	} {
		client := stub(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-ID", header)
			if r.Method == http.MethodPost {
				_, _ = fmt.Fprint(w, `{"workspaceRoles":[{"workspaceId":"w","role":"A"}]}`)
				return
			}
			_, _ = fmt.Fprint(w, `{"id":"t","roles":[]}`)
		})
		var got []string
		_, err := client.UpdateRoles(t.Context(), "t", add(NewRole(EntityWorkspace, "w", "A")), func(a Attempt) { got = append(got, a.RequestID) })
		if diff := cmp.Diff([]string{want}, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", header, err, diff)
		}
	}
}
