package stories

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
)

// auditLog is what all operators that work on one Astro write to their audit logs. When a story ends, it is held against what
// Astro itself has written down of their calls, one change to one line, both ways.
type auditLog struct {
	sim *astrosim.Sim
	dir string // of the files

	mu    sync.Mutex
	lines []string
	files []string    // of operators that are processes of their own
	kills []time.Time // of such a process: the line about the write that was under way is lost
	full  error       // what the disk says, if it takes no lines
	lost  []string    // those that it did not take
	blind bool        // writes start from reads that are out of date: what they change is not what their operator knows
}

func newAuditLog(sim *astrosim.Sim) *auditLog {
	l := &auditLog{sim: sim, dir: GinkgoT().TempDir()}
	DeferCleanup(l.check) // before the folder goes
	return l
}

func (l *auditLog) log() *audit.Log { return audit.NewLog(l) }

// Write takes one line, as a file would.
func (l *auditLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full != nil {
		l.lost = append(l.lost, string(line))
		return 0, l.full
	}
	GinkgoWriter.Printf("%s", line)
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

// breaks has the disk take no more lines, or take them again.
func (l *auditLog) breaks(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = err
}

// file is where an operator that is a process of its own writes its audit log.
func (l *auditLog) file() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := filepath.Join(l.dir, fmt.Sprintf("audit-%d.log", len(l.files)))
	l.files = append(l.files, path)
	return path
}

// killed notes that a process is about to be killed in the middle of its work.
func (l *auditLog) killed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills = append(l.kills, time.Now())
}

// overwrites notes that the story has operators write on top of what they cannot see.
func (l *auditLog) overwrites() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blind = true
}

// entries are all lines so far. Each is one line of JSON, written by one call.
func (l *auditLog) entries() []audit.Entry {
	GinkgoHelper()
	l.mu.Lock()
	lines, files := slices.Clone(l.lines), slices.Clone(l.files)
	l.mu.Unlock()
	for _, path := range files {
		content, err := os.ReadFile(path)
		Expect(err).NotTo(HaveOccurred())
		lines = append(lines, slices.Collect(strings.Lines(string(content)))...)
	}
	return read(lines)
}

// read reads lines of the log.
func read(lines []string) (all []audit.Entry) {
	GinkgoHelper()
	for _, line := range lines {
		var e audit.Entry
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		Expect(decoder.Decode(&e)).To(Succeed(), line)
		Expect(strings.Count(strings.TrimSuffix(line, "\n"), "\n")).To(BeZero(), line)
		all = append(all, e)
	}
	return all
}

// outcomes are cause and outcome of the lines about one place, in their order: "granted: WORKSPACE_MEMBER confirmed".
func (l *auditLog) outcomes(token, target string) []string {
	GinkgoHelper()
	var all []string
	for _, e := range l.entries() {
		if e.Token.ID != token || e.Target.ID != target {
			continue
		}
		words := fmt.Sprintf("%s: %s to %s, %s", e.Cause, orNone(e.From), orNone(e.To), e.Outcome)
		all = append(all, words)
	}
	return all
}

func orNone(role string) string {
	if role == "" {
		return "none"
	}
	return role
}

// roleChange is what Astro and the audit log both tell of.
type roleChange struct{ token, kind, target, from, to string }

func (c roleChange) String() string {
	return fmt.Sprintf("token %s on %s %s: %s to %s", c.token, c.kind, c.target, orNone(c.from), orNone(c.to))
}

// check holds the log against Astro's own. What an operator was about when it was killed may be missing in it, and nothing else.
func (l *auditLog) check() {
	GinkgoHelper()
	sure, open := l.told()
	for _, written := range l.sim.Audit() {
		if written.OutOfBand {
			continue
		}
		for _, c := range changesOf(written) {
			switch {
			case sure[c] > 0:
				sure[c]--
			case open[c] > 0:
				open[c]--
			default:
				Expect(l.mayBeMissing(written)).To(BeTrue(), "no line in the audit log: %s, at %s\nthe log:\n%s", c, written.Time, l.text(c.token))
			}
		}
	}
	for c, n := range sure {
		if l.blind {
			break
		}
		Expect(n).To(BeZero(), "the audit log tells of what Astro knows nothing of: %s\nthe log:\n%s", c, l.text(c.token))
	}
}

