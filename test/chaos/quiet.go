package main

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// endFaults ends everything that goes wrong: from here on only the operator is at work.
func (w *world) endFaults() {
	w.failpoints.arm(nil)
	w.lane.gate.clear()
	w.sim.ClearFaults()
	w.restoreAccess()
	w.enforceAll()
	w.sim.ClearFaults() // one may have been about to be injected
}

// quietPoint waits until all is as declared, and puts what is not to the operator's account once patience is over.
func (w *world) quietPoint(name string) {
	w.endFaults()
	w.awaitWatches()
	w.awaitExpiries()
	w.history.notef("quiet", "%s begins", name)
	w.swept = false
	w.askSweeps()
	if w.waitUntilDeclared(name) {
		w.checkIdle(name)
	}
}

// waitUntilDeclared polls until nothing is wrong any more.
func (w *world) waitUntilDeclared(name string) bool {
	began, retried := time.Now(), time.Now()
	var last []problem
	for w.ctx.Err() == nil {
		s, err := w.snapshot()
		if err != nil {
			w.history.notef("quiet", "look: %v", err)
			time.Sleep(50 * time.Millisecond)
		} else if last = s.check(); len(last) == 0 {
			w.history.notef("quiet", "%s: all as declared after %s", name, time.Since(began).Round(time.Millisecond))
			if name == theEnd {
				w.tally.add("left_unseen", s.unseen)
				w.tally.add("left_by_old_reads", s.unseenOld)
				if s.unseen > 0 {
					w.history.notef("quiet", "%d roles are left by bindings that vanished unseen", s.unseen)
				}
			}
			return true
		}
		if time.Since(began) > w.patience() {
			break
		}
		if s != nil && time.Since(retried) > 400*time.Millisecond {
			w.requestRetries(s, name, time.Since(began))
			retried = time.Now()
		}
		time.Sleep(30*time.Millisecond + time.Since(began)/20) // what takes long need not be looked at often
	}
	w.history.notef("quiet", "%s: not as declared after %s", name, time.Since(began).Round(time.Millisecond))
	for _, p := range last {
		w.violationf(p.kind, "%s", p.text)
	}
	return false
}

// patience is how long the operator may take. Where updatedAt does not move with the roles, it takes a change of somebody
// else's for an old answer for up to half a minute.
func (w *world) patience() time.Duration {
	if w.plan.switches["updated-at-on-role-change"] == astrosim.Stays {
		return w.lane.options.patience + 30*time.Second
	}
	return w.lane.options.patience
}

// waitForUser are the reasons with which the operator waits to be asked, by design.
var waitForUser = append([]string{v1alpha1.ReasonExternalWriter}, refusedReasons...)

// requestRetries does what a user does who reads why a binding is not Ready: ask for another try. Where that is not what the
// operator waits for, nobody helps it for a long while.
func (w *world) requestRetries(s *snapshot, point string, after time.Duration) {
	if after > 8*time.Second && !w.swept {
		w.tally.add("swept_again", 1)
		w.askSweeps()
		w.swept = true
	}
	for _, c := range s.claims {
		if point == theEnd && readyOf(c.binding).Reason == v1alpha1.ReasonPinLost {
			w.edit(slot{c.binding.Namespace, c.binding.Name}, "let go", func(b *v1alpha1.ScopedTokenBinding) {
				metav1.SetMetaDataAnnotation(&b.ObjectMeta, v1alpha1.AnnotationRelease, "true")
			})
		}
		if slices.Contains(waitForUser, readyOf(c.binding).Reason) && c.binding.Annotations[annotationRetried] != point {
			w.edit(slot{c.binding.Namespace, c.binding.Name}, "asked for another try", func(b *v1alpha1.ScopedTokenBinding) {
				askNow(b)
				b.Annotations[annotationRetried] = point
			})
		}
	}
}

// theEnd is the last quiet point.
const theEnd = "end"

const annotationRetried = "chaos.example.com/retried"

