package connection

import (
	"context"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// listing is what is known of how the tokens of a connection were last listed.
type listing struct {
	interval time.Duration // from one to the next
	dueAt    time.Time     // zero: now
	failures int           // transient faults in a row
	fault    *fault.Fault  // why the last failed
}

// paced takes an edited interval over.
func (l listing) paced(interval time.Duration, now time.Time) listing {
	if interval != l.interval && !l.dueAt.IsZero() {
		l.dueAt = earliest(l.dueAt, now.Add(spread(interval)))
	}
	l.interval = interval
	return l
}

// due makes the next listing due now.
func (l listing) due() listing {
	l.dueAt = time.Time{}
	return l
}

// after is the listing once the credential was looked at: a proof ends a row of faults, and of another API token nothing
// is listed yet.
func (l listing) after(a acceptance) listing {
	if a.proven {
		l.failures = 0
	}
	if a.renewed {
		return l.due()
	}
	return l
}

// swept is what a sweep showed.
type swept struct {
	astro.Sweep

	targets []astro.TargetQuery // those that moved, were renamed, vanished or came back
}

// sweep lists the tokens and looks at the claimed targets if that is due, and returns what differs from what was known. A
// credential that Astro refuses for it is not used again until it changes, but for one look a sweep interval.
func (d *dependencies) sweep(ctx context.Context, key Key, p proof, l listing) (proof, listing, swept, error) {
	if p.firstFault() != nil || p.access == nil || d.Clock().Before(l.dueAt) {
		return p, l, swept{}, nil
	}
	started := time.Now()
	var found swept
	var err error
	doing := "list the tokens of the Organization"
	if found.Sweep, err = p.access.directory.Refresh(ctx); err == nil {
		found.Changed = d.tellAhead(key, found.Sweep)
		doing = "look at the targets of the bindings"
		found.targets, err = d.refreshTargets(ctx, key, p.access)
	}
	if ctx.Err() != nil {
		return p, l, swept{}, ctx.Err()
	}
	listingMemory.Set(float64(d.Memory.Held()))
	now := d.Clock()
	l.fault = listFault(doing, found.Sweep, err)
	countSweep(key, l.fault, time.Since(started), now)
	switch {
	case err == nil: // a listing that is no evidence is made again in its own time, which is part of the evidence
		l.failures, l.dueAt = 0, now.Add(spread(l.interval))
	case l.fault.Reason == v1alpha1.ReasonCredentialRejected:
		p, l.fault = p.refusedFor(l.fault, l.interval, now), nil
		l = l.due()
	default:
		l.dueAt = now.Add(retryAfter(l.fault, l.interval, l.failures))
		if l.fault.Transient {
			l.failures++
		}
	}
	return p, l, found, nil
}

// tellAhead tells of the tokens that changed before the targets are looked at, which may be thousands, and returns those that are
// still to be told of. With a connection that everybody is told of anyway they wait for that.
func (d *dependencies) tellAhead(key Key, s astro.Sweep) (left []string) {
	if h, _ := d.Registry.Get(key); s.First || !h.Ready {
		return s.Changed
	}
	d.Registry.subscribers.tell(Notice{Connection: key, Tokens: s.Changed})
	return nil
}

// refreshTargets looks at the targets that bindings and inventories of the connection have found.
func (d *dependencies) refreshTargets(ctx context.Context, key Key, a *access) ([]astro.TargetQuery, error) {
	ids, err := d.claimedTargets(ctx, key, a.organization.ID)
	if err != nil {
		return nil, err
	}
	return a.directory.RefreshTargets(ctx, ids)
}

// listFault is what is wrong with a sweep: what it was doing when it failed, or why its listing is no evidence.
func listFault(doing string, found astro.Sweep, err error) *fault.Fault {
	switch {
	case err != nil:
		return fromAstroError(doing, err)
	case !found.Trusted:
		return transient(notReady(v1alpha1.ReasonListIncomplete,
			"%s: %s; nothing is concluded from what the listing lacks; make sure that the API token may see all tokens again, or, if what "+
				"Astro shows now is what is there, set the connection's annotation %s to a new value",
			"list the tokens of the Organization", found.Reason, v1alpha1.AnnotationRequestedAt), found.Lasting)
	default:
		return nil
	}
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
