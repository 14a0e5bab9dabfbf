package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	tokens = "/v1/organizations/o/tokens"
	roles  = "/v1/organizations/o/tokens/t/roles"
	token  = `{"id":"t","createdAt":"2026-01-01T00:00:00Z","roles":[{"entityType":"WORKSPACE","entityId":"w"}],"home":{"kind":"k","place":"p"}}`
	page   = `{"tokens":[` + token + `],"totalCount":1}`
	set    = `{"roles":[{"entityType":"WORKSPACE","entityId":"w"}]}`
	wrong  = `{"message":"m","requestId":"r","statusCode":400}`
	noBody = ""
)

// list is an exchange that keeps to the document, and replace another; a case changes one thing.
func list(change func(*exchange)) *exchange {
	e := &exchange{Method: "GET", URL: tokens + "?limit=2&sorts=name:asc", Status: 200, Answer: page}
	return changed(e, change)
}

func replace(change func(*exchange)) *exchange {
	return changed(&exchange{Method: "POST", URL: roles, Body: set, Status: 200, Answer: token}, change)
}

func changed(e *exchange, change func(*exchange)) *exchange {
	e.Header = http.Header{"User-Agent": {"operator/1"}, "Content-Type": {"application/json"}}
	e.AnswerHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	change(e)
	return e
}

func (e *exchange) by(agent string) { e.Header.Set("User-Agent", agent) }