// told counts the changes that the log says were made, and those of which it does not know.
func (l *auditLog) told() (sure, open map[roleChange]int) {
	GinkgoHelper()
	sure, open = map[roleChange]int{}, map[roleChange]int{}
	l.mu.Lock()
	lost := read(l.lost) // they are in the operator's own log
	l.mu.Unlock()
	lines := map[string][]audit.Entry{}
	for _, e := range append(l.entries(), lost...) {
		l.checkLine(e)
		lines[e.ID] = append(lines[e.ID], e)
	}
	for _, about := range lines {
		last := about[len(about)-1]
		c := roleChange{last.Token.ID, strings.ToUpper(last.Target.Kind), last.Target.ID, fold(last.From), fold(last.To)}
		if len(about) > 1 {
			Expect(about[0].Outcome).To(BeElementOf(audit.Unknown, audit.Written), "a first line that is not the last: %+v", about)
		}
		if c.from == c.to { // Astro has put the same there again, or spells it as it did
			continue
		}
		switch last.Outcome {
		case audit.Confirmed, audit.Written:
			sure[c]++
		case audit.Unknown:
			open[c]++
		case audit.Refused, audit.Retained, audit.Released:
		}
	}
	return sure, open
}

// checkLine looks at what every line has to say.
func (l *auditLog) checkLine(e audit.Entry) {
	GinkgoHelper()
	text, err := json.Marshal(e)
	Expect(err).NotTo(HaveOccurred())
	Expect(e.Audit).To(Equal(audit.Version), string(text))
	Expect(audit.Causes()).To(ContainElement(e.Cause), string(text))
	Expect(audit.Outcomes()).To(ContainElement(e.Outcome), string(text))
	Expect([]string{
		e.ID, e.Connection.Kind, e.Connection.Name, e.Organization.ID, e.Token.ID, e.Target.Kind, e.Target.ID, e.From + e.To,
	}).NotTo(ContainElement(""), string(text))
	if e.Outcome != audit.Released && e.Outcome != audit.Retained { // for which the connection may be gone, which knows the name
		Expect(e.Organization.Name).NotTo(BeEmpty(), string(text))
	}
	if e.Cause == audit.Undeclared { // for which there is no binding
		Expect(e.Inventory).NotTo(BeNil(), string(text))
	} else {
		Expect(e.Bindings).NotTo(BeEmpty(), string(text))
	}
	Expect(e.Time).To(BeTemporally("~", time.Now(), 100*24*time.Hour), string(text))
	Expect(bytes.Contains(text, []byte("eyJ"))).To(BeFalse(), "a credential: %s", text)
}

// mayBeMissing reports whether a write was under way when its process was killed, or undoes what its operator did not see.
func (l *auditLog) mayBeMissing(w astrosim.RoleWrite) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	underWay := func(killed time.Time) bool {
		return w.Time.After(killed.Add(-time.Second)) && w.Time.Before(killed.Add(time.Second))
	}
	return l.blind || slices.ContainsFunc(l.kills, underWay)
}

// text is what the log has of a token.
func (l *auditLog) text(token string) string {
	var all []string
	for _, e := range l.entries() {
		if e.Token.ID == token {
			line, _ := json.Marshal(e) // it was read from JSON
			all = append(all, string(line))
		}
	}
	return strings.Join(all, "\n")
}

// changesOf is what a write has changed of what it asked to change. What Astro changes besides is its own doing.
func changesOf(w astrosim.RoleWrite) (all []roleChange) {
	before, requested, after := byPlace(w.Before), byPlace(w.Requested), byPlace(w.After)
	places := maps.Clone(before)
	maps.Copy(places, after)
	for at := range places {
		if before[at] != after[at] && before[at] != requested[at] {
			all = append(all, roleChange{w.TokenID, at.kind, at.id, before[at], after[at]})
		}
	}
	return all
}

// fold is a role as it is compared: Astro may write it in another letter case than the one who asks for it.
func fold(role string) string { return strings.ToLower(role) }

type rolePlace struct{ kind, id string }

func byPlace(roles []astrosim.Role) map[rolePlace]string {
	all := map[rolePlace]string{}
	for _, r := range roles {
		if at := (rolePlace{r.EntityType, r.EntityID}); all[at] == "" {
			all[at] = fold(r.Role)
		}
	}
	return all
}
