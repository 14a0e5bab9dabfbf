package astro

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzErrorBody: an error is of one kind, tells nothing of the credential, and takes no gateway for Astro.
func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		`{"message":"not found","requestId":"r-1","statusCode":404}`, `{"message":"x","fieldErrors":[{"field":"roles[0]","code":"c","message":"m"}]}`,
		`{"message":"Bearer ` + fuzzSecret + ` is unknown","requestId":"` + fuzzSecret + `"}`, `{"fieldErrors":[{"field":"` + fuzzSecret + `","message":"` + fuzzSecret + `"}],"message":"a"}`,
		`<html><style>x</style><h1>502</h1>` + fuzzSecret + `</html>`, `{"requestId":""}`, `null`, ``, "\x00\xff\u202e", fuzzSecret[:20] + "\n" + fuzzSecret[20:], `{"message":"\u0065yJhbGciOiJSUzI1NiJ9"}`,
		`{"message":"it ends in ` + fuzzSecret[60:] + `","requestId":"` + fuzzSecret[50:65] + `"}`, `<p>` + fuzzSecret[40:55] + `</p>`,
	} {
		for _, status := range []int{http.StatusNotFound, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusBadGateway} {
			f.Add(status, []byte(seed))
		}
	}
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden} {
		f.Add(status, fmt.Appendf(nil, `{"message":"no","requestId":"r-1","statusCode":%d}`, status))
	}
	kinds := []error{ErrNotFound, ErrForbidden, ErrUnauthorized, ErrInvalid, ErrThrottled, ErrUnreachable}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		c := answering(status, body, nil)
		_, err := c.GetToken(t.Context(), "clt1")
		if err == nil {
			if status != http.StatusOK {
				t.Fatalf("%d is no error", status)
			}
			return
		}
		if n := len(slices.DeleteFunc(slices.Clone(kinds), func(kind error) bool { return !errors.Is(err, kind) })); n != 1 {
			t.Fatalf("%v is of %d kinds", err, n)
		}
		telling(t, InFull(err).Error())
		e, _ := errors.AsType[*Error](err)
		if len(InFull(err).Error()) > maxErrorText || len(e.Fields) > maxFields {
			t.Fatalf("%d bytes of error, %d fields", len(err.Error()), len(e.Fields))
		}
		said := []string{e.Message, e.Answer, e.RequestID}
		for _, field := range e.Fields {
			said = append(said, field.Field, field.Code, field.Message)
		}
		for _, text := range said {
			telling(t, text)
		}
		definite := []error{ErrNotFound, ErrForbidden, ErrInvalid}
		if slices.ContainsFunc(definite, func(kind error) bool { return errors.Is(err, kind) }) && !astros(status, body) {
			t.Fatalf("%d %q is taken for Astro's word: %v", status, body, err)
		}
		page := strings.HasPrefix(strings.TrimSpace(string(body)), "<")
		if refused := c.Refusal() != nil; refused != (status == http.StatusUnauthorized && (astros(status, body) || !page)) {
			t.Fatalf("the credential counts as refused: %t", refused)
		}
	})
}

