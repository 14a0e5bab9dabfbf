package token

import (
	"context"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// ranked is how many namespaces count for whose turn a token is. All that wait in line are compared for each that is called, so a token
// that a thousand namespaces bind is not to make that slow.
const ranked = 8

// rankOf is the rank of a group: it is for the namespaces in which a user waits for it, if there are any, else for all whose bindings ask
// for something. Beyond ranked, those count that are first in the alphabet.
func (r *Reconciler) rankOf(g group) admission.Rank {
	var all, urgent []string
	for i := range g.bindings {
		namespace := g.bindings[i].Object.Namespace
		if len(urgent) == ranked || slices.Contains(urgent, namespace) || !asks(&g.bindings[i]) {
			continue
		}
		if len(all) < ranked && !slices.Contains(all, namespace) {
			all = append(all, namespace)
		}
		if r.waitedFor(&g.bindings[i]) && !r.shares.edits.Spent(namespace, time.Now()) {
			urgent = append(urgent, namespace)
		}
	}
	if len(urgent) > 0 {
		return admission.Rank{Urgent: true, Namespaces: urgent}
	}
	return admission.Rank{Namespaces: all}
}

// waitedFor reports whether a user has made, edited or deleted the binding since the operator began to work, and it was not
// looked at since. What was there at the start can wait.
func (r *Reconciler) waitedFor(b *decision.Binding) bool {
	switch o := b.Object; {
	case b.RequestedAlone():
		return true
	case b.Deleting():
		return o.DeletionTimestamp.After(r.begun)
	case b.Looked():
		return false
	default:
		// One that the journal knows was served, and only its status is not written yet.
		return o.Status.ObservedGeneration > 0 || !b.Journaled && o.CreationTimestamp.After(r.begun)
	}
}

// enter takes a place for the group with the credential of its connections. A group that finds none is left alone until it
// is called. One that asks Astro nothing needs none.
func (r *Reconciler) enter(g group) bool {
	var through []admission.Way[credential]
	if g.key.Refused != "" {
		return true
	}
	for _, id := range slices.Sorted(maps.Keys(g.handles)) {
		if h := g.handles[id]; h.Client != nil {
			through = append(through, way(h))
		}
	}
	if !r.line.Enter(g.key, through, r.rankOf(g)) {
		r.ahead.wait(g)
		return false
	}
	if r.ahead.enter(g.key) {
		for _, w := range through {
			r.ahead.expect(r.line.Next(w.Credential, lookAhead))
		}
	}
	return true
}

// mayWrite asks for leave to write through a connection. A group that does not get it is left alone until it is called: what
// is declared meanwhile goes into the same write.
func (r *Reconciler) mayWrite(ctx context.Context, g group, through string) bool {
	h := g.handles[through]
	if h.Client == nil {
		return true // what is wrong is said in the course of it
	}
	if _, one := g.client(); !one && h.Client.Throttled() {
		return true // what is to be written through the others does not wait for it
	}
	granted, woken := r.line.Write(g.key, way(h), r.rankOf(g))
	r.wakeUp(ctx, woken)
	return granted
}

func way(h connection.Handle) admission.Way[credential] {
	return admission.Way[credential]{Credential: credential{h.Host, h.SelfID}, Throttled: h.Client.Throttled}
}

// wakeUp puts the tokens whose turn it is back into the work queue.
func (r *Reconciler) wakeUp(ctx context.Context, woken []admission.WakeUp[TokenKey]) {
	for _, w := range woken {
		lineWaits.Observe(w.Waited.Seconds())
		f := finding{key: w.Key, priority: sweepPriority}
		if w.Urgent {
			f.priority = 0
		}
		r.enqueue(ctx, f)
	}
}

func (r *Reconciler) enqueue(ctx context.Context, f finding) {
	select {
	case r.found <- event.TypedGenericEvent[finding]{Object: f}:
	case <-ctx.Done():
	}
}

// handOver puts the tokens that were found by name into the work queue: ahead of others if a user waits for them, behind
// such edits for what was there when the operator started.
func (r *Reconciler) handOver(ctx context.Context, g group, bindings []decision.Binding, tokens map[int]string) {
	priorities := map[TokenKey]int{}
	for i, id := range tokens {
		key, priority := tokenKey(g.key.Host, g.key.Organization, id), sweepPriority
		if claim := bindings[i].Claim; claim != nil {
			key = tokenKey(claim.Host, claim.Organization, claim.Token)
		}
		r.handed.note(g.key, key, &bindings[i])
		if r.waitedFor(&bindings[i]) {
			urgent := !r.shares.edits.Spent(bindings[i].Object.Namespace, time.Now())
			r.line.Edited(key, bindings[i].Object.Namespace, urgent)
			if priority = crowdPriority; urgent {
				priority = 0
			}
		}
		if most, known := priorities[key]; !known || priority > most {
			priorities[key] = priority
		}
	}
	for key, priority := range priorities {
		r.enqueue(ctx, finding{key: key, priority: priority})
	}
}

// handBack returns those of the bindings that turn out not to name the token to the keys of their names. These rest until the listing is
// too old that showed the name: the next look is at a newer one, which all names share. What is to be found out of the others by
// another look at the token, is.
func (r *Reconciler) handBack(ctx context.Context, key TokenKey, over map[types.UID]handedOver, p decision.Progress) {
	if len(over) == 0 {
		return
	}
	s, again := &p.Situation, len(p.Errs) > 0 || p.Wake > 0
	taken := map[types.UID]bool{}
	for i := range s.Bindings {
		b := &s.Bindings[i]
		if taken[b.Object.UID] = !s.Misnamed(b); again && taken[b.Object.UID] && !b.Looked() {
			delete(over, b.Object.UID)
		}
	}
	back := map[TokenKey]bool{}
	for uid, b := range over {
		if !taken[uid] && !back[b.from] && r.waits(ctx, uid, b.object) {
			back[b.from] = true
		}
	}
	for name := range back {
		r.pace.rest(name, 1, freshEnough)
		r.enqueue(ctx, finding{key: name})
	}
	r.handed.done(key, over)
}

// waits reports whether the very binding still waits for a first word.
func (r *Reconciler) waits(ctx context.Context, uid types.UID, key client.ObjectKey) bool {
	var b v1alpha1.ScopedTokenBinding
	return r.Client.Get(ctx, key, &b, client.UnsafeDisableDeepCopy) == nil && b.UID == uid && !pin.Looked(&b)
}
