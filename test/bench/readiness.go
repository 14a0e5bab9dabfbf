package main

import (
	"context"
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
	stop func()

	mu  sync.Mutex
	at  map[string]time.Time
	err error // why there is no watch any more
}

// watchReadiness watches a namespace, from before anything is applied to it.
func (w *world) watchReadiness(ctx context.Context) (*readiness, error) {
	ctx, cancel := context.WithCancel(ctx)
	open := func() (watch.Interface, error) {
		return w.kube.Watch(ctx, &v1alpha1.ScopedTokenBindingList{}, client.InNamespace(w.namespace))
	}
	stream, err := open()
	if err != nil {
		cancel()
		return nil, err
	}
	r := &readiness{stop: cancel, at: map[string]time.Time{}}
	go r.follow(ctx, stream, open)
	return r, nil
}

// follow reads the watch, and opens another when a busy API server has ended it; that one begins with what there is.
func (r *readiness) follow(ctx context.Context, stream watch.Interface, open func() (watch.Interface, error)) {
	for ctx.Err() == nil {
		for e := range stream.ResultChan() {
			if b, ok := e.Object.(*v1alpha1.ScopedTokenBinding); ok && ready(b) {
				r.note(b.Name)
			}
		}
		next, err := open()
		if err != nil {
			r.fail(err)
			return
		}
		stream = next
	}
	stream.Stop()
}

func (r *readiness) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = fmt.Errorf("the watch ended: %w", err)
}

func (r *readiness) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
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
		return missing == 0, r.failed()
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
