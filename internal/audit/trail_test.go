package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// world is a trail with a clock that stands still, and what it has written.
type world struct {
	*Trail

	t   *testing.T
	out bytes.Buffer
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: began}
	w.Trail = NewTrail(NewLog(&w.out), func() time.Time { return w.now })
	return w
}

// granted is an entry about the role A on a Workspace.
func granted(outcome Outcome) Entry {
	return Entry{
		Organization: Named{ID: "o1"}, Token: Named{ID: "t1"}, Target: Target{Kind: "Workspace", ID: "w1"}, To: "A", Cause: Granted, Outcome: outcome,
	}
}

func (w *world) sent(entries ...Entry) []Entry {
	w.t.Helper()
	written, err := w.Sent(entries...)
	if err != nil {
		w.t.Fatal(err)
	}
	return written
}

// seen has the token hold the role on the Workspace, read after the time.
func (w *world) seen(role string, after time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(after)
	err := w.Seen("o1", "t1", func(kind, id string) string {
		if kind == "Workspace" && id == "w1" {
			return role
		}
		return ""
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// lines are the outcomes, with the ids as letters in the order in which they came.
func (w *world) lines() string {
	w.t.Helper()
	ids, all := map[string]string{}, []string{}
	for line := range strings.Lines(w.out.String()) {
		var e Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			w.t.Fatalf("%v: %s", err, line)
		}
		if e.ID == "" || e.Audit != Version || e.Time.IsZero() {
			w.t.Errorf("incomplete: %s", line)
		}
		if ids[e.ID] == "" {
			ids[e.ID] = string(rune('a' + len(ids)))
		}
		all = append(all, ids[e.ID]+" "+string(e.Outcome))
	}
	return strings.Join(all, ", ")
}

func TestTrail(t *testing.T) {
	another := granted(Confirmed)
	another.To = "B"
	elsewhere := granted(Confirmed)
	elsewhere.Target.ID = "w2"
	cases := map[string]struct {
		reason string
		do     func(*world)
		want   string
	}{
		"Known":         {"What is known is told once.", func(w *world) { w.sent(granted(Confirmed)); w.seen("A", time.Minute) }, "a confirmed"},
		"Arrived":       {"A lost answer is followed by what is seen.", func(w *world) { w.sent(granted(Unknown)); w.seen("A", 0); w.seen("A", 0) }, "a unknown, a confirmed"},
		"MayArrive":     {"A write may be on its way.", func(w *world) { w.sent(granted(Unknown)); w.seen("", settleTime-1) }, "a unknown"},
		"NotArrived":    {"But not for long.", func(w *world) { w.sent(granted(Unknown)); w.seen("", settleTime); w.seen("A", 0) }, "a unknown, a refused"},
		"Again":         {"The same change, sent again, is the same change.", func(w *world) { w.sent(granted(Unknown)); w.seen("", 0); w.sent(granted(Confirmed)) }, "a unknown, a confirmed"},
		"AgainAndAgain": {"However often.", func(w *world) { w.sent(granted(Unknown)); w.sent(granted(Unknown)); w.seen("A", 0) }, "a unknown, a unknown, a confirmed"},
		"AgainRefused":  {"Astro may refuse it then.", func(w *world) { w.sent(granted(Unknown)); w.sent(granted(Refused)); w.seen("", time.Minute) }, "a unknown, a refused"},
		"Another":       {"Another change in its place is another one, and ends it.", func(w *world) { w.sent(granted(Unknown)); w.sent(another); w.seen("A", 0) }, "a unknown, b confirmed"},
		"Elsewhere":     {"One in another place does not.", func(w *world) { w.sent(granted(Unknown)); w.sent(elsewhere); w.seen("A", 0) }, "a unknown, b confirmed, a confirmed"},
		"Shown":         {"What was not shown at once is confirmed by a later look.", func(w *world) { w.Confirmed(w.sent(granted(Written))...) }, "a written, a confirmed"},
		"ShownLater":    {"Whenever that is.", func(w *world) { w.sent(granted(Written)); w.seen("", 1); w.seen("A", 1) }, "a written, a confirmed"},
		"NeverShown":    {"What Astro has taken, it has not refused.", func(w *world) { w.sent(granted(Written)); w.seen("", time.Minute); w.seen("A", 0) }, "a written"},
		"WrittenAgain":  {"And a write after it is another one.", func(w *world) { w.sent(granted(Written)); w.sent(granted(Confirmed)) }, "a written, b confirmed"},
		"Stays":         {"A role that stays is told once.", func(w *world) { w.Write(granted(Released)); w.seen("", time.Minute) }, "a released"},
		"Gone": {"A token that is not read any more is not followed for ever.", func(w *world) {
			w.sent(granted(Unknown))
			w.now = w.now.Add(openAge + 1)
			other := granted(Unknown)
			other.Token.ID = "t2"
			w.sent(other)
			w.seen("A", 0)
		}, "a unknown, b unknown"},
		"AnotherToken": {"What another token holds does not matter.", func(w *world) {
			w.sent(granted(Unknown))
			w.Seen("o1", "t2", func(string, string) string { return "A" })
		}, "a unknown"},
		"RemovalArrived": {"A removal is shown by nothing being there.", func(w *world) {
			e := granted(Unknown)
			e.From, e.To = "A", ""
			w.sent(e)
			w.seen("A", 1)
			w.seen("", 1)
		}, "a unknown, a confirmed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.do(w)
			if got := w.lines(); got != c.want {
				t.Errorf("%s\nwant %s\ngot  %s", c.reason, c.want, got)
			}
			if name == "NotArrived" && len(w.open) > 0 {
				t.Errorf("what is known is kept: %v", w.open)
			}
		})
	}
}

func TestTrailOfNothing(t *testing.T) {
	var none *Trail
	_, err := none.Sent(granted(Unknown))
	if err := errors.Join(err, none.Confirmed(granted(Written)), none.Write(granted(Released)), none.Seen("o1", "t1", nil)); err != nil {
		t.Error(err)
	}
}

func TestLine(t *testing.T) {
	w := newWorld(t)
	e := Entry{
		Connection:   Connection{Kind: "AstroConnection", Namespace: "data", Name: "acme"},
		Organization: Named{ID: "o1", Name: "Acme"},
		Token:        Named{ID: "t1", Name: "ci\n{\"audit\":\"v1\"}<&>\u2028\xff"},
		Target:       Target{Kind: "Workspace", ID: "w1"}, To: "A", Cause: Granted, Outcome: Refused, RequestID: "r1", UpdatedBy: "Ada",
		Bindings: []Binding{{Namespace: "data", Name: "b", UID: "u1"}},
	}
	w.sent(e)
	line := w.out.String()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "}\n") {
		t.Errorf("not one line: %q", line)
	}
	_, rest, _ := strings.Cut(line, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	want := `{"audit":"v1","time":"2026-03-01T12:00:00.123456789Z","id":"` + id + `",` +
		`"connection":{"kind":"AstroConnection","namespace":"data","name":"acme"},"organization":{"id":"o1","name":"Acme"},` +
		`"token":{"id":"t1","name":"ci\n{\"audit\":\"v1\"}\u003c\u0026\u003e\u2028\ufffd"},"target":{"kind":"Workspace","id":"w1"},"from":"","to":"A",` +
		`"cause":"granted","outcome":"refused","bindings":[{"namespace":"data","name":"b","uid":"u1"}],"updatedBy":"Ada","requestId":"r1"}` + "\n"
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

// TestLineOfOddText: what a terminal would obey is escaped, in every field that is from Astro, and a role has a bound.
func TestLineOfOddText(t *testing.T) {
	const odd = "x\x1b[1A\u009b8m\u0085\u202ey\u200b\U000e0041\u007f"
	w := newWorld(t)
	e := granted(Confirmed)
	e.Organization.Name, e.Token.Name, e.Target.Name, e.UpdatedBy, e.RequestID = odd, odd, odd, odd, odd
	e.From, e.To = odd+strings.Repeat("r", 1<<21), odd
	w.sent(e)
	line := w.out.String()
	if len(line) > 4096 || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), text.Hidden) {
		t.Errorf("%d bytes: %.4096q", len(line), line)
	}
	var back Entry
	if err := json.Unmarshal([]byte(line), &back); err != nil {
		t.Fatal(err)
	}
	if back.Token.Name != odd || back.To != odd || back.From != text.Clip(e.From, text.MostRole) {
		t.Errorf("read back as %+v", back)
	}
}

