package plan

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// limit is the revocation limit of one connection, as the operator counts it. The time of a plan does not pass for it: what is to
// be revoked is asked for within seconds.
type limit struct {
	max, share int // of all namespaces together, and of one of them; max 0: none, or it does not count now
	paused     bool
	pausedFor  map[string]bool // if paused, of these namespaces only; empty: of all

	revoked map[grant]string // what was let through, and of which namespace
}

// grant is a role of a token. What is tried again counts once.
type grant struct {
	token decision.Key
	on    roleset.Target
}

// mayRevoke asks the revocation limit of the connection about each of the roles.
func (r *run) mayRevoke(p decision.Progress, e decision.MayRevoke) decision.Permitted {
	l := r.limits[e.Through]
	if l == nil {
		l = r.limitOf(p, e.Through)
		r.limits[e.Through] = l
	}
	permitted := map[roleset.Target]bool{}
	for _, t := range e.Targets {
		permitted[t] = l.admits(e.Namespaces[t], grant{p.Situation.Key, t})
	}
	return decision.Permitted{Targets: permitted}
}

// limitOf is the limit as the connection and the statuses of its bindings tell.
func (r *run) limitOf(p decision.Progress, through string) *limit {
	l := &limit{pausedFor: map[string]bool{}, revoked: map[grant]string{}}
	for i := range p.Situation.Bindings {
		c := &p.Situation.Bindings[i].Connection
		if c.ID != through {
			continue
		}
		if until, _ := policy.LimitLifted(c.Object); !r.world.Now.Before(until) {
			l.max = int(c.Object.ConnectionSpec().MaxRevocationsPerSweep)
		}
		l.paused = meta.IsStatusConditionTrue(c.Object.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)
		break
	}
	users := map[string]bool{}
	for _, b := range r.world.Bindings {
		if pin.Claimed(b) == nil || ref.KeyFor(b.Namespace, b.Spec.ConnectionRef).String() != through {
			continue
		}
		users[b.Namespace] = true
		if pin.Limited(b) {
			l.pausedFor[b.Namespace] = true
		}
	}
	l.max, l.share = policy.RevocationLimit(l.max, len(users))
	if len(users) < 2 { // then there is nobody to be kept from waiting for this namespace
		l.pausedFor = nil
	}
	return l
}

// admits reports whether a role of a namespace may be revoked, and has counted it if so. As in the operator, what was reached once
// stays so, for one of several namespaces by itself: nothing that is counted is ever given back.
func (l *limit) admits(namespace string, asked grant) bool {
	switch {
	case l.max == 0:
		return true
	case l.paused && (len(l.pausedFor) == 0 || l.pausedFor[namespace]):
		return false
	}
	own := 0
	for _, of := range l.revoked {
		if of == namespace {
			own++
		}
	}
	_, again := l.revoked[asked]
	if !again && (own >= l.share || len(l.revoked) >= l.max) {
		return false
	}
	l.revoked[asked] = namespace
	return true
}
