package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// readiness is when which binding of a namespace was first seen Ready.
type readiness struct {
	stop func()
	is   func(*v1alpha1.ScopedTokenBinding) bool

	mu  sync.Mutex
	at  map[string]time.Time
	err error // why there is no watch any more
}

// watchReadiness watches a namespace from now on: what was Ready before does not count.
func (t *tenant) watchReadiness(ctx context.Context) (*readiness, error) {
	return t.watchFor(ctx, ready)
}

// watchFor watches for bindings that are seen to be so from now on.
func (t *tenant) watchFor(ctx context.Context, is func(*v1alpha1.ScopedTokenBinding) bool) (*readiness, error) {
	var now v1alpha1.ScopedTokenBindingList
	if err := t.kube.List(ctx, &now, client.InNamespace(t.namespace), client.Limit(1)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	open := func(version string) (watch.Interface, error) {
		return t.kube.Watch(ctx, &v1alpha1.ScopedTokenBindingList{}, &client.ListOptions{
			Namespace: t.namespace, Raw: &metav1.ListOptions{ResourceVersion: version},
		})
	}
	stream, err := open(now.ResourceVersion)
	if err != nil {
		cancel()
		return nil, err
	}
	r := &readiness{stop: cancel, is: is, at: map[string]time.Time{}}
	go r.follow(ctx, stream, open)
	return r, nil
}

// follow reads the watch, and opens another when a busy API server has ended it; that one begins with what there is.
func (r *readiness) follow(ctx context.Context, stream watch.Interface, open func(string) (watch.Interface, error)) {
	for ctx.Err() == nil {
		for e := range stream.ResultChan() {
			if b, ok := e.Object.(*v1alpha1.ScopedTokenBinding); ok && r.is(b) {
				r.note(b.Name)
			}
		}
		next, err := open("")
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
func (r *readiness) one(ctx context.Context, name string, within time.Duration) (at time.Time, err error) {
	err = poll(ctx, often, within, func() (known bool, _ error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		at, known = r.at[name]
		return known, r.err
	})
	if err != nil {
		err = fmt.Errorf("%s is not Ready: %w", name, err)
	}
	return at, err
}
