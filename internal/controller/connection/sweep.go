package connection

import (
	"context"
	"errors"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// sweep lists the tokens if that is due, and returns what differs from what was known.
func (r *reconciler) sweep(ctx context.Context, key Key, m *memory) (astro.Sweep, error) {
	if m.unusable != nil || m.refusal != nil || m.access == nil || r.Clock().Before(m.sweepAt) {
		return astro.Sweep{}, nil
	}
	started := time.Now()
	found, err := m.access.directory.Refresh(ctx)
	if ctx.Err() != nil {
		return astro.Sweep{}, ctx.Err()
	}
	now := r.Clock()
	m.unlisted = listFault(found, err)
	countSweep(key, m.unlisted, time.Since(started), now)
	switch {
	case err == nil: // a listing that is no evidence is made again in its own time, which is part of the evidence
		m.failures = 0
		m.sweepAt = now.Add(m.spread(m.interval))
		if found.Trusted {
			m.trust.handled()
		}
	case m.unlisted.reason == v1alpha1.ReasonCredentialRejected:
		// The same credential is not used again until it changes, but for one look a sweep interval.
		m.refusal, m.unlisted = m.unlisted, nil
		m.retryAt = m.again(m.refusal, now)
		m.dueSweep()
	default:
		m.sweepAt = m.again(m.unlisted, now)
	}
	return found, nil
}

func listFault(found astro.Sweep, err error) *fault {
	const doing = "list the tokens of the Organization"
	switch {
	case err != nil:
		return fromAstroError(doing, err)
	case !found.Trusted:
		f := newFault(v1alpha1.ReasonListIncomplete,
			"%s: %s; nothing is concluded from what the listing lacks; see to it that the API token may see all tokens again, or, if what "+
				"Astro shows now is what is there, set the connection's annotation %s to a new value", doing, found.Reason, v1alpha1.AnnotationRequestedAt)
		f.transient, f.needsUser = true, found.Lasting
		return f
	default:
		return nil
	}
}

func isNotFound(err error) bool { return errors.Is(err, astro.ErrNotFound) }