// astros reports the long way whether a body is an error of Astro's for an answer with the status.
func astros(status int, body []byte) bool {
	var fields struct {
		RequestID  string `json:"requestId"`
		StatusCode int    `json:"statusCode"`
		Message    any    `json:"message"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		return false
	}
	return fields.RequestID != "" && fields.StatusCode == status
}

// FuzzRetryAfter: nobody is told to wait for ever, or for less than nothing.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "1", "1.5", "-1", "1e300", "NaN", "Inf", "0x10", "Wed, 21 Oct 2026 07:28:00 GMT", "soon", " 7 "} {
		f.Add(seed, "")
		f.Add(seed, "Wed, 21 Oct 2026 07:27:00 GMT")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		if wait := retryAfter(h, time.Unix(1.8e9, 0)); wait < 0 || wait > maxRetryAfter {
			t.Fatalf("%s", wait)
		}
	})
}

// FuzzCredential: no error tells what it could not read, and what is read can be said in a status.
func FuzzCredential(f *testing.F) {
	for _, claims := range []string{`{"apiTokenId":"t1","permissions":["organizationId:o1"],"exp":1e9}`, `{}`, `{"apiTokenId":1}`, `{"apiTokenId":"t","exp":1e300}`, `{"apiTokenId":"t","exp":-1e300}`, `[]`, `{"apiTokenId":"t","exp":0}`} {
		f.Add(jwt(claims))
	}
	for _, secret := range []string{"", ".", "..", "a.b.c", "a.e30.c", fuzzSecret, " " + fuzzSecret + "\n"} {
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		id, err := ParseCredential(secret)
		switch {
		case err != nil && !slices.Contains(everyDirt(), err):
			t.Fatalf("%v is made of what was read", err)
		case err == nil && id.TokenID == "":
			t.Fatal("a credential of no token")
		case id.ExpiresAt != nil && (id.ExpiresAt.Year() < 1970 || id.ExpiresAt.Year() > 9999):
			t.Fatalf("it expires in the year %d", id.ExpiresAt.Year())
		}
	})
}

// FuzzSubjectRoles: the answer to a write confirms it only if it shows what was sent and not what was taken out.
func FuzzSubjectRoles(f *testing.F) {
	const before, sent = `[{"entityType":"WORKSPACE","entityId":"w1","role":"A"},{"entityType":"DAG","entityId":"d","deploymentId":"x","role":"R"}]`, `[{"entityType":"DEPLOYMENT","entityId":"d1","role":"B"}]`
	for _, answer := range []string{
		`{"organizationRole":"ORGANIZATION_MEMBER"}`, `{"deploymentRoles":[{"deploymentId":"d1","role":"B"}]}`, `{}`, `null`, `{"workspaceRoles":null}`,
		`{"deploymentRoles":[{"deploymentId":"d1","role":"B"}],"workspaceRoles":[{"workspaceId":"w1","role":"A"}]}`, `{"workspaceRoles":[{"workspaceId":"w2","role":"C"}],"deploymentRoles":[{"deploymentId":"d1","role":"B"}]}`,
	} {
		f.Add([]byte(answer), []byte(before), []byte(sent))
	}
	f.Fuzz(func(t *testing.T, raw, rawBefore, rawSent []byte) {
		var answer subjectRoles
		var before, sent []Role
		if errors.Join(into(&answer)(bytes.NewReader(raw)), json.Unmarshal(rawBefore, &before), json.Unmarshal(rawSent, &sent)) != nil {
			return
		}
		shown, wanted := answer.byKey(), rolesByKey(sent)
		if len(shown) > 0 && !answer.says() {
			t.Fatalf("%s says nothing", raw)
		}
		if !shows(wanted, before, sent) {
			t.Fatalf("exactly what was sent, %s, does not show it", rawSent)
		}
		if !shows(shown, before, sent) {
			return
		}
		for key, role := range wanted {
			if bindable(key) && shown[key] != role {
				t.Fatalf("%v is not shown as %q by %s", key, role, raw)
			}
		}
		for _, r := range before {
			if _, kept := wanted[r.Key()]; !kept && bindable(r.Key()) && answer.has(r.Key()) {
				t.Fatalf("%v was taken out and is shown by %s", r.Key(), raw)
			}
		}
	})
}

// has looks for a key the long way.
func (s subjectRoles) has(k RoleKey) bool {
	for _, w := range s.WorkspaceRoles {
		if k == NewRole(EntityWorkspace, w.WorkspaceID, "").Key() {
			return true
		}
	}
	for _, d := range s.DeploymentRoles {
		if k == NewRole(EntityDeployment, d.DeploymentID, "").Key() {
			return true
		}
	}
	return false
}
