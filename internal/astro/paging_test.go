package astro

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// crowd adds so many tokens, a second apart.
func (w *world) crowd(n int) {
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		w.AddOrganizationToken(w.org, fmt.Sprint("crowd", i), "ORGANIZATION_MEMBER", astrosim.CreatedAt(start.Add(time.Duration(i)*time.Second)))
	}
}

func TestListingIsComplete(t *testing.T) {
	for _, n := range []int{0, 997, 998, 999, 2500} { // with the two of the world: below, at and above a page
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.crowd(n)
			tokens, err := w.client.ListTokens(t.Context())
			if err != nil || len(tokens) != n+2 {
				t.Fatalf("%d tokens, %v", len(tokens), err)
			}
			var offsets []string
			for _, r := range w.wire.requests() {
				q, _ := url.ParseQuery(r.query)
				offsets = append(offsets, q.Get("offset"))
				if q.Get("limit") != "1000" || q.Get("sorts") != "createdAt:asc" {
					t.Errorf("asked for %s", r.query)
				}
			}
			want := map[int][]string{2500: {"0", "999", "1998"}, 999: {"0", "999"}}[n]
			if want == nil {
				want = []string{"0"}
			}
			if diff := cmp.Diff(want, offsets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestListingIsCompleteOrRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		fault  astrosim.Fault
		want   error
	}{
		"shifted once":      {"a row that moved over the seam has it read anew", astrosim.Fault{Kind: astrosim.FaultShift, Times: 1}, nil},
		"shifted back":      {"in either direction", astrosim.Fault{Kind: astrosim.FaultShift, Shift: -1, Times: 1}, nil},
		"shifting":          {"what never stands still is refused", astrosim.Fault{Kind: astrosim.FaultShift}, ErrIncomplete},
		"hidden but total":  {"fewer rows than the total are refused", astrosim.Fault{Kind: astrosim.FaultHide, Keep: 0.9, KeepTotal: true}, ErrIncomplete},
		"cut off":           {"half a page is none, and is asked for again", astrosim.Fault{Kind: astrosim.FaultTruncate, Times: 1}, nil},
		"always cut off":    {"but not for ever", astrosim.Fault{Kind: astrosim.FaultTruncate}, ErrUnreachable},
		"page of a gateway": {"likewise", astrosim.Fault{Kind: astrosim.FaultHTML, Times: 2}, nil},
		"reset":             {"likewise", astrosim.Fault{Kind: astrosim.FaultReset, After: 1, Times: 1}, nil},
		"throttled":         {"a 429 in the middle is waited out", astrosim.Fault{Kind: astrosim.FaultThrottle, After: 1, Times: 1}, nil},
		"forbidden":         {"a refusal is one", astrosim.Fault{Kind: astrosim.FaultForbidden, After: 1}, ErrForbidden},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, astrosim.Options{})
			w.crowd(1010)
			c.fault.Endpoint = "tokens.list"
			w.Inject(c.fault)
			tokens, err := w.client.ListTokens(t.Context())
			if !errors.Is(err, c.want) || c.want == nil && len(tokens) != 1012 || c.want != nil && tokens != nil {
				t.Errorf("%s: %d tokens, %v", c.reason, len(tokens), err)
			}
		})
	}
}

func TestListingOutlivesSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		w.crowd(1010)
		w.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: "tokens.list", After: 1, Times: 1})
		began := time.Now()
		tokens, err := w.client.ListTokens(t.Context())
		if err != nil || len(tokens) != 1012 || time.Since(began) > 21*time.Second {
			t.Errorf("%d tokens after %s, %v", len(tokens), time.Since(began), err)
		}
	})
}

// pager serves rows of its own, changing them as the pages go by.
func pager(t *testing.T, change func(page int, ids []string) []string) (*Client, *atomic.Int32) {
	t.Helper()
	ids := make([]string, 1500)
	for i := range ids {
		ids[i] = fmt.Sprint("t", i)
	}
	var pages atomic.Int32
	return stub(t, func(w http.ResponseWriter, r *http.Request) {
		ids = change(int(pages.Add(1)), ids)
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		var rows []string
		for _, id := range ids[min(offset, len(ids)):min(offset+1000, len(ids))] {
			rows = append(rows, `{"id":"`+id+`"}`)
		}
		_, _ = fmt.Fprintf(w, `{"tokens":[%s],"totalCount":%d,"limit":1000,"offset":%d}`, strings.Join(rows, ","), len(ids), offset)
	}), &pages
}

