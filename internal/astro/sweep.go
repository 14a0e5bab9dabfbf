package astro

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Sweep is what one complete listing showed.
type Sweep struct {
	Changed []string // ids of tokens that changed, appeared or vanished since a Refresh was last answered
	Total   int
	First   bool
	Trusted bool   // good enough as evidence that a token is gone
	Reason  string // why not Trusted
	Lasting bool   // and the same will be said of the next listing, until somebody who knows has a word
}

// flightTimeout bounds one listing with all its pages and tries, whoever still waits for it.
const flightTimeout = 5 * time.Minute

// flight is one listing under way, shared by all who wait for it. Its context is its own: one who gives up does not
// fail the others.
type flight struct {
	number  int
	started time.Time
	sweeps  int // callers of Refresh that wait for it
	done    chan struct{}

	// Set when done.
	sweep Sweep
	ids   map[string]struct{} // what the listing held, whatever was recorded meanwhile
	err   error
}

// Refresh makes one complete listing, or shares the one under way. What RefreshIfOlder or ProveGone found to have
// changed in between is told by the next Refresh, so that it is told to whoever sweeps.
func (d *Directory) Refresh(ctx context.Context) (Sweep, error) {
	f, err := d.fly(ctx, true)
	if err != nil {
		return Sweep{}, err
	}
	s := f.sweep
	s.Changed = slices.Clone(s.Changed)
	return s, nil
}

// RefreshIfOlder lists unless the last listing began less than age ago.
func (d *Directory) RefreshIfOlder(ctx context.Context, age time.Duration) error {
	d.mu.Lock()
	fresh := !d.listed.IsZero() && d.now().Sub(d.listed) <= age
	d.mu.Unlock()
	if fresh {
		return nil
	}
	_, err := d.fly(ctx, false)
	return err
}

func (d *Directory) ensureListed(ctx context.Context) error {
	d.mu.Lock()
	listed := !d.listed.IsZero()
	d.mu.Unlock()
	if listed {
		return nil
	}
	_, err := d.fly(ctx, false)
	return err
}

// fly waits for the listing under way, or for a new one.
func (d *Directory) fly(ctx context.Context, sweep bool) (*flight, error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp("list tokens", err)
	}
	f := d.board(sweep)
	select {
	case <-f.done:
	case <-ctx.Done():
		if !d.alight(f, sweep) {
			return nil, gaveUp("list tokens", ctx.Err())
		}
	}
	return f, f.err
}

// flyAfter waits for a listing with a higher number, that is, one that began later than the one of that number.
func (d *Directory) flyAfter(ctx context.Context, number int) (*flight, error) {
	for {
		if f := d.landed(); f != nil && f.number > number {
			return f, f.err
		}
		if f, err := d.fly(ctx, false); f == nil {
			return nil, err
		}
	}
}

func (d *Directory) landed() *flight {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

func (d *Directory) board(sweep bool) *flight {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flight == nil {
		d.flights++
		d.flight = &flight{number: d.flights, started: d.now(), done: make(chan struct{})}
		go d.run(d.flight)
	}
	if sweep {
		d.flight.sweeps++
	}
	return d.flight
}

// alight takes back a caller that gave up. It is true if the flight was done after all and may have been told to it.
func (d *Directory) alight(f *flight, sweep bool) (done bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-f.done:
		return true
	default:
	}
	if sweep {
		f.sweeps--
	}
	return false
}

func (d *Directory) run(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), flightTimeout)
	defer cancel()
	bound, unbound := d.bound(ctx) // before the listing, which a token bound since may be too new for
	tokens, err := d.client.ListTokens(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flight, d.last = nil, f
	if f.err = err; err == nil {
		d.land(f, seen{number: f.number, tokens: tokens, bound: bound, err: unbound})
	}
	close(f.done)
}

// land takes a complete listing over. What one that is no evidence lacks stays as it was last seen.
func (d *Directory) land(f *flight, s seen) {
	f.sweep.Total, f.sweep.First = len(s.tokens), d.listed.IsZero()
	d.listed = f.started
	f.ids = make(map[string]struct{}, len(s.tokens))
	for _, t := range s.tokens {
		f.ids[t.ID] = struct{}{}
		d.landRow(f, t)
	}
	s.ids, s.sweep = f.ids, f.sweeps > 0
	f.sweep.Trusted, f.sweep.Reason = d.trust.judge(s)
	f.sweep.Lasting = d.trust.lasting
	if f.sweep.Trusted {
		d.landAbsences(f)
	}
	if f.sweeps > 0 {
		f.sweep.Changed = slices.Sorted(maps.Keys(d.pending))
		clear(d.pending)
	}
	d.targets.nextRound()
}

func (d *Directory) landRow(f *flight, t Token) {
	old, known := d.rows[t.ID]
	if old.standsAgainst(f) {
		return
	}
	if !known || old.gone || !old.token.SameAs(t) {
		d.pending[t.ID] = struct{}{}
	}
	d.rows[t.ID] = row{token: t, at: f.started}
}

func (d *Directory) landAbsences(f *flight) {
	for id, r := range d.rows {
		if _, there := f.ids[id]; there || r.standsAgainst(f) {
			continue
		}
		if !r.gone {
			d.pending[id] = struct{}{}
		}
		delete(d.rows, id)
	}
}

// standsAgainst is true for a row recorded since the listing began, which may have read the token before that.
func (r row) standsAgainst(f *flight) bool { return r.recorded && !r.at.Before(f.started) }
