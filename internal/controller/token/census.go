package token

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// census counts the bindings in the cache whenever the metrics are read. Only the leader counts, so that a sum over all
// replicas counts each binding once.
type census struct {
	cache       atomic.Pointer[client.Reader]
	description *prometheus.Desc
}

var bindings = &census{description: prometheus.NewDesc(
	"scopedtoken_bindings", "Bindings, by namespace and by status and reason of their condition Ready.", []string{"namespace", "ready", "reason"}, nil,
)}

// countBindings lets the bindings be counted for as long as this replica leads.
func countBindings(mgr ctrl.Manager) error {
	reader := client.Reader(mgr.GetClient())
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		bindings.cache.Store(&reader)
		<-ctx.Done()
		bindings.cache.CompareAndSwap(&reader, nil)
		return nil
	}))
	if err != nil {
		return fmt.Errorf("add the count of bindings: %w", err)
	}
	return nil
}

// standing is what bindings are counted by.
type standing struct{ namespace, ready, reason string }

// Describe implements prometheus.Collector.
func (c *census) Describe(to chan<- *prometheus.Desc) { to <- c.description }

// Collect implements prometheus.Collector.
func (c *census) Collect(to chan<- prometheus.Metric) {
	cache := c.cache.Load()
	if cache == nil {
		return
	}
	var list v1alpha1.ScopedTokenBindingList
	if err := (*cache).List(context.Background(), &list, client.UnsafeDisableDeepCopy); err != nil {
		to <- prometheus.NewInvalidMetric(c.description, fmt.Errorf("list bindings: %w", err))
		return
	}
	counts := map[standing]int{}
	for i := range list.Items {
		counts[standingOf(&list.Items[i])]++
	}
	for s, n := range counts {
		to <- prometheus.MustNewConstMetric(c.description, prometheus.GaugeValue, float64(n), s.namespace, s.ready, s.reason)
	}
}

// standingOf is how a binding stands. One that nobody has looked at yet is Unknown, without a reason.
func standingOf(b *v1alpha1.ScopedTokenBinding) standing {
	if c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return standing{b.Namespace, string(c.Status), c.Reason}
	}
	return standing{namespace: b.Namespace, ready: string(metav1.ConditionUnknown)}
}
