package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// observe follows the bindings of the schedule with a watch of the checker's own, which has no gaps.
func (w *world) observe() {
	options := func(raw metav1.ListOptions) *client.ListOptions {
		return &client.ListOptions{LabelSelector: labels.SelectorFromSet(w.labels()), Raw: &raw}
	}
	_, controller := toolscache.NewInformerWithOptions(toolscache.InformerOptions{
		ListerWatcher: &toolscache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, raw metav1.ListOptions) (runtime.Object, error) {
				list := &v1alpha1.ScopedTokenBindingList{}
				return list, w.lane.kube.List(ctx, list, options(raw))
			},
			WatchFuncWithContext: func(ctx context.Context, raw metav1.ListOptions) (watch.Interface, error) {
				return w.lane.kube.Watch(ctx, &v1alpha1.ScopedTokenBindingList{}, options(raw))
			},
		},
		ObjectType: &v1alpha1.ScopedTokenBinding{},
		Handler: toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { w.observed(o, false) },
			UpdateFunc: func(_, o any) { w.observed(o, false) },
			DeleteFunc: func(o any) { w.observed(o, true) },
		},
	})
	go controller.RunWithContext(w.ctx)
}

// observed takes in the newest state of a binding, or the last one.
func (w *world) observed(o any, deleted bool) {
	if last, ok := o.(toolscache.DeletedFinalStateUnknown); ok {
		o = last.Obj
	}
	b, ok := o.(*v1alpha1.ScopedTokenBinding)
	if !ok {
		return
	}
	w.facts.observe(b)
	if deleted {
		w.facts.vanish(b, w.claimOf(b))
		w.departures.vanish(b.UID)
	}
}
