package astro

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestOneTokenIsBounded: whatever fits into an answer that is one token, little of it stays.
func TestOneTokenIsBounded(t *testing.T) {
	entries := func(n int, entry string) string { return "[" + strings.Repeat(entry+",", n-1) + entry + "]" }
	cases := map[string]struct {
		reason, roles string
		known         int // -1: the roles are unknown
	}{
		"Empty":      {"Roles that are next to nothing on the wire are many.", entries(690_000, "{}"), -1},
		"Spaced":     {"Blanks between them change nothing.", strings.ReplaceAll(entries(300_000, "{}"), ",", " , "), -1},
		"OneTooMany": {"The bound is a number.", entries(maxRoles+1, `{"role":"A"}`), -1},
		"Most":       {"As many as there may be are read.", entries(maxRoles, `{"role":"A"}`), maxRoles},
		"Numbers":    {"What is no role is none, however many.", entries(900_000, "1"), -1},
		"Large":      {"Few that are large are read.", entries(15, `{"role":"`+strings.Repeat("],{[", 30_000)+`"}`), 15},
		"Object":     {"What is no list is none.", `{"a":"` + strings.Repeat("x", 100_000) + `"}`, -1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var token Token
			if err := json.Unmarshal([]byte(`{"id":"t1","roles":`+c.roles+`}`), &token); err != nil {
				t.Fatal(err)
			}
			if token.RolesKnown != (c.known >= 0) || len(token.Roles) != max(0, c.known) {
				t.Errorf("%s\n%d roles, known: %t", c.reason, len(token.Roles), token.RolesKnown)
			}
			if token.size() > 2*maxAnswer {
				t.Errorf("%s\n%d bytes", c.reason, token.size())
			}
		})
	}
}

// bound says that the tokens b0, b1 and so on are bound.
func bound(n int) func(context.Context) ([]string, error) {
	return func(context.Context) (ids []string, err error) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("b%d", i))
		}
		return ids, nil
	}
}

// TestUntrustedListingsAreBounded: while listings are no evidence, tokens that they lack are not gone; but each of them may
// show others. The rows that bindings need stay.
func TestUntrustedListingsAreBounded(t *testing.T) {
	const rows, perListing, most = 40, 20, 1 << 20
	listing, name := 0, strings.Repeat("x", 8000)
	client := stub(t, func(w http.ResponseWriter, _ *http.Request) {
		var tokens []string
		if listing == 0 {
			for i := range rows {
				tokens = append(tokens, fmt.Sprintf(`{"id":"b%d","name":"bound"}`, i))
			}
		}
		for i := range perListing {
			tokens = append(tokens, fmt.Sprintf(`{"id":"t%d-%d","name":"%s"}`, listing, i, name))
		}
		_, _ = fmt.Fprintf(w, `{"totalCount":%d,"tokens":[%s]}`, len(tokens), strings.Join(tokens, ","))
	}, func(o *Options) { o.MaxListing = most })
	now := time.Unix(1000, 0)
	d := NewDirectory(client, DirectoryOptions{SelfID: "self", Clock: func() time.Time { return now }, Bound: bound(rows)})
	for ; listing < 30; listing++ {
		now = now.Add(time.Minute)
		if s, err := d.Refresh(t.Context()); err != nil || s.Trusted {
			t.Fatalf("the listing is no evidence: %+v, %v", s, err)
		}
		size := 0
		d.Each(func(t Token) { size += t.size() })
		if size > most {
			t.Fatalf("%d bytes are kept after %d listings", size, listing+1)
		}
		for i := range perListing {
			if _, known := d.Known(fmt.Sprintf("t%d-%d", listing, i)); !known {
				t.Fatalf("row %d of listing %d is not known", i, listing)
			}
		}
	}
	for i := range rows {
		if _, known := d.Known(fmt.Sprintf("b%d", i)); !known {
			t.Errorf("bound token %d is not known any more", i)
		}
	}
	if _, known := d.Known("t28-0"); !known {
		t.Error("more was dropped than had to be")
	}
	if _, known := d.Known("t0-0"); known {
		t.Error("the oldest row is kept")
	}
}