func TestListingNoticesChangesBetweenPages(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(ids []string) []string
	}{
		"one deleted, one made": {"the total is the same, yet a row has moved", func(ids []string) []string { return append(slices.Delete(ids, 3, 4), "new") }},
		"one made":              {"the total moved", func(ids []string) []string { return append(ids, "new") }},
		"one deleted behind":    {"the total moved, the seam did not", func(ids []string) []string { return slices.Delete(ids, 1200, 1201) }},
		"one twice":             {"a row that came before comes again", func(ids []string) []string { ids[1300] = ids[2]; return ids }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			client, pages := pager(t, func(page int, ids []string) []string {
				if page != 2 {
					return ids
				}
				return c.change(slices.Clone(ids))
			})
			tokens, err := client.ListTokens(t.Context())
			if name == "one twice" { // and stays so: never complete
				if !errors.Is(err, ErrIncomplete) {
					t.Errorf("%s: %v", c.reason, err)
				}
				return
			}
			if err != nil || pages.Load() != 4 {
				t.Errorf("%s: %d tokens in %d pages, %v", c.reason, len(tokens), pages.Load(), err)
			}
		})
	}
}

func TestShortPagesAreFollowed(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		var rows []string
		for i := offset; i < min(offset+3, 10); i++ { // a server that allows no more than three
			rows = append(rows, fmt.Sprintf(`{"id":"t%d"}`, i))
		}
		_, _ = fmt.Fprintf(w, `{"totalCount":10,"tokens":[%s]}`, strings.Join(rows, ","))
	})
	if tokens, err := client.ListTokens(t.Context()); err != nil || len(tokens) != 10 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestWhatIsNoPage(t *testing.T) {
	cases := map[string]string{
		"no total":     `{"tokens":[]}`,
		"no rows":      `{"totalCount":0}`,
		"rows null":    `{"tokens":null,"totalCount":0}`,
		"total text":   `{"tokens":[],"totalCount":"0"}`,
		"row no id":    `{"tokens":[{"name":"x"}],"totalCount":1}`,
		"row null":     `{"tokens":[null],"totalCount":1}`,
		"not closed":   `{"tokens":[],"totalCount":0`,
		"more follows": `{"tokens":[],"totalCount":0}{}`,
		"other rows":   `{"workspaces":[],"totalCount":0}`,
		"an array":     `[]`,
		"negative":     `{"tokens":[],"totalCount":-1}`,
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			client := stub(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
			client.retries.left = 0
			if tokens, err := client.ListTokens(t.Context()); !errors.Is(err, ErrUnreachable) || tokens != nil {
				t.Errorf("%v, %v", tokens, err)
			}
		})
	}
}

func TestBodyThatNeverEndsIsGivenUp(t *testing.T) {
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"tokens":[`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, quick)
	client.retries.left = 0
	began := time.Now()
	if _, err := client.ListTokens(t.Context()); !errors.Is(err, ErrUnreachable) || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestTargetsAndRolesAreListed(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	other := w.AddWorkspace(w.org, "other")
	w.AddDeployment(other, "prod-etl")
	workspaces, err := w.client.ListWorkspaces(t.Context(), Filter{IDs: []string{w.ws}})
	if diff := cmp.Diff([]Target{{EntityWorkspace, w.ws, "data", w.ws}}, workspaces); diff != "" || err != nil {
		t.Error(diff, err)
	}
	deployments, err := w.client.ListDeployments(t.Context(), Filter{Names: []string{"prod-etl"}, WorkspaceIDs: []string{w.ws}})
	if diff := cmp.Diff([]Target{{EntityDeployment, w.dep, "prod-etl", w.ws}}, deployments); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for id, want := range map[string]bool{w.dep: true, w.ws: false} {
		if got, err := w.client.TargetExists(t.Context(), EntityDeployment, id); got != want || err != nil {
			t.Errorf("Deployment %s exists: %v, %v", id, got, err)
		}
	}
	roles, err := w.client.ListRoles(t.Context())
	if diff := cmp.Diff([]CustomRole{{Name: "Deploy Only", WorkspaceIDs: []string{}}}, roles); diff != "" || err != nil {
		t.Error(diff, err)
	}
	org, err := w.client.GetOrganization(t.Context())
	if diff := cmp.Diff(Organization{ID: w.org, Name: "Acme"}, org); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// BenchmarkReadPage decodes a page of 1,000 tokens with 20 roles each, as a sweep of 10,000 bindings does.
func BenchmarkReadPage(b *testing.B) {
	var roles, rows []string
	for i := range 20 {
		roles = append(roles, fmt.Sprintf(`{"entityType":"DEPLOYMENT","entityId":"clp7sk1qr382163ozb5ejr%03d","role":"DEPLOYMENT_ADMIN"}`, i))
	}
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`{"id":"clt%022d","name":"token %d","description":"","scope":"ORGANIZATION","kind":"STANDARD","createdAt":"2026-01-02T03:04:05Z","roles":[%s]}`, i, i, strings.Join(roles, ",")))
	}
	body := []byte(`{"tokens":[` + strings.Join(rows, ",") + `],"totalCount":1000}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readPage(bytes.NewReader(body), "tokens", func(t Token) string { return t.ID }, func(t Token) (Token, error) { return t, nil }); err != nil {
			b.Fatal(err)
		}
	}
}