// awaitWatches waits until the operator watches again all that it has watched before. After a watch has ended the next
// begins a second later, and after several have ended, several seconds.
func (w *world) awaitWatches() {
	for end := time.Now().Add(30 * time.Second); !w.lane.gate.watching() && time.Now().Before(end) && w.ctx.Err() == nil; {
		time.Sleep(10 * time.Millisecond)
	}
}

// checkIdle sees that the operator, once all is as declared, writes nothing, not even after another sweep.
func (w *world) checkIdle(name string) {
	w.awaitWatches()
	if !w.waitIdle(3 * time.Second) {
		w.violationf(restless, "%s: the operator does not come to rest", name)
		return
	}
	// What the operator was still at, such as pages of its journal that are cleared one after another, comes to an end; what it
	// does over and over is needless.
	const tries = 8
	for try := range tries {
		writes := w.writesInSweep()
		if writes == 0 {
			break
		}
		w.history.notef("quiet", "%s: %d writes in sweep %d after all is as declared", name, writes, try+1)
		if try == tries-1 {
			w.violationf(restless, "%s: %d writes in each sweep while all is as declared", name, writes)
		}
	}
	w.checkStays()
}

// checkStays sees that all is as declared still. What the last sweep has brought to an end, such as a connection that nothing
// needs any more, is told to the bindings within a moment.
func (w *world) checkStays() {
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		s, err := w.snapshot()
		if err != nil {
			return
		}
		left := s.check()
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			for _, p := range left {
				w.violationf(p.kind, "after it was as declared: %s", p.text)
			}
			return
		}
	}
}

// writesInSweep is what a sweep of both connections costs in writes.
func (w *world) writesInSweep() int {
	before, listings, _ := w.activity.counts()
	s, err := w.snapshot()
	if err != nil {
		return 0
	}
	for _, missing := range s.missing {
		if !missing {
			listings++
		}
	}
	w.askSweeps()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, n, _ := w.activity.counts(); n >= listings {
			break
		}
	}
	w.waitIdle(3 * time.Second)
	after, _, _ := w.activity.counts()
	return after - before
}

// waitIdle waits until the operator calls nobody for a while.
func (w *world) waitIdle(within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, _, quiet := w.activity.counts(); quiet > 60*time.Millisecond {
			return true
		}
	}
	return false
}

// end deletes everything, with the operator killed meanwhile, and sees that nothing is left: no object, no role.
func (w *world) end() {
	w.acceptEverything()
	w.runRound(w.plan.ending, "ending")
	w.endFaults()
	w.acceptEverything()
	w.openRules()
	w.awaitWatches()
	w.history.notef("quiet", "the end begins")
	w.ending = true
	w.deleteInventories()
	w.deleteAll()
	w.askSweeps()
	if !w.waitUntilDeclared(theEnd) {
		return
	}
	w.deleteConnections()
}

// acceptEverything makes Astro accept every role set, so that nothing has a reason to stay.
func (w *world) acceptEverything() {
	for name, choice := range map[string]astrosim.Choice{
		"remove-workspace-role": astrosim.Accept, "deployment-without-workspace": astrosim.Accept, "dag-without-deployment": astrosim.Accept,
		"dead-entity": astrosim.Accept, "custom-role-change": astrosim.Keep, "missing-own-scope-role": astrosim.Accept,
		"scope-rules": astrosim.Accept, "dag-roles": astrosim.AnyToken, "foreign-deployment": astrosim.Accept, "duplicates": astrosim.Merge,
	} {
		w.must(w.sim.SetBehaviour(name, choice))
	}
}

// deleteConnections deletes the connections, which nothing needs any more.
func (w *world) deleteConnections() {
	both := []client.Object{w.connection(false), w.connection(true)}
	for _, o := range both {
		w.must(client.IgnoreNotFound(w.try(func(ctx context.Context) error { return w.kube.Delete(ctx, o) })))
	}
	for end := time.Now().Add(w.patience()); ; time.Sleep(10 * time.Millisecond) {
		left := 0
		for _, o := range both {
			if w.kube.Get(w.ctx, client.ObjectKeyFromObject(o), o) == nil {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			w.violationf(stuck, "%d connections do not go", left)
			return
		}
	}
}