func TestCheck(t *testing.T) {
	d, err := loadDocument("testdata/things.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		exchange *exchange
		want     string // side and part of the reason of each deviation
		skipped  string
	}{
		"a list":        {list(func(*exchange) {}), "", ""},
		"a replacement": {replace(func(*exchange) {}), "", ""},
		"a path that is there twice": {list(func(e *exchange) {
			e.URL, e.Answer = "/v1/organizations/o/roles/r", `{"entityType":"WORKSPACE","entityId":"w"}`
		}), "", ""},
		"with another method": {list(func(e *exchange) {
			e.Method, e.URL, e.Status, e.Answer = "DELETE", "/v1/organizations/o/roles/r", 204, ""
		}), "", ""},
		"refused": {replace(func(e *exchange) { e.Status, e.Answer = 400, wrong }), "", ""},

		"a field is missing":            {list(func(e *exchange) { e.Answer = cut(page, `"id":"t",`) }), `answer: /tokens/*/id: property "id" is missing`, ""},
		"a field is renamed":            {list(func(e *exchange) { e.Answer = swap(page, `"home"`, `"homes"`) }), `answer: /tokens/*: property "homes" is unsupported`, ""},
		"a field of a wrong type":       {list(func(e *exchange) { e.Answer = swap(page, `"id":"t"`, `"id":7`) }), "answer: /tokens/*/id: value must be a string", ""},
		"a field is null":               {list(func(e *exchange) { e.Answer = swap(page, `"id":"t"`, `"id":null`) }), "answer: /tokens/*/id: Value is not nullable", ""},
		"not a time":                    {list(func(e *exchange) { e.Answer = swap(page, `T00:00:00Z`, ``) }), "answer: /tokens/*/createdAt: string doesn't match", ""},
		"not one of the values":         {list(func(e *exchange) { e.Answer = swap(page, "WORKSPACE", "Workspace") }), "answer: /tokens/*/roles/*/entityType: value is not one", ""},
		"not JSON":                      {list(func(e *exchange) { e.Answer = "<html>" }), "answer: ", ""},
		"answer is not said to be JSON": {list(func(e *exchange) { e.AnswerHeader.Set("Content-Type", "text/html") }), "answer: ", ""},
		"a status that is not declared": {list(func(e *exchange) { e.Status, e.Answer = 400, wrong }), "answer: status is not supported", ""},
		"an error without its fields":   {replace(func(e *exchange) { e.Status, e.Answer = 400, `{"message":"m","statusCode":400}` }), "answer: /requestId: property", ""},

		"an empty set":                       {replace(func(e *exchange) { e.Body = `{"roles":[]}` }), "request: /roles: minimum number of items is 1", ""},
		"no body":                            {replace(func(e *exchange) { e.Body = noBody }), "request: ", ""},
		"body is not said to be JSON":        {replace(func(e *exchange) { e.Header.Set("Content-Type", "text/plain") }), "request: ", ""},
		"a field that is not in the request": {replace(func(e *exchange) { e.Body = swap(set, `"entityId"`, `"odd":1,"entityId"`) }), `request: /roles/*: property "odd" is unsupported`, ""},
		"limit too large":                    {list(func(e *exchange) { e.URL = tokens + "?limit=1001" }), "request: parameter limit: /: number must be at most 1000", ""},
		"unknown sort":                       {list(func(e *exchange) { e.URL = tokens + "?sorts=age:asc" }), "request: parameter sorts: ", ""},
		"unknown parameter":                  {list(func(e *exchange) { e.URL = tokens + "?name=x" }), `request: the document has no query parameter "name" here`, ""},

		"others may be refused":          {replace(func(e *exchange) { e.by("curl/8"); e.Body, e.Status, e.Answer = "{}", 400, wrong }), "", ""},
		"others must not be let through": {replace(func(e *exchange) { e.by("Go-http-client/1.1"); e.Body = "{}" }), `request: /roles: property "roles" is missing`, ""},

		"a path that is not there": {list(func(e *exchange) {
			e.by("curl/8")
			e.URL, e.Status, e.Answer = tokens+"/t/u/v", 404, swap(wrong, "400", "404")
		}), "", ""},
		"a path that should not be there": {list(func(e *exchange) { e.by("curl/8"); e.URL = tokens + "/t/u/v" }), "answer: status 200 instead of 404", ""},
		"a method that is not there": {list(func(e *exchange) {
			e.by("curl/8")
			e.Method, e.Status, e.Answer = "PUT", 405, swap(wrong, "400", "405")
		}), "", ""},
		"a method answered 404": {list(func(e *exchange) { e.by("curl/8"); e.Method, e.Status, e.Answer = "PUT", 404, wrong }), "answer: status 404 instead of 405", ""},
		"not an error": {list(func(e *exchange) {
			e.by("curl/8")
			e.Method, e.Status, e.Answer = "PUT", 405, cut(wrong, `"message":"m",`)
		}), "answer: /message: property", ""},
		"the operator calls what is not there": {list(func(e *exchange) { e.Method, e.Status, e.Answer = "PUT", 405, wrong }), "request: the document has no such operation", ""},

		"made by a fault":   {list(func(e *exchange) { e.Fault, e.Status, e.Answer = "html", 502, "<html>" }), "", "fault"},
		"the request of it": {list(func(e *exchange) { e.Fault, e.Status, e.URL = "drop", 0, tokens+"?name=x" }), "request: the document has no query", "fault"},
		"throttled":         {list(func(e *exchange) { e.Status, e.Answer = 429, "slow down" }), "", "429"},
		"an older base":     {list(func(e *exchange) { e.URL = "/iam/v1beta1/organizations/o/tokens" }), "", "outside"},
		"clusters":          {list(func(e *exchange) { e.URL = "/v1/organizations/o/clusters/c" }), "", "without"},
		"types of a newer Astro": {list(func(e *exchange) {
			e.Answer = swap(page, `"roles":[`, `"roles":[{"entityType":"ASSET","entityId":"a"},`)
		}), "", ""},
		"fields of a newer Astro": {replace(func(e *exchange) { e.Body = swap(set, `"entityId"`, `"since":1.50,"entityId"`) }), "", ""},
		"of an entry only":        {list(func(e *exchange) { e.Answer = swap(page, `"id"`, `"since":1.50,"id"`) }), `answer: /tokens/*: property "since" is unsupported`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v, err := d.check(tc.exchange)
			if err != nil {
				t.Fatal(err)
			}
			if found := fmt.Sprint(v.deviations); len(v.deviations) != min(len(tc.want), 1) || !v.has(tc.want) {
				t.Errorf("got %s, want %q", found, tc.want)
			}
			if (v.skipped == "") != (tc.skipped == "") || !strings.Contains(v.skipped, tc.skipped) {
				t.Errorf("skipped %q, want %q", v.skipped, tc.skipped)
			}
		})
	}
}

func (v verdict) has(want string) bool {
	for _, found := range v.deviations {
		if !strings.HasPrefix(found.side+": "+found.reason, want) {
			return false
		}
	}
	return true
}

func swap(text, part, by string) string { return strings.Replace(text, part, by, 1) }

func cut(text, part string) string { return swap(text, part, "") }
