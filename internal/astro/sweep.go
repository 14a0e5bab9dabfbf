package astro

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// listingTimeout bounds one listing with all its pages and attempts, whoever still waits for it.
const listingTimeout = 5 * time.Minute

// Refresh makes one complete listing, or shares the one under way. Changes that RefreshIfOlder or ProveGone found are
// returned by the next Refresh, so that no sweep misses them.
func (d *Directory) Refresh(ctx context.Context) (Sweep, error) {
	l, err := d.await(ctx, true)
	if err != nil {
		return Sweep{}, err
	}
	s := l.sweep
	s.Changed = slices.Clone(s.Changed)
	return s, nil
}

// LastListing is when the last complete listing began, and how long ago that is; zero if there was none.
func (d *Directory) LastListing() (began time.Time, ago time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listed.IsZero() {
		return time.Time{}, 0
	}
	return d.listed, d.now().Sub(d.listed)
}

// RefreshIfOlder lists unless the last listing began less than age ago.
func (d *Directory) RefreshIfOlder(ctx context.Context, age time.Duration) error {
	d.mu.Lock()
	fresh := !d.listed.IsZero() && d.now().Sub(d.listed) <= max(age, 2*d.took) // else a long one would be too old when it ends
	d.mu.Unlock()
	if fresh {
		return nil
	}
	_, err := d.await(ctx, false)
	return err
}

// RefreshIfBefore lists unless the last listing began at that time or later.
func (d *Directory) RefreshIfBefore(ctx context.Context, since time.Time) error {
	for range 2 { // the listing under way may have begun before
		if began, _ := d.LastListing(); !began.IsZero() && !began.Before(since) {
			return nil
		}
		if _, err := d.await(ctx, false); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) ensureListed(ctx context.Context) error {
	d.mu.Lock()
	listed := !d.listed.IsZero()
	d.mu.Unlock()
	if listed {
		return nil
	}
	_, err := d.await(ctx, false)
	return err
}

// await waits for the listing under way, or for a new one.
func (d *Directory) await(ctx context.Context, sweep bool) (*tokenListing, error) {
	if err := ctx.Err(); err != nil {
		return nil, gaveUp("list tokens", err)
	}
	l := d.join(sweep)
	if err := d.client.await(ctx, "list tokens", l.done); err != nil && !d.leave(l, sweep) {
		return nil, err
	}
	return l, l.err
}

// awaitAfter waits for a listing with a higher number, which began later than the one with that number.
func (d *Directory) awaitAfter(ctx context.Context, number int) (*tokenListing, error) {
	for {
		if l := d.lastListing(); l != nil && l.number > number {
			return l, l.err
		}
		if l, err := d.await(ctx, false); l == nil {
			return nil, err
		}
	}
}

func (d *Directory) lastListing() *tokenListing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lastDone
}

func (d *Directory) join(sweep bool) *tokenListing {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		d.begun++
		d.current = &tokenListing{number: d.begun, started: d.now(), done: make(chan struct{})}
		go d.run(d.current)
	}
	if sweep {
		d.current.sweeps++
	}
	return d.current
}

// leave removes a caller who gave up. It is true if the listing is done after all, and the caller takes its result.
func (d *Directory) leave(l *tokenListing, sweep bool) (done bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-l.done:
		return true
	default:
	}
	if sweep {
		l.sweeps--
	}
	return false
}

func (d *Directory) run(l *tokenListing) {
	ctx, cancel := context.WithTimeout(context.Background(), listingTimeout)
	defer cancel()
	bound, unbound := d.boundTokens(ctx) // before the listing, because a token bound later may be too new for it
	list := pagedTokens()
	list.like, list.fits = d.like, d.fits
	tokens, err := d.client.listTokens(ctx, list)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current, d.lastDone = nil, l
	if l.err = err; err == nil {
		d.apply(l, snapshot{number: l.number, tokens: tokens, bound: bound, err: unbound})
	}
	d.giveBack()
	close(l.done)
}

// like is the token with the roles of its row if they are the same, so that those are in memory once.
func (d *Directory) like(t Token) (Token, int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.rows[t.ID].token
	if !t.RolesKnown || !known.RolesKnown || !sameRoles(known.Roles, t.Roles) {
		return t, 0
	}
	t.Roles = known.Roles
	return t, sizeOf(t.Roles)
}

// fits reports whether there is memory for a listing of so much beside the rows that are there. The first needs room for the next one
// as well; later ones may use that up, so that nobody else's listing takes from them what they have had.
func (d *Directory) fits(t taken) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	need := d.size + t.beside
	if d.listed.IsZero() {
		need = max(need, withNext(t.rows))
	}
	return d.held.reach(need)
}

