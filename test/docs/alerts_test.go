package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
)

// rule is an alert of config/prometheus.
type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Annotations map[string]string `json:"annotations"`
}

// alerts are the rules, by the name of the alert.
func alerts(t *testing.T) map[string][]rule {
	t.Helper()
	var object struct {
		Spec struct {
			Groups []struct {
				Rules []rule `json:"rules"`
			} `json:"groups"`
		} `json:"spec"`
	}
	content, err := os.ReadFile(filepath.Join(env.Root, "config", "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &object); err != nil {
		t.Fatal(err)
	}
	all := map[string][]rule{}
	for _, group := range object.Spec.Groups {
		for _, r := range group.Rules {
			all[r.Alert] = append(all[r.Alert], r)
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

var (
	promtoolAlert = regexp.MustCompile(`alertname: (\w+)\n    exp_alerts:( \[\])?`)
	alertRow      = regexp.MustCompile(`(?m)^\| \[(ScopedToken\w+)\]`)
)

// TestAlerts: every alert links to its section of the runbook, has its row, asks for metrics that there are, and is tested both
// for firing and for not firing.
func TestAlerts(t *testing.T) {
	known, all := registered(t), alerts(t)
	content, err := os.ReadFile(filepath.Join(env.Root, "test", "monitoring", "alerts_promtool.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, m := range promtoolAlert.FindAllStringSubmatch(string(content), -1) {
		if m[2] == "" {
			fires[m[1]] = true
		} else {
			quiet[m[1]] = true
		}
	}
	var names, rows []string
	for name, rules := range all {
		names = append(names, name)
		if !fires[name] || !quiet[name] {
			t.Errorf("%s is not tested: fires %t, does not fire %t", name, fires[name], quiet[name])
		}
		for _, r := range rules {
			if want := runbook.URL("") + "#" + strings.ToLower(name); r.Annotations["runbook_url"] != want {
				t.Errorf("%s links to %q, not to %q", name, r.Annotations["runbook_url"], want)
			}
			for _, m := range metric.FindAllString(r.Expr, -1) {
				if !slices.Contains(known, m) {
					t.Errorf("%s asks for the metric %s, which there is not", name, m)
				}
			}
		}
	}
	for _, row := range alertRow.FindAllStringSubmatch(read(t, filepath.Join("docs", "operating.md")).text, -1) {
		rows = append(rows, row[1])
	}
	slices.Sort(names)
	slices.Sort(rows)
	if !slices.Equal(names, rows) {
		t.Errorf("alerts %q\nrows of docs/operating.md %q", names, rows)
	}
}
