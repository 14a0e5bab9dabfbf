package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

func tokenKey(n int) TokenKey {
	return TokenKey{Host: "api.astronomer.io", Organization: "corg00000000000000000000org", Token: fmt.Sprintf("ctok%021d", n)}
}

func entry(uid string) Entry {
	return Entry{
		UID: types.UID(uid), Namespace: "team", Name: "b-" + uid, ConnectionKind: "ClusterAstroConnection", Connection: "acme",
		TargetKind: "Deployment", Target: "cdep00000000000000000000dep", Role: "DEPLOYMENT_ADMIN", Origin: "Created",
		ClaimedAt: time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC),
	}
}

func TestPage(t *testing.T) {
	a, b := entry("a"), entry("b")
	b.Leaving, b.Retain, b.PreviousRole, b.Origin = true, true, "X", "Adopted"
	written := map[ID]Entry{{tokenKey(1), "a"}: a, {tokenKey(1), "b"}: b, {tokenKey(2), "a"}: a}
	recovered := map[ID]Entry{}
	for id, e := range written {
		e.Recovered = true
		recovered[id] = e
	}
	without := map[ID]Entry{{tokenKey(2), "a"}: recovered[ID{tokenKey(2), "a"}]}
	cases := map[string]struct {
		reason  string
		edit    func(*corev1.ConfigMap)
		want    map[ID]Entry
		own     bool
		mention string
	}{
		"AsWritten": {"What was written is read, as of another process.", func(*corev1.ConfigMap) {}, recovered, true, ""},
		"Restored":  {"A page that was restored is another object.", func(cm *corev1.ConfigMap) { cm.UID = "other" }, map[ID]Entry{}, false, ""},
		"Unmarked":  {"A page that names no object was not written by a journal.", func(cm *corev1.ConfigMap) { cm.Annotations = nil }, map[ID]Entry{}, false, ""},
		"Garbled": {
			"What cannot be decoded is said, and the rest is read.",
			func(cm *corev1.ConfigMap) { cm.Data[recordKey(tokenKey(1))] = "{" }, without, true, recordKey(tokenKey(1)),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := &page{name: "i-journal-00", uid: "page"}
			cm, err := p.configMap(Options{Namespace: "system", Instance: "i", Writer: "w"}, written)
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(cm)
			got, own, err := read(cm)
			if diff := cmp.Diff(tc.want, got); diff != "" || own != tc.own {
				t.Errorf("%s\nown %t, want %t; -want +got\n%s", tc.reason, own, tc.own, diff)
			}
			if tc.mention == "" && err != nil || tc.mention != "" && (err == nil || !strings.Contains(err.Error(), tc.mention)) {
				t.Errorf("%s\nwant an error of %q, got %v", tc.reason, tc.mention, err)
			}
		})
	}
}

func TestSame(t *testing.T) {
	cases := map[string]struct {
		edit func(*Entry)
		want bool
	}{
		"Equal":     {func(*Entry) {}, true},
		"Zone":      {func(e *Entry) { e.ClaimedAt = e.ClaimedAt.In(time.FixedZone("x", 3600)) }, true},
		"Recovered": {func(e *Entry) { e.Recovered = true }, true},
		"Time":      {func(e *Entry) { e.ClaimedAt = e.ClaimedAt.Add(time.Microsecond) }, false},
		"Role":      {func(e *Entry) { e.Role = "X" }, false},
		"Leaving":   {func(e *Entry) { e.Leaving = true }, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := entry("a")
			tc.edit(&e)
			if got := entry("a").same(e); got != tc.want {
				t.Errorf("want %t, got %t", tc.want, got)
			}
		})
	}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 100)
	cases := map[string]struct{ got, want string }{
		"FirstPage": {pageName("i", 3, 0), "i-journal-03"},
		"Overflow":  {pageName("i", 3, 2), "i-journal-03-2"},
		"Short":     {labelValue("manager.astro.scopedtoken.dev"), "manager.astro.scopedtoken.dev"},
		"Long":      {labelValue(long)[:7], "sha256-"},
		"KeyOfPort": {recordKey(TokenKey{"127.0.0.1:80", "o", "t"})[:4], "o.t."},
	}
	for name, tc := range cases {
		if tc.got != tc.want {
			t.Errorf("%s: want %q, got %q", name, tc.want, tc.got)
		}
	}
	if len(labelValue(long)) > maxLabel {
		t.Error("the label is too long")
	}
	if recordKey(TokenKey{"a", "o", "t"}) == recordKey(TokenKey{"b", "o", "t"}) {
		t.Error("two hosts share a key")
	}
}

// TestFullBatch is of as many claims as go into one write: they fit one page.
func TestFullBatch(t *testing.T) {
	b := newBucket(0)
	entries := make([]Entry, MaxClaims)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("0f9a7c1e-8a3b-4c2d-9e1f-%012d", i))
	}
	b.enter(tokenKey(1), entries)
	if due := b.due("i"); len(due) != 1 {
		t.Errorf("%d claims take %d pages, want 1", MaxClaims, len(due))
	}
	b.enter(tokenKey(2), entries)
	for p, on := range b.due("i") {
		cm, err := p.configMap(Options{}, on)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for key, value := range cm.Data {
			size += len(key) + len(value)
		}
		if size > 100_000 {
			t.Errorf("page %s has %d bytes", p.name, size)
		}
	}
}