// giveBack gives back what a listing has taken and the rows do not need, nor the next listing. Of a closed directory that is all.
func (d *Directory) giveBack() {
	switch need := withNext(d.size); {
	case d.closed:
		d.held.set(0)
	case d.held.reach(need):
		d.held.set(need)
	default: // it holds less than that, and no more is left
		d.held.set(max(d.held.bytes, d.size))
	}
}

// apply updates the rows from a complete listing. If it is no evidence, rows that it lacks stay as they were last seen.
func (d *Directory) apply(l *tokenListing, s snapshot) {
	l.sweep.Total, l.sweep.First = len(s.tokens), d.listed.IsZero()
	d.listed, d.took = l.started, d.now().Sub(l.started)
	l.ids = make(map[string]struct{}, len(s.tokens))
	for _, t := range s.tokens {
		l.ids[t.ID] = struct{}{}
		d.applyRow(l, t)
	}
	s.ids, s.sweep = l.ids, l.sweeps > 0
	l.sweep.Trusted, l.sweep.Reason = d.trust.judge(s)
	l.sweep.Lasting = d.trust.lasting
	if l.sweep.Trusted {
		d.applyAbsences(l)
	} else if s.err == nil { // else nobody knows which are bound
		d.dropUnlisted(l, s.bound)
	}
	if l.sweeps > 0 {
		l.sweep.Changed = slices.Sorted(maps.Keys(d.changed))
		clear(d.changed)
	}
	d.targets.nextRound()
}

func (d *Directory) applyRow(l *tokenListing, t Token) {
	old, known := d.rows[t.ID]
	if old.newerThan(l) {
		return
	}
	if !known || old.gone || !old.token.SameAs(t) {
		d.changed[t.ID] = struct{}{}
	}
	d.set(t.ID, tokenRow{token: t, at: l.started})
}

func (d *Directory) applyAbsences(l *tokenListing) {
	for id, r := range d.rows {
		if _, there := l.ids[id]; there || r.newerThan(l) {
			continue
		}
		if !r.gone {
			d.changed[id] = struct{}{}
		}
		d.drop(id)
	}
}

// dropUnlisted keeps what is in memory within the bound of a listing where listings are no evidence, and so nothing that they
// lack is taken for gone: of the rows that this one lacks, those go first that no binding needs, and the oldest of them. What is
// dropped is not known any more, which is not known to be gone.
func (d *Directory) dropUnlisted(l *tokenListing, bound []string) {
	if d.size <= d.client.opts.MaxListing {
		return
	}
	isBound := memberOf(bound)
	var unlisted []string
	for id, r := range d.rows {
		if _, there := l.ids[id]; !there && !r.newerThan(l) && !isBound(id) {
			unlisted = append(unlisted, id)
		}
	}
	slices.SortFunc(unlisted, func(a, b string) int { return cmp.Or(d.rows[a].at.Compare(d.rows[b].at), cmp.Compare(a, b)) })
	for _, id := range unlisted {
		if d.size <= d.client.opts.MaxListing {
			return
		}
		d.drop(id)
	}
}

// boundTokens returns the bound tokens, sorted; none if the directory has no Bound option.
func (d *Directory) boundTokens(ctx context.Context) ([]string, error) {
	if d.opts.Bound == nil {
		return nil, nil
	}
	ids, err := d.opts.Bound(ctx)
	return slices.Compact(slices.Sorted(slices.Values(ids))), err
}

// RefreshTargets looks at the targets with the ids, in batches, and returns which targets changed since it was last asked:
// the Workspace they are in, their name, or whether they exist. What it cannot look at stays as it was last seen, and so does
// what it does not find unless the listing of tokens is evidence: else the credential may just see less than before.
func (d *Directory) RefreshTargets(ctx context.Context, ids []TargetQuery) (changed []TargetQuery, err error) {
	evidence := d.Doubt() == ""
	d.targets.rows.only(ids)
	byKind := map[batchKey][]*lookup{}
	for _, id := range ids {
		key := batchKey{kind: id.Kind}
		byKind[key] = append(byKind[key], &lookup{query: id.plain()})
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(sweepCalls)
	for key, all := range byKind {
		for _, b := range batches(all) {
			work.Go(func() error { return d.targets.lookAgain(ctx, key, b.lookups, evidence) })
		}
	}
	err = work.Wait()
	return d.targets.rows.takeChanged(), err
}
