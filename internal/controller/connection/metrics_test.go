package connection

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// seriesOf are the series of a namespace in the registry that the manager serves, without their labels of the connection.
func seriesOf(t *testing.T, namespace string) (all []string) {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			own, values := false, []string{}
			for _, l := range m.GetLabel() {
				own = own || l.GetName() == "namespace" && l.GetValue() == namespace
				if !slices.Contains(measure.ConnectionLabels, l.GetName()) {
					values = append(values, l.GetValue())
				}
			}
			if !own || !strings.HasPrefix(f.GetName(), "scopedtoken_") {
				continue
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			all = append(all, fmt.Sprintf("%s{%s} %.0f", strings.TrimPrefix(f.GetName(), "scopedtoken_"), strings.Join(values, " "), v))
		}
	}
	slices.Sort(all)
	return all
}

func TestMetricsOfAConnection(t *testing.T) {
	key := Key{Kind: v1alpha1.KindAstroConnection, Namespace: "measured", Name: "acme"}
	c := &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
	c.Spec.SweepInterval.Duration = 5 * time.Minute
	c.Status.CredentialExpiresAt = new(metav1.Unix(4102444800, 0))
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	now := time.Unix(1900000000, 0)

	const first = "connection_last_sweep_timestamp_seconds{} 1899990000"
	begin(key, now.Add(-10_000*time.Second))
	countSweep(key, &fault.Fault{Reason: v1alpha1.ReasonListIncomplete}, time.Second, now)
	begin(key, now) // at each reconcile
	if got := seriesOf(t, key.Namespace); !slices.Contains(got, first) {
		t.Errorf("a sweep that never comes is not seen to be overdue: %q", got)
	}
	count := countRequest(key)
	count("GET", "tokens", "ok", 200, time.Second)
	count("GET", "tokens", "throttled", 429, time.Second)
	count("GET", "tokens", "unreachable", 0, time.Second)
	count("POST", "roles", "unreachable", 799, time.Second)
	countSweep(key, nil, time.Second, now)
	countSweep(key, &fault.Fault{Reason: v1alpha1.ReasonListIncomplete}, time.Second, now.Add(time.Hour))
	showStatus(c)
	want := []string{
		"astro_request_duration_seconds{roles POST} 1",
		"astro_request_duration_seconds{tokens GET} 3",
		"astro_requests_total{200 tokens GET ok} 1",
		"astro_requests_total{429 tokens GET throttled} 1",
		"astro_requests_total{none tokens GET unreachable} 1",
		"astro_requests_total{other roles POST unreachable} 1",
		"connection_credential_expiry_timestamp_seconds{} 4102444800",
		"connection_last_sweep_timestamp_seconds{} 1900000000",
		"connection_ready{} 1",
		"connection_revocations_paused{} 0",
		"connection_sweep_interval_seconds{} 300",
	}
	if d := cmp.Diff(want, seriesOf(t, key.Namespace)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}

	c.Status.CredentialExpiresAt = nil
	showStatus(c)
	if got := seriesOf(t, key.Namespace); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "expiry") }) {
		t.Errorf("a credential that never expires has no time of expiry: %q", got)
	}
	(&reconciler{dependencies: dependencies{Options: Options{Registry: NewRegistry()}}}).gone(key)
	count("GET", "tokens", "canceled", 0, time.Second) // of a client that somebody still works with
	if got := seriesOf(t, key.Namespace); len(got) > 0 {
		t.Errorf("a connection that is gone leaves %q", got)
	}
}
