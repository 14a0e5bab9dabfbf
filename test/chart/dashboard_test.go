package chart

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// dashboardFile is the dashboard, which config/grafana has, and in the ConfigMap the name under which Grafana's sidecar keeps it.
const (
	dashboardFile = "config/grafana/dashboard.json"
	dashboardKey  = "scopedtoken-operator.json"
)

// TestDashboard: the ConfigMap has the dashboard byte by byte, and is where Grafana's sidecar looks for it.
func TestDashboard(t *testing.T) {
	inNamespaces(t, system, "monitoring")
	type found struct {
		namespace, label, other string
		annotations             map[string]string
	}
	cases := map[string]struct {
		reason, set string
		want        *found
	}{
		"Off":       {"Without a sidecar nobody needs it.", "metrics.serviceMonitor.enabled=true", nil},
		"On":        {"The sidecar's usual label.", "metrics.dashboard.enabled=true", &found{namespace: system, label: "1"}},
		"Folder":    {"A folder, for sidecars that look for this annotation.", "metrics.dashboard.enabled=true,metrics.dashboard.annotations.grafana_folder=Astro", &found{namespace: system, label: "1", annotations: map[string]string{"grafana_folder": "Astro"}}},
		"Namespace": {"A sidecar that looks in its own namespace only.", "metrics.dashboard.enabled=true,metrics.dashboard.namespace=monitoring", &found{namespace: "monitoring", label: "1"}},
		"Label":     {"A sidecar that was told another label.", "metrics.dashboard.enabled=true,metrics.dashboard.labels.dashboards=mine,metrics.dashboard.labels.grafana_dashboard=null", &found{namespace: system, other: "mine"}},
		"NoMetrics": {"There is nothing to show.", "metrics.dashboard.enabled=true,metrics.enabled=false", nil},
		"NoManager": {"A release of bindings has no metrics.", "metrics.dashboard.enabled=true,operator.enabled=false", nil},
	}
	content := dashboard(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects := of(render(t, "--set", tc.set), "ConfigMap")
			if (tc.want == nil) != (len(objects) == 0) {
				t.Fatalf("%s got %d ConfigMaps", tc.reason, len(objects))
			}
			for _, o := range objects {
				accepted(t, objects)
				m := as[corev1.ConfigMap](t, o)
				got := &found{m.Namespace, m.Labels["grafana_dashboard"], m.Labels["dashboards"], m.Annotations}
				if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(found{})); diff != "" {
					t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
				}
				if diff := cmp.Diff(map[string]string{dashboardKey: content}, m.Data); diff != "" {
					t.Errorf("run `make chart` (-%s +chart)\n%s", dashboardFile, diff)
				}
			}
		})
	}
}

func dashboard(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(env.Root, dashboardFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
