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
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(replacements, unseenDeletions, bindings)
}

// collector counts the bindings in the cache whenever the metrics are read. Only the leader counts, and only what its instance
// serves, so that a sum over all replicas and instances counts each binding once.
type collector struct {
	by          atomic.Pointer[Reconciler]
	description *prometheus.Desc
}

var bindings = &collector{description: prometheus.NewDesc(
	"scopedtoken_bindings", "Bindings, by namespace and by status and reason of their condition Ready.", []string{"namespace", "ready", "reason"}, nil,
)}

// countBindings lets the bindings be counted for as long as this replica leads.
func (r *Reconciler) countBindings(mgr ctrl.Manager) error {
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		bindings.by.Store(r)
		<-ctx.Done()
		bindings.by.CompareAndSwap(r, nil)
		return nil
	}))
	if err != nil {
		return fmt.Errorf("add the count of bindings: %w", err)
	}
	return nil
}

// readiness is what bindings are counted by.
type readiness struct{ namespace, ready, reason string }

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) { to <- c.description }

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	r := c.by.Load()
	if r == nil {
		return
	}
	counts, err := r.count(context.Background())
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.description, err)
		return
	}
	for s, n := range counts {
		to <- prometheus.MustNewConstMetric(c.description, prometheus.GaugeValue, float64(n), s.namespace, s.ready, s.reason)
	}
}

func (r *Reconciler) count(ctx context.Context) (map[readiness]int, error) {
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list bindings: %w", err)
	}
	counts, served := map[readiness]int{}, map[connection.Key]bool{}
	for i := range list.Items {
		b := &list.Items[i]
		key := connectionOf(b)
		if _, known := served[key]; !known {
			served[key] = r.serves(ctx, key)
		}
		if served[key] {
			counts[readinessOf(b)]++
		}
	}
	return counts, nil
}

// serves reports whether it is this instance that serves the connection.
func (r *Reconciler) serves(ctx context.Context, key connection.Key) bool {
	object, err := r.connectionObject(ctx, key)
	if err != nil {
		object = nil
	}
	return r.Registry.Serves(object)
}

// readinessOf is how a binding stands. One that nobody has looked at yet is Unknown, without a reason.
func readinessOf(b *v1alpha1.ScopedTokenBinding) readiness {
	if c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return readiness{b.Namespace, string(c.Status), c.Reason}
	}
	return readiness{namespace: b.Namespace, ready: string(metav1.ConditionUnknown)}
}
