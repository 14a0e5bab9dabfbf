package main

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// drawObserve throws the switch that stops a connection, and throws it back a while later.
func drawObserve(d draw) func(*world) {
	own, during := d.chance(0.5), d.upTo(300*time.Millisecond)
	return func(w *world) {
		w.setMode(own, v1alpha1.ModeObserve)
		w.awaitObserve(own, during)
		time.Sleep(during)
		w.setMode(own, v1alpha1.ModeEnforce)
	}
}

// setMode sets the mode of a connection, if it is there. That it observes counts for nothing from the moment at which it may not
// any more.
func (w *world) setMode(own bool, mode v1alpha1.Mode) {
	kind := kindOf(own)
	w.mu.Lock()
	delete(w.observing, kind)
	w.mu.Unlock()
	if own {
		w.editOwn("mode of the own connection: "+string(mode), func(c *v1alpha1.AstroConnection) { c.Spec.Mode = mode })
	} else {
		w.editShared("mode of the shared connection: "+string(mode), func(c *v1alpha1.ClusterAstroConnection) { c.Spec.Mode = mode })
	}
}

func kindOf(own bool) v1alpha1.ConnectionKind {
	if own {
		return v1alpha1.KindAstroConnection
	}
	return v1alpha1.KindClusterAstroConnection
}

// awaitObserve waits a while for the operator to say that it has seen the mode, and notes since when it has.
func (w *world) awaitObserve(own bool, within time.Duration) {
	var c v1alpha1.Connection = &v1alpha1.ClusterAstroConnection{}
	if own {
		c = &v1alpha1.AstroConnection{}
	}
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(w.connection(own)), c)
		cancel()
		if err == nil && c.ConnectionSpec().Mode == v1alpha1.ModeObserve && c.ConnectionStatus().ObservedGeneration == c.GetGeneration() {
			w.mu.Lock()
			w.observing[kindOf(own)] = time.Now()
			w.mu.Unlock()
			w.history.notef("admin", "connection %s says that it observes", c.GetName())
			return
		}
	}
}

// enforceAll makes both connections enforce.
func (w *world) enforceAll() {
	w.setMode(false, v1alpha1.ModeEnforce)
	w.setMode(true, v1alpha1.ModeEnforce)
}

// isObserved says whether everybody who ever declared the place did so through a connection that observed, as it said itself,
// before the write was begun with a reading.
func (w *world) isObserved(a *attempt, p place) bool {
	token, target := w.find(p.token), w.find(p.target)
	if token == nil || target == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	declared := false
	for _, s := range w.facts.declared {
		if !declares(s, p.kind, token, target) {
			continue
		}
		since, observes := w.observing[s.ConnectionRef.Kind]
		if !observes || !since.Before(a.read.asked) {
			return false
		}
		declared = true
	}
	return declared
}

// judgeObserved judges a change of a place that somebody has held.
func (w *world) judgeObserved(a *attempt, p place, was, is astrosim.Role) {
	if w.isObserved(a, p) {
		w.violationf(foreign, "the write of %s changes %v to %v through a connection that observes", a.token, was, is)
	}
}
