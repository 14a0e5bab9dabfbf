package astro

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// fuzzSecret is written in the letters of a real one.
const fuzzSecret = "eyJhbGciOiJSUzI1NiJ9.eyJhcGlUb2tlbklkIjoiY2x0MSJ9.c2lnbmF0dXJlLW9mLXRoZS1zZWNyZXQ"

// answering is a client that gets the same answer to whatever it asks, and asks once.
func answering(status int, body []byte, header http.Header) *Client {
	c := NewClient(Options{BaseURL: "http://astro.invalid", Organization: "o", Credential: fuzzSecret, Limiter: unlimited(), Transport: answer(func() *http.Response {
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))}
	})})
	c.retries.left = 0
	return c
}

type answer func() *http.Response

func (a answer) RoundTrip(*http.Request) (*http.Response, error) { return a(), nil }

// telling fails if an error tells a part of the credential, or is no line of text.
func telling(t *testing.T, text string) {
	t.Helper()
	for i := 0; i+secretPiece <= len(fuzzSecret); i++ {
		if strings.Contains(text, fuzzSecret[i:i+secretPiece]) {
			t.Fatalf("%q tells a part of the credential", text)
		}
	}
	if clean(text) != text && !strings.Contains(text, redacted) {
		t.Fatalf("%q is not fit for a line of text", text)
	}
}

const fuzzRow = `{"id":"clt1","name":"ci","scope":"ORGANIZATION","kind":"STANDARD","createdAt":"2026-01-01T00:00:00Z","endAt":null,` +
	`"createdBy":{"fullName":"Ada"},"roles":[{"entityType":"ORGANIZATION","entityId":"o","role":"ORGANIZATION_MEMBER","x":[1.50]}]}`

// FuzzPage: a listing is complete by its own count, or it is an error.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"tokens":[],"totalCount":0}`, `{"tokens":[` + fuzzRow + `],"totalCount":1,"limit":1000,"offset":0}`, `{"totalCount":1,"tokens":[` + fuzzRow + `],"x":{"y":[]}} `,
		`{"tokens":[` + fuzzRow + `],"totalCount":2}`, `{"tokens":[` + fuzzRow + `,` + fuzzRow + `],"totalCount":2}`, `{"tokens":null,"totalCount":0}`, `{"totalCount":0}`, `{}`,
		`{"tokens":[{"name":"x"}],"totalCount":1}`, `{"tokens":[],"totalCount":0}{}`, `{"tokens":[],"totalCount":-1}`, `{"Tokens":[],"TotalCount":0}`, `[]`, `null`, ``, `<html>`,
		`{"tokens":[],"tokens":[` + fuzzRow + `],"totalCount":1}`, `{"error":"` + fuzzSecret + `"}`, `{"tokens":"` + fuzzSecret + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tokens, err := pagedTokens().once(context.Background(), answering(http.StatusOK, body, nil))
		if err != nil {
			if tokens != nil || !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrUnreachable) {
				t.Fatalf("%d tokens, %v", len(tokens), err)
			}
			telling(t, err.Error())
			return
		}
		var page map[string]json.RawMessage
		var rows []struct {
			ID string `json:"id"`
		}
		var total int
		if err := errors.Join(json.Unmarshal(body, &page), json.Unmarshal(page["tokens"], &rows), json.Unmarshal(page["totalCount"], &total)); err != nil {
			t.Fatalf("taken for a page: %v", err)
		}
		ids := map[string]bool{}
		for i, token := range tokens {
			ids[token.ID] = true
			if token.ID != rows[i].ID {
				t.Fatalf("row %d is %q, and was %q", i, token.ID, rows[i].ID)
			}
		}
		if len(tokens) != total || len(rows) != total || len(ids) != total {
			t.Fatalf("%d tokens of %d rows and %d ids pass for %d", len(tokens), len(rows), len(ids), total)
		}
	})
}

// FuzzCutOff: an answer that ends early is an error wherever it ends, and never an empty or a shorter list, or a token
// with fewer roles.
func FuzzCutOff(f *testing.F) {
	for _, cut := range []uint16{0, 1, 11, 12, 13, 100, 300, 500} {
		f.Add(uint8(0), cut)
		f.Add(uint8(3), cut)
	}
	f.Fuzz(func(t *testing.T, rows uint8, cut uint16) {
		all := make([]string, rows)
		for i := range all {
			all[i] = strings.Replace(fuzzRow, "clt1", fmt.Sprint("clt", i), 1)
		}
		for whole, ask := range map[string]func(*Client) (int, error){
			fmt.Sprintf(`{"tokens":[%s],"totalCount":%d}`, strings.Join(all, ","), rows): func(c *Client) (int, error) {
				tokens, err := pagedTokens().once(context.Background(), c)
				return len(tokens), err
			},
			fuzzRow: func(c *Client) (int, error) {
				token, err := c.GetToken(context.Background(), "clt1")
				return len(token.Roles), err
			},
		} {
			if _, err := ask(answering(http.StatusOK, []byte(whole), nil)); err != nil {
				t.Fatalf("the whole answer: %v", err)
			}
			n, err := ask(answering(http.StatusOK, []byte(whole[:int(cut)%len(whole)]), nil))
			if n != 0 || !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrIncomplete) {
				t.Fatalf("%d came of %q, %v", n, whole[:int(cut)%len(whole)], err)
			}
		}
	})
}

// FuzzToken: what is known of a token's roles is what was sent, byte for byte.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{fuzzRow, `{"id":"t"}`, `{"id":"t","roles":null}`, `{"id":"t","roles":[null]}`, `{"id":"t","roles":[ {"role" : "A" } ],"endAt":"2026-01-01T00:00:00+01:00"}`, `{"ID":"t","Roles":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var token Token
		if json.Unmarshal(raw, &token) != nil {
			return
		}
		if token.ID == "" || !token.SameAs(token.clone()) || !token.RolesKnown && len(token.Roles) > 0 {
			t.Fatalf("%+v", token)
		}
		_, _ = token.Home(), Rights(token.Roles)
		var sent struct {
			Roles []json.RawMessage `json:"roles"`
		}
		if err := json.Unmarshal(raw, &sent); token.RolesKnown && (err != nil || len(sent.Roles) != len(token.Roles)) {
			t.Fatalf("%d roles of %d, %v", len(token.Roles), len(sent.Roles), err)
		}
		for i, r := range token.Roles {
			if r.wire() != string(sent.Roles[i]) {
				t.Fatalf("%q came back as %q", sent.Roles[i], r.wire())
			}
		}
		var again struct {
			Roles []Role `json:"roles"`
		}
		if err := json.Unmarshal(rolesBody(token.Roles), &again); err != nil || !sameRoles(again.Roles, token.Roles) {
			t.Fatalf("%s is sent, %v", rolesBody(token.Roles), err)
		}
	})
}
