package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// patienceForOne is how long a single binding may take to become Ready.
const patienceForOne = time.Minute

// readiness is when which binding of a namespace was first seen Ready.
type readiness struct {
	watch watch.Interface

	mu    sync.Mutex
	at    map[string]time.Time
	ended bool
}

// watchReadiness watches a namespace, from before anything is applied to it.
func (w *world) watchReadiness(ctx context.Context) (*readiness, error) {
	stream, err := w.kube.Watch(ctx, &v1alpha1.ScopedTokenBindingList{}, client.InNamespace(w.namespace))
	if err != nil {
		return nil, err
	}
	r := &readiness{watch: stream, at: map[string]time.Time{}}
	go r.follow()
	return r, nil
}

func (r *readiness) follow() {
	for e := range r.watch.ResultChan() {
		if b, ok := e.Object.(*v1alpha1.ScopedTokenBinding); ok && ready(b) {
			r.note(b.Name)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// ready reports whether the binding is Ready as it is declared now.
func ready(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Status.ObservedGeneration == b.Generation && meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady)
}

func (r *readiness) note(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.at[name]; !known {
		r.at[name] = time.Now()
	}
}

// all waits until the bindings of all grants are Ready, and says when the last became it.
func (r *readiness) all(ctx context.Context, grants []grant, within time.Duration) (last time.Time, err error) {
	missing := len(grants)
	err = poll(ctx, seldom, within, func() (bool, error) {
		missing, last = r.missing(grants)
		if r.hasEnded() {
			return false, errors.New("the watch ended")
		}
		return missing == 0, nil
	})
	if err != nil {
		return last, fmt.Errorf("%d of %d bindings are not Ready: %w", missing, len(grants), err)
	}
	return last, nil
}

func (r *readiness) missing(grants []grant) (n int, last time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range grants {
		at, known := r.at[g.name]
		if !known {
			n++
		}
		if at.After(last) {
			last = at
		}
	}
	return n, last
}

func (r *readiness) hasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// one waits until the binding is Ready, and says when it became it.
func (r *readiness) one(ctx context.Context, name string) (at time.Time, err error) {
	err = poll(ctx, often, patienceForOne, func() (known bool, _ error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		at, known = r.at[name]
		return known, nil
	})
	if err != nil {
		err = fmt.Errorf("%s is not Ready: %w", name, err)
	}
	return at, err
}

func (r *readiness) stop() { r.watch.Stop() }
