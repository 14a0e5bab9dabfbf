package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

type roleEntry = astrosim.Role

// oracle answers whether Astro would refuse a change, by trying it: Astro's rules depend on so many switches that writing
// them down twice would prove nothing. What Astro takes is undone at once.
type oracle struct {
	world *world

	mu    sync.Mutex
	known map[question]answerAt
	own   map[int]bool // the entries of the audit that are of its own making
}

type question struct {
	place
	role string // "" to take the role out
}

type answerAt struct {
	set     string
	refused bool
	at      time.Time
}

func newOracle(w *world) *oracle {
	return &oracle{world: w, known: map[question]answerAt{}, own: map[int]bool{}}
}

// refuses asks Astro. It asks only while the operator is at rest, and says what it knows until then.
func (o *oracle) refuses(p place, role string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	w, q := o.world, question{p, role}
	set := fmt.Sprint(w.sim.Roles(p.token))
	if known, ok := o.known[q]; ok && known.set == set && time.Since(known.at) < 3*time.Second {
		return known.refused
	}
	if _, _, quiet := w.activity.counts(); quiet < 100*time.Millisecond {
		return o.known[q].set == set && o.known[q].refused
	}
	w.lane.astro.calls.Lock() // the operator must not see what is tried
	defer w.lane.astro.calls.Unlock()
	original, from := w.sim.Roles(p.token), len(w.sim.Audit())
	code := w.writeRoles(p.token, o.changed(p, role))
	refused := code != http.StatusOK
	w.history.notef("oracle", "Astro answers %d to %q on %s for %s", code, role, p.target, p.token)
	if !refused {
		w.sim.SetRoles(p.token, original...)
	}
	for i := from; i < len(w.sim.Audit()); i++ {
		o.own[i] = true
	}
	o.known[q] = answerAt{set, refused, time.Now()}
	return refused
}

// changed is the token's set with one change.
func (o *oracle) changed(p place, role string) []json.RawMessage {
	var set []json.RawMessage
	for _, r := range o.world.sim.Roles(p.token) {
		if r.EntityType != p.kind || r.EntityID != p.target {
			set = append(set, r.Raw)
		}
	}
	if role != "" {
		set = append(set, astrosim.RawRole(fmt.Sprintf(`{"entityType":%q,"entityId":%q,"role":%q}`, p.kind, p.target, role)).Raw)
	}
	return set
}

// isOwn says whether an entry of the audit is of the oracle's making.
func (o *oracle) isOwn(entry int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own[entry]
}

// forget drops what was learnt: Astro behaves differently from now on.
func (o *oracle) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.known)
}