// TestLongRole: a role is followed by all of its name, of which a line has the beginning.
func TestLongRole(t *testing.T) {
	w := newWorld(t)
	e := granted(Unknown)
	e.To = strings.Repeat("r", 2*text.MostRole)
	w.sent(e)
	w.seen(e.To[:len(e.To)-1], time.Second)
	w.seen(e.To, time.Second)
	if got := w.lines(); got != "a unknown, a confirmed" {
		t.Error(got)
	}
}

// full is a disk that takes so many bytes more.
type full struct {
	bytes.Buffer

	left int
}

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if n := min(f.left, len(p)); n < len(p) {
		f.left = 0
		_, _ = f.Buffer.Write(p[:n])
		return n, errFull
	}
	f.left -= len(p)
	return f.Buffer.Write(p)
}

// TestLostLines: what cannot be written is told, and a line that broke off spoils no other one.
func TestLostLines(t *testing.T) {
	disk := &full{left: 10}
	log := NewLog(disk)
	err := log.Write(granted(Confirmed), granted(Unknown))
	lost, is := errors.AsType[*LostError](err)
	if !is || !errors.Is(err, errFull) || len(lost.Lines) != 2 || !strings.Contains(lost.Lines[1], `"unknown"`) {
		t.Fatalf("got %v, %+v", err, lost)
	}
	disk.left = 1 << 20
	if err := log.Write(granted(Refused), granted(Released)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(disk.String(), "\n"), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"refused"`) || !strings.Contains(lines[2], `"released"`) {
		t.Errorf("got %q", lines)
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open(""); err == nil {
		t.Error("there is no log that goes nowhere")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "audit.log")); err == nil {
		t.Error("a folder that is not there is an error at the start")
	}
	for to, file := range map[string]*os.File{Stdout: os.Stdout, Stderr: os.Stderr} {
		if log, err := Open(to); err != nil || log.to != file {
			t.Errorf("%s: %v, %v", to, log, err)
		}
	}
	path := filepath.Join(t.TempDir(), "audit.log")
	for range 2 { // a second process, or the next one, writes to the end
		log, err := Open(path)
		if err == nil {
			err = log.Write(granted(Confirmed))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || strings.Count(string(content), "\n") != 2 {
		t.Errorf("got %q, %v", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
}
