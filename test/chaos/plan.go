package main

import (
	"math/rand/v2"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// plan is all that is drawn for one schedule, before it begins: replaying it does the same again, as far as things that
// happen at once can be the same.
type plan struct {
	number int
	seed   uint64

	switches map[string]astrosim.Choice
	latency  time.Duration
	limits   astrosim.Limits

	workspaces, deployments int
	tokens, workspaceTokens int
	sameCredential          bool
	twins                   bool // two tokens of one name
	dropDangling            bool
	restart                 bool // the API server is restarted
	crowd                   bool // there are so many tokens that a listing has two pages
	audited                 bool // somebody has what nobody declares removed
	lag                     lag
	rounds                  []round
	ending                  round
}

// round is what happens between two quiet points: several actors at work at once.
type round struct {
	actors []actor
	points []failpoint
}

// actor is one who does things, one after another.
type actor struct {
	who   string
	steps []step
}

// step is one thing that is done, a while after the one before.
type step struct {
	pause   time.Duration
	patient bool // it waits for the operator to be up
	do      func(*world)
}

// draw is a source of chance.
type draw struct{ *rand.Rand }

func (d draw) chance(p float64) bool { return d.Float64() < p }

func (d draw) between(least, most int) int { return least + d.IntN(most-least+1) }

func (d draw) upTo(most time.Duration) time.Duration { return time.Duration(d.Int64N(int64(most) + 1)) }

// number is that of a token, Workspace or Deployment. Some are drawn more often, so that many meet at the same place.
func (d draw) number() int {
	if d.chance(0.5) {
		return pick(d, 0, 3)
	}
	return d.IntN(60)
}

func pick[T any](d draw, items ...T) T { return items[d.IntN(len(items))] }

// weighted is one of several things to draw, and how likely it is.
type weighted struct {
	weight int
	draw   func(draw) func(*world)
}

func choose(d draw, from []weighted) func(*world) {
	total := 0
	for _, w := range from {
		total += w.weight
	}
	n := d.IntN(total)
	for _, w := range from {
		if n -= w.weight; n < 0 {
			return w.draw(d)
		}
	}
	panic("unreachable")
}

// drawPlan draws the schedule of a number.
func drawPlan(o options, number int) plan {
	d := draw{rand.New(rand.NewPCG(o.seed, uint64(number)))}
	p := plan{
		number: number, seed: d.Uint64(), switches: drawSwitches(d), latency: pick(d, 0, 0, time.Millisecond, 5*time.Millisecond),
		workspaces: d.between(2, 3), deployments: d.between(2, 5), tokens: d.between(1, 4), workspaceTokens: d.between(0, 2),
		sameCredential: d.chance(0.3), twins: d.chance(0.15), dropDangling: d.chance(0.3),
	}
	if d.chance(0.1) {
		p.limits = astrosim.Limits{Get: 25, Post: 10, Delete: 5}
	}
	if d.chance(0.6) {
		p.lag = drawLag(d)
	}
	p.restart = o.restarts > 0 && d.IntN(o.restarts) == 0
	profile := drawProfile(d)
	if p.crowd = d.chance(0.03); p.crowd {
		profile.weather = append([]weighted{{20, drawListFault}}, weatherSteps...)
	}
	if p.audited = d.chance(0.2); p.audited {
		profile.auditor = auditorSteps
	}
	for range d.between(1, 2) {
		p.rounds = append(p.rounds, drawRound(d, profile))
	}
	p.ending = round{points: drawPoints(d, profile.kills), actors: []actor{
		{"user", []step{{d.upTo(10 * time.Millisecond), true, (*world).deleteAll}}},
		{"weather", steps(d, d.between(0, 2), 60*time.Millisecond, profile.weather)},
	}}
	return p
}

// profile are what a schedule is about: the less goes on at once, the plainer what goes wrong.
type profile struct {
	users, others, admins, weather, auditor []weighted
	kills                                   float64
}

func drawProfile(d draw) profile {
	m := profile{users: userSteps, others: calmOthers, kills: pick(d, 0, 0.7, 0.95)}
	if d.chance(0.7) {
		m.others = otherSteps
	}
	if d.chance(0.5) {
		m.admins = adminSteps
	}
	if d.chance(0.8) {
		m.weather = weatherSteps
	}
	return m
}

func drawRound(d draw, m profile) round {
	r := round{points: drawPoints(d, m.kills), actors: []actor{
		{"user", steps(d, d.between(4, 12), 40*time.Millisecond, m.users)},
		{"user2", steps(d, d.between(2, 8), 60*time.Millisecond, m.users)},
		{"other", steps(d, d.between(0, 8), 60*time.Millisecond, m.others)},
		{"admin", steps(d, d.between(0, 4), 100*time.Millisecond, m.admins)},
		{"weather", steps(d, d.between(1, 6), 80*time.Millisecond, m.weather)},
		{"auditor", steps(d, d.between(1, 2), 200*time.Millisecond, m.auditor)},
	}}
	if d.chance(m.kills / 2) {
		r.actors = append(r.actors, actor{"killer", steps(d, d.between(1, 2), 300*time.Millisecond, killerSteps)})
	}
	return r
}

func steps(d draw, n int, pause time.Duration, from []weighted) []step {
	if len(from) == 0 {
		return nil
	}
	all := make([]step, n)
	for i := range all {
		all[i] = step{d.upTo(pause), d.chance(0.8), choose(d, from)}
	}
	return all
}

// drawPoints draws failpoints: among all side effects, the first after a start being the commonest, or among those of a
// kind, so that each gap is hit often.
func drawPoints(d draw, chance float64) []failpoint {
	var points []failpoint
	for d.chance(chance) && len(points) < 3 {
		point := failpoint{effect: 1 + min(d.IntN(25), d.IntN(25)), after: d.chance(0.5)}
		if d.chance(0.6) {
			point.what, point.effect = pick(d, effects[:5]...), 1+min(d.IntN(6), d.IntN(6))
		}
		points = append(points, point)
	}
	return points
}

// drawSwitches draws how Astro answers where its documents are silent: mostly as the simulator does by default.
func drawSwitches(d draw) map[string]astrosim.Choice {
	odd := pick(d, 0, 0.1, 0.4)
	all := map[string]astrosim.Choice{}
	for _, sw := range astrosim.Switches() {
		value := sw.Values[0]
		if drawn := pick(d, sw.Values...); d.chance(odd) {
			value = drawn
		}
		all[sw.Name] = value.Choice
	}
	if d.chance(0.1) {
		all["updated-at-on-role-change"] = astrosim.Stays
	}
	return all
}
