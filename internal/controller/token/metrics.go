package token

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(replacements, unseenDeletions, lineWaits, auditFailures, counts)
}

// collector counts what is in the caches whenever the metrics are read. Only the leader counts, and only what its instance
// serves, so that a sum over all replicas and instances counts each binding once.
type collector struct{ by atomic.Pointer[Reconciler] }

var counts = &collector{}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("scopedtoken_"+name, help, labels, nil)
}

func describeOfConnection(name, help string, labels ...string) *prometheus.Desc {
	return describe("connection_"+name, help, append(slices.Clip(measure.ConnectionLabels), labels...)...)
}

var (
	bindingsDesc   = describe("bindings", "Bindings, by namespace and by status and reason of their condition Ready.", "namespace", "ready", "reason")
	conditionsDesc = describeOfConnection("bindings", "Bindings of a connection, by condition, its status and its reason.", "condition", "status", "reason")
	revokingDesc   = describeOfConnection("pending_revocations",
		"Bindings of a connection that were deleted, have expired or wait for its revocation limit, and have not lost their role yet.")
	orphanedDesc = describeOfConnection("orphans",
		"Bindings of a connection that were deleted without their role having been revoked; it is still to be revoked.")
	undeclaredDesc = describeOfConnection("undeclared_grants",
		"Roles on Workspaces and Deployments that tokens hold, as the connection lists them, and no binding has claimed.")
	tokensDesc = describeOfConnection("tokens",
		"Tokens that the connection lists, by how soon they expire and whether a binding has a claim on them.", "expires", "bound")
	unusedDesc = describeOfConnection("tokens_unused",
		"Tokens that the connection lists and nobody has used for 90 days, by whether a binding has a claim on them.", "bound")
	waitingDesc = describeOfConnection("line_waiting", "Tokens that wait in line for the credential of the connection.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{bindingsDesc, conditionsDesc, revokingDesc, orphanedDesc, undeclaredDesc, tokensDesc, unusedDesc, waitingDesc} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	r := c.by.Load()
	if r == nil {
		return
	}
	of, err := r.countBindings(context.Background())
	if err != nil {
		to <- prometheus.NewInvalidMetric(bindingsDesc, err)
		return
	}
	show := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}
	for by, n := range of.Readiness {
		show(bindingsDesc, n, by.Namespace, by.Ready, by.Reason)
	}
	for by, n := range of.Conditions {
		show(conditionsDesc, n, append(measure.LabelsOf(by.Connection), by.Type, by.Status, by.Reason)...)
	}
	for _, h := range r.Registry.All() {
		r.showConnection(h, of, show)
	}
	r.showWithoutConnection(of, r.orphans.perConnection(), show)
}

// showConnection shows what goes on through a connection, and of the tokens that it lists. Before its first listing nothing is
// known of these.
func (r *Reconciler) showConnection(h connection.Handle, of measure.Bindings, show func(*prometheus.Desc, int, ...string)) {
	labels := measure.LabelsOf(h.Key)
	show(revokingDesc, of.Revoking[h.Key], labels...)
	show(orphanedDesc, len(r.orphans.needing(h.Key)), labels...)
	show(waitingDesc, r.line.Waiting(credential{h.Host, h.SelfID}), labels...)
	if h.Directory == nil {
		return
	}
	listed, known := of.Claims.CountTokens(h.Host, h.Organization, r.Clock(), h.Directory.Each)
	if !known {
		return
	}
	show(undeclaredDesc, listed.Undeclared, labels...)
	for _, bound := range []bool{true, false} {
		show(unusedDesc, listed.Unused[bound], append(labels, strconv.FormatBool(bound))...)
		for _, within := range measure.Expiries {
			show(tokensDesc, listed.Expiring[measure.Expiring{Within: within, Bound: bound}], append(labels, within, strconv.FormatBool(bound))...)
		}
	}
}

// connectionKinds are both kinds of connection.
var connectionKinds = []v1alpha1.ConnectionKind{v1alpha1.KindAstroConnection, v1alpha1.KindClusterAstroConnection}

// showWithoutConnection shows what is still to be revoked through connections that are not there, of each kind together: an
// alert on what waits would fall silent just when nobody can revoke it any more. Both series are there if one has something to
// show, so that they can be added.
func (r *Reconciler) showWithoutConnection(of measure.Bindings, left map[connection.Key]int, show func(*prometheus.Desc, int, ...string)) {
	revoking, orphaned := r.unknown(of.Revoking), r.unknown(left)
	for _, kind := range connectionKinds {
		if revoking[kind]+orphaned[kind] == 0 {
			continue
		}
		labels := measure.LabelsOf(connection.Key{Kind: kind})
		show(revokingDesc, revoking[kind], labels...)
		show(orphanedDesc, orphaned[kind], labels...)
	}
}

// unknown sums up, by kind, what is counted of connections that this instance would serve and does not know.
func (r *Reconciler) unknown(counts map[connection.Key]int) map[v1alpha1.ConnectionKind]int {
	sum := map[v1alpha1.ConnectionKind]int{}
	for key, n := range counts {
		if _, known := r.Registry.Get(key); !known && r.serves(context.Background(), key).serves {
			sum[key.Kind] += n
		}
	}
	return sum
}

// showCounts lets the collector count for as long as this replica leads.
func (r *Reconciler) showCounts(mgr ctrl.Manager) error {
	err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		counts.by.Store(r)
		<-ctx.Done()
		counts.by.CompareAndSwap(r, nil)
		return nil
	}))
	if err != nil {
		return fmt.Errorf("add the count of bindings: %w", err)
	}
	return nil
}

func (r *Reconciler) countBindings(ctx context.Context) (measure.Bindings, error) {
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return measure.Bindings{}, fmt.Errorf("list bindings: %w", err)
	}
	of, served := measure.NewBindings(), map[connection.Key]service{}
	for i := range list.Items {
		b := &list.Items[i]
		key := connectionOf(b)
		how, known := served[key]
		if !known {
			how = r.serves(ctx, key)
			served[key] = how
		}
		if how.serves {
			of.Add(b, key, how.exists)
		}
	}
	return of, nil
}

// service is whether there is a connection, and whether it is this instance that serves it.
type service struct{ exists, serves bool }

func (r *Reconciler) serves(ctx context.Context, key connection.Key) service {
	object, err := connection.Find(ctx, r.Client, key)
	if err != nil {
		return service{serves: r.Registry.Serves(nil)}
	}
	return service{exists: object != nil, serves: r.Registry.Serves(object)}
}
