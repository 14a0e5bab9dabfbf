package connection

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// readLimit carries what the connection says of its revocation limit into the registry.
func (d *dependencies) readLimit(ctx context.Context, key Key, c v1alpha1.Connection) error {
	spec := c.ConnectionSpec()
	until, _ := policy.LimitLifted(c)
	was := earlierPause{on: meta.IsStatusConditionTrue(c.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)}
	if was.on && !d.Registry.limits.knows(key) {
		bindings, err := d.bindingsOf(ctx, key)
		if err != nil {
			return err
		}
		users, limited := map[string]bool{}, map[string]bool{}
		for i := range bindings {
			if b := &bindings[i]; pin.Claimed(b) != nil {
				users[b.Namespace] = true
				if pin.Limited(b) {
					limited[b.Namespace] = true
				}
			}
		}
		was.users, was.limited = len(users), slices.Sorted(maps.Keys(limited))
	}
	d.Registry.limits.adjust(key, int(spec.MaxRevocationsPerSweep), spec.SweepInterval.Duration, until, was)
	return nil
}

// resumeRevocations goes on with revocations where they may go on, and tells those who wait.
func (d *dependencies) resumeRevocations(key Key, u usage) paused {
	waiting, users := byNamespace(u.deleting), byNamespace(u.holders)
	for namespace, orphans := range d.Registry.leaving(key) {
		waiting[namespace] += orphans
		users[namespace] += orphans
	}
	paused, resumed := d.Registry.limits.resume(key, waiting, len(users))
	if resumed {
		d.Registry.subscribers.tell(Notice{Connection: key, Swept: true})
	}
	return paused
}

// byNamespace counts objects, which are namespace/name, by their namespaces.
func byNamespace(names []string) map[string]int {
	counts := map[string]int{}
	for _, n := range names {
		namespace, _, _ := strings.Cut(n, "/")
		counts[namespace]++
	}
	return counts
}

// pausedCondition says that nothing is revoked, or nothing of some namespaces, and what to do.
func pausedCondition(c v1alpha1.Connection, u usage, p paused) metav1.Condition {
	spec := c.ConnectionSpec()
	most, interval := spec.MaxRevocationsPerSweep, spec.SweepInterval.Duration
	message := fmt.Sprintf("more than %d role(s) were to be revoked within %s, so revocations are paused; ", most, interval)
	if !p.all {
		message = fmt.Sprintf("more than half of the %d role(s) that may be revoked within %s were to be in namespace(s) %s, so revocations are paused there; ",
			most, interval, nameSome(p.of))
	}
	message += fmt.Sprintf("if that is meant, set the annotation %s to a time until which the limit does not count; "+
		"if not, set the annotation %s of the bindings to \"true\", which lets them go and keeps their roles, "+
		"and take the annotation %s of inventories away",
		v1alpha1.AnnotationLiftRevocationLimit, v1alpha1.AnnotationRelease, v1alpha1.AnnotationConfirmUndeclared)
	if n := len(u.deleting); n > 0 {
		message += fmt.Sprintf("; %d wait: %s", n, nameSome(u.deleting))
	}
	if _, wrong := policy.LimitLifted(c); wrong != "" {
		message += "; " + wrong
	}
	return metav1.Condition{Type: v1alpha1.ConditionRevocationsPaused, Reason: v1alpha1.ReasonRevocationLimited, Message: message}
}
