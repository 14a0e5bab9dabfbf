package main

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// drawExpire gives a binding an end: now, in a moment or much later, or none.
func drawExpire(d draw) func(*world) {
	n, in := d.IntN(slots), pick(d, 0, time.Second, time.Second, 2*time.Second, time.Hour, -1)
	return func(w *world) {
		w.edit(w.plan.slot(n), "expiresAt", func(b *v1alpha1.ScopedTokenBinding) {
			b.Spec.ExpiresAt = nil
			if in >= 0 {
				b.Spec.ExpiresAt = new(metav1.NewTime(time.Now().Add(in)))
			}
		})
	}
}

func expiryWords(at *metav1.Time) string {
	if at == nil {
		return "never"
	}
	return at.Format("15:04:05")
}

// hasExpired says whether the time is over for which a binding that stays is to have its role.
func hasExpired(b *v1alpha1.ScopedTokenBinding) bool {
	at := b.Spec.ExpiresAt
	return b.DeletionTimestamp.IsZero() && at != nil && !at.After(time.Now())
}

// awaitExpiries waits until what is to expire in a moment has: a quiet point has no such changes in it.
func (w *world) awaitExpiries() {
	bindings, err := w.bindings()
	if err != nil {
		return
	}
	for i := range bindings {
		if at := bindings[i].Spec.ExpiresAt; at != nil && time.Until(at.Time) < time.Minute {
			time.Sleep(time.Until(at.Time))
		}
	}
}

// judgeExpired works out what becomes of what a binding holds whose time is over: it goes, unless the user has said to leave all
// alone, nobody can reach it, or it was there before and the rules do not let the binding touch it.
func (s *snapshot) judgeExpired(c *claim, refused string) {
	switch {
	case c.held == nil || c.binding.Spec.Mode == v1alpha1.ModeObserve:
	case c.binding.Spec.Suspend, s.connectionMissing(c.binding), refused != "" && c.held.origin == v1alpha1.OriginAdopted && !c.token.gone:
		c.class = hold
	default:
		c.class = leave
	}
}

// checkExpired checks what a binding says whose time is over.
func (s *snapshot) checkExpired(c *claim) {
	b, ready := c.binding, readyOf(c.binding)
	says := ready.Reason == v1alpha1.ReasonExpired
	switch {
	case c.class == leave && s.mayStay(c):
		s.expect(c, false, append(slices.Clone(c.faults), refusedReasons...)...)
	case says && statusClaim(b) != nil:
		s.violationf(wrong, "%s says that it has expired, and holds a claim", c.id())
	case says && ready.Status != metav1.ConditionTrue && b.Spec.ExpiresAt.After(b.CreationTimestamp.Time):
		s.violationf(wrong, "%s should be Ready, as it has expired: %s", c.id(), readyWords(b))
	case says:
	case len(c.faults) > 0:
		s.expect(c, false, c.faults...)
	default:
		s.violationf(wrong, "%s has expired, and says %s", c.id(), readyWords(b))
	}
}
