package astro

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// zipped answers with a body that is written in pieces and compressed, as a gateway that means harm would.
func zipped(write func(piece func(string))) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		write(func(s string) { _, _ = z.Write([]byte(s)) })
		_ = z.Close()
	}
}

// TestWhatAstroAnswersIsBounded counts what is decoded, and not what comes over the wire.
func TestWhatAstroAnswersIsBounded(t *testing.T) {
	mebibyte := strings.Repeat("x", 1<<20)
	row := func(i int, roles string) string {
		return fmt.Sprintf(`{"id":"t%d","scope":"ORGANIZATION","roles":[%s]}`, i, roles)
	}
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		err    error
		says   string
	}{
		"LargeRow": {
			"One row is as large as a page may be.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":1,"tokens":[{"id":"t1","name":"`)
				for range 20 {
					piece(mebibyte)
				}
				piece(`"}]}`)
			}), ErrUnreachable, "larger than 2 MiB",
		},
		"LargeField": {
			"What nobody reads is held while it is skipped.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":0,"tokens":[],"more":"`)
				for range 20 {
					piece(mebibyte)
				}
				piece(`"}`)
			}), ErrUnreachable, "larger than 2 MiB",
		},
		"Blanks": {
			"There is nothing to hold, and no end.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":0,`)
				for range 20 {
					piece(strings.Repeat(" ", 1<<20))
				}
				piece(`"tokens":[]}`)
			}), ErrUnreachable, "larger than 2 MiB",
		},
		"LargeRows": {
			"Each row is as large as it may be.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":150,"tokens":[{"id":"t"}`)
				for i := range 149 {
					piece("," + row(i, `{"entityType":"DAG","note":"`+mebibyte+`"}`))
				}
				piece(`]}`)
			}), ErrIncomplete, "more than 48 MiB of memory",
		},
		"EmptyRoles": {
			"Roles that are next to nothing on the wire are larger in memory.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":150,"tokens":[{"id":"t"}`)
				for i := range 149 {
					piece("," + row(i, strings.Repeat("{},", 19_000)+"{}"))
				}
				piece(`]}`)
			}), ErrIncomplete, "more than 48 MiB of memory",
		},
		"ManyRows": {
			"More rows come than were asked for.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":1000000,"tokens":[{"id":"t"}`)
				for i := range 100_000 {
					piece(`,{"id":"` + fmt.Sprint(i) + `"}`)
				}
				piece(`]}`)
			}), ErrUnreachable, "more than the 1000 rows",
		},
		"Most": {
			"A row just below the bound is read.",
			zipped(func(piece func(string)) {
				piece(`{"totalCount":1,"tokens":[{"id":"t1","name":"` + mebibyte + mebibyte[100:] + `","roles":[]}]}`)
			}), nil, "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			client := stub(t, tc.answer)
			client.retries.left, client.opts.ListTimeout = 0, 10*time.Minute
			before := heap()
			_, err := client.ListTokens(t.Context())
			if !errors.Is(err, tc.err) || tc.err != nil && !strings.Contains(InFull(err).Error(), tc.says) {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
			if grown := heap() - before; grown > 160<<20 {
				t.Errorf("%s\nthe heap grew by %d MiB", tc.reason, grown>>20)
			}
		})
	}
}

// TestRestrictionsAreBounded: a custom role that is restricted to Workspaces without a name is next to nothing on the wire.
func TestRestrictionsAreBounded(t *testing.T) {
	client := stub(t, zipped(func(piece func(string)) {
		piece(`{"totalCount":40,"roles":[{"id":"r"}`)
		for i := range 39 {
			piece(fmt.Sprintf(`,{"id":"r%d","scopeType":"DEPLOYMENT","restrictedWorkspaceIds":[%s""]}`, i, strings.Repeat(`"",`, 600_000)))
		}
		piece(`]}`)
	}))
	client.retries.left, client.opts.ListTimeout = 0, 10*time.Minute
	before := heap()
	roles, err := client.ListRoles(t.Context())
	if !errors.Is(err, ErrIncomplete) {
		t.Errorf("%d roles, %v", len(roles), err)
	}
	if grown := heap() - before; grown > 160<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// TestAnswerToAWriteIsBounded: an answer with more roles than a token can have says nothing.
func TestAnswerToAWriteIsBounded(t *testing.T) {
	many := `[` + strings.Repeat("{},", maxRoles) + `{}]`
	for name, raw := range map[string]string{
		"Workspaces":  `{"organizationRole":"ORGANIZATION_MEMBER","workspaceRoles":` + many + `}`,
		"Deployments": `{"organizationRole":"ORGANIZATION_MEMBER","deploymentRoles":` + many + `}`,
	} {
		var answer subjectRoles
		if err := json.Unmarshal([]byte(raw), &answer); err != nil || answer.says() || cap(answer.WorkspaceRoles)+cap(answer.DeploymentRoles) > 0 {
			t.Errorf("%s: it says %d and %d roles, %v", name, len(answer.WorkspaceRoles), len(answer.DeploymentRoles), err)
		}
	}
}

// TestPagesTogetherAreBounded is about a listing that is small page by page, and does not end.
func TestPagesTogetherAreBounded(t *testing.T) {
	pages := 0
	client := stub(t, func(w http.ResponseWriter, r *http.Request) {
		pages++
		var offset int
		_, _ = fmt.Sscan(r.URL.Query().Get("offset"), &offset)
		rows := make([]string, 0, pageSize)
		for i := range pageSize {
			rows = append(rows, fmt.Sprintf(`{"id":"t%d","name":"%s"}`, offset+i, strings.Repeat("x", 4000)))
		}
		_, _ = fmt.Fprintf(w, `{"totalCount":100000000,"tokens":[%s]}`, strings.Join(rows, ","))
	})
	_, err := client.ListTokens(t.Context())
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "more than 48 MiB of memory") {
		t.Errorf("got %v", err)
	}
	if pages > 15 {
		t.Errorf("%d pages were read", pages)
	}
}

// heap is what the heap has taken from the system.
func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys - m.HeapReleased)
}
