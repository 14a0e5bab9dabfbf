package main

import (
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// weatherSteps are what goes wrong by itself: with Astro, with the API server, and with the lines to them.
var weatherSteps = []weighted{
	{12, drawFault},
	{4, drawHidden},
	{1, drawOutage},
	{1, drawBlackout},
	{2, func(draw) func(*world) { return (*world).dropWatches }},
	{3, drawGap},
	{3, drawTrouble},
}

// killerSteps kill the operator at any time.
var killerSteps = []weighted{{1, drawKill}}

// drawFault injects one fault of the simulator: any of the kinds, for a few calls.
func drawFault(d draw) func(*world) {
	f := astrosim.Fault{
		Kind: pick(d, astrosim.FaultKinds()...), Times: d.between(1, 4), Probability: pick(d, 0, 0, 0.5),
		Endpoint: pick(d, "", "", astrosim.TokensRoles, astrosim.TokensRoles, astrosim.TokensGet, astrosim.TokensList, "tokens.*", "*.list", astrosim.OrganizationGet),
		After:    pick(d, 0, 0, 0, 1, 2, 5),
	}
	switch f.Kind {
	case astrosim.FaultHang:
		f.Delay = d.upTo(400 * time.Millisecond)
	case astrosim.FaultSlow:
		f.Delay = d.upTo(150 * time.Millisecond)
	case astrosim.FaultThrottle:
		f.RetryAfter = pick(d, "", "", "0", "1")
	case astrosim.FaultStale:
		f.Back, f.Endpoint = d.between(1, 2), astrosim.TokensList // reads by id lag in another way
	case astrosim.FaultHide:
		f.Keep, f.KeepTotal = pick(d, 0, 0.3, 0.7), d.chance(0.5)
	case astrosim.FaultShift:
		f.Shift = pick(d, -1, 1, 2)
	case astrosim.FaultServerError:
		f.Status = pick(d, 500, 503, 504)
	}
	last := d.upTo(300 * time.Millisecond)
	return func(w *world) { w.inject(f, last) }
}

// lag is how far replicas of Astro are behind, in every round of a schedule, and how many of the reads by id they answer.
type lag struct {
	age   time.Duration // three seconds at most
	share float64
}

func drawLag(d draw) lag {
	return lag{pick(d, d.upTo(time.Second), d.upTo(3*time.Second)), pick(d, 0.3, 0.6, 0.9)}
}

// lagBehind lets reads by id show tokens as they were, until the round is over.
func (w *world) lagBehind(l lag) {
	if l.age > 0 {
		w.history.notef("fault", "%d%% of the reads by id are %s old", int(l.share*100), l.age)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensGet, Age: l.age, Probability: l.share})
	}
}

// drawListFault injects a fault of listings.
func drawListFault(d draw) func(*world) {
	f := astrosim.Fault{Endpoint: astrosim.TokensList, Times: d.between(1, 6), Kind: pick(d, astrosim.FaultShift, astrosim.FaultShift, astrosim.FaultHide, astrosim.FaultOmitRoles)}
	f.Shift, f.Keep, f.KeepTotal = pick(d, -1, 1, 2, 50), pick(d, 0.9, 0.999), d.chance(0.5)
	last := d.upTo(300 * time.Millisecond)
	return func(w *world) { w.inject(f, last) }
}

// drawHidden hides one token in a way that proves nothing: by id but not in listings, the other way round, by 403, or from
// a listing whose total still counts it.
func drawHidden(d draw) func(*world) {
	token, last, kind := d.IntN(60), d.upTo(400*time.Millisecond), d.IntN(4)
	return func(w *world) {
		id := w.token(token).id
		byID := astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: astrosim.TokensGet, Path: id}
		listed := astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{id}, KeepTotal: kind == 3}
		if kind == 2 {
			byID.Kind = astrosim.FaultForbidden
		}
		if !w.mayHide(last) {
			return
		}
		w.history.notef("fault", "%s is hidden in way %d for %s", id, kind, last)
		for _, f := range [][]astrosim.Fault{{byID}, {listed}, {byID, listed}, {byID, listed}}[kind] {
			time.AfterFunc(last, w.sim.Inject(f))
		}
	}
}

// apart is how long after one absence the next may begin: what one look has found must not serve the proof of another.
const apart = time.Second

// mayHide says whether something may be hidden for a while. Two absences at once, each of which proves nothing, could add
// up to what a token shows that is gone, and nobody could tell.
func (w *world) mayHide(last time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.hidden) {
		return false
	}
	w.hidden = time.Now().Add(last + apart)
	return true
}

// inject lets a fault strike, for a while at most.
func (w *world) inject(f astrosim.Fault, last time.Duration) {
	if (f.Kind == astrosim.FaultNotFound || f.Kind == astrosim.FaultHide) && !w.mayHide(last) {
		return
	}
	w.history.notef("fault", "%s on %q, %d times after %d, %s at most", f.Kind, f.Endpoint, f.Times, f.After, last)
	remove := w.sim.Inject(f)
	time.AfterFunc(last, remove)
}

// drawOutage makes all of Astro fail for a while.
func drawOutage(d draw) func(*world) {
	kind := pick(d, astrosim.FaultServerError, astrosim.FaultHTML, astrosim.FaultThrottle, astrosim.FaultReset, astrosim.FaultUnauthorized, astrosim.FaultForbidden, astrosim.FaultNotFound)
	last := d.upTo(200 * time.Millisecond)
	return func(w *world) { w.inject(astrosim.Fault{Kind: kind}, last) }
}

// drawBlackout makes the API server unreachable for a while.
func drawBlackout(d draw) func(*world) {
	last := d.upTo(300 * time.Millisecond)
	return func(w *world) {
		w.history.notef("api", "out of reach for %s", last)
		w.tally.add("api_blackout", 1)
		w.lane.gate.setUnreachable(true)
		time.Sleep(last)
		w.lane.gate.setUnreachable(false)
	}
}

func (w *world) dropWatches() {
	w.history.notef("api", "watches end")
	w.tally.add("api_watches_dropped", 1)
	w.lane.gate.dropWatches()
}

func drawTrouble(d draw) func(*world) {
	t := apiTrouble{kind: pick(d, "error", "conflict", "slow"), left: d.between(1, 4), delay: d.upTo(100 * time.Millisecond)}
	return func(w *world) {
		w.history.notef("api", "%s for %d calls", t.kind, t.left)
		w.lane.gate.addTrouble(new(t))
	}
}

func drawKill(d draw) func(*world) {
	pause := d.upTo(100 * time.Millisecond)
	return func(w *world) {
		w.tally.add("kills_at_random", 1)
		w.operator.kill(pause, "at random")
	}
}

// countFaults adds what has struck to the figures.
func (w *world) countFaults() {
	for kind, n := range w.sim.Counts().Faults {
		w.tally.add("fault_"+string(kind), n)
	}
	for where, n := range w.failpoints.takeHits() {
		w.tally.add("kills_"+where, n)
	}
	w.tally.add("kills", w.operator.killCount())
	w.tally.add("writes_to_astro", len(w.sim.Audit()))
}
