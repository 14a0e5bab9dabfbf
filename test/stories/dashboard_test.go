package stories

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/common/expfmt"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// rare are metrics that show nothing before there is trouble of their kind, or a credential that expires.
var rare = []string{
	"scopedtoken_kubernetes_refusals_total", "scopedtoken_token_unseen_deletions_total", "scopedtoken_connection_credential_expiry_timestamp_seconds",
}

// scrape is what Prometheus would read of the operator now: each series with its value.
func scrape() map[string]string {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	var page bytes.Buffer
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "scopedtoken_") {
			_, err := expfmt.MetricFamilyToText(&page, f)
			Expect(err).NotTo(HaveOccurred())
		}
	}
	all := map[string]string{}
	for line := range strings.Lines(page.String()) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && !strings.HasPrefix(line, "#") {
			all[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return all
}

// queries are those of the dashboard, as Grafana asks them of everything.
func queries() (all []string) {
	GinkgoHelper()
	content, err := os.ReadFile(filepath.Join("..", "..", "config", "grafana", "dashboard.json"))
	Expect(err).NotTo(HaveOccurred())
	var dashboard struct {
		Panels []struct {
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	Expect(json.Unmarshal(content, &dashboard)).To(Succeed())
	everything := strings.NewReplacer("$__rate_interval", "5m", "$kind", ".*", "$namespace", ".*", "$name", ".*")
	for _, p := range dashboard.Panels {
		for _, t := range p.Targets {
			all = append(all, everything.Replace(t.Expr))
		}
	}
	return all
}

// unanswered has promtool ask queries of two scrapes that are a minute apart, and returns what it says of those without an answer.
func unanswered(queries []string, before, after map[string]string) string {
	GinkgoHelper()
	type series struct {
		Series string `json:"series"`
		Values string `json:"values"`
	}
	type sample struct {
		Labels string `json:"labels"`
		Value  int    `json:"value"`
	}
	type question struct {
		Expr    string   `json:"expr"`
		At      string   `json:"eval_time"`
		Samples []sample `json:"exp_samples"`
	}
	var input []series
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was := before[name]
		if was == "" {
			was = "_"
		}
		input = append(input, series{name, was + " " + after[name]})
	}
	var asked []question
	for _, q := range queries {
		asked = append(asked, question{"count(" + q + ") > bool 0", "1m", []sample{{"{}", 1}}})
	}
	content, err := json.Marshal(map[string]any{"tests": []any{map[string]any{"interval": "1m", "input_series": input, "promql_expr_test": asked}}})
	Expect(err).NotTo(HaveOccurred())
	file := filepath.Join(GinkgoT().TempDir(), "queries.yaml") // JSON is YAML
	Expect(os.WriteFile(file, content, 0o600)).To(Succeed())
	root, err := filepath.Abs(filepath.Join("..", ".."))
	Expect(err).NotTo(HaveOccurred())
	build := exec.Command("make", "-s", "bin/promtool")
	build.Dir = root
	out, err := build.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	out, err = exec.Command(filepath.Join(root, "bin", "promtool"), "test", "rules", file).CombinedOutput()
	if err == nil {
		return ""
	}
	return string(out)
}

var _ = Describe("The dashboard", func() {
	It("finds an answer to each of its queries in the metrics of a run", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.AddOrganizationToken(w.org, "soon", "ORGANIZATION_MEMBER", astrosim.Expires(time.Now().Add(2*24*time.Hour)))
		member := func(name, target string) *builders.BindingBuilder {
			return builders.Binding(name).ForToken("ci").OnWorkspace(target).WithRole("WORKSPACE_MEMBER")
		}
		w.bind(member("a", w.data), member("lost", nobody), builders.Binding("due").ForToken("soon").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a", "due")
		w.expect("False/TargetNotFound", "lost")
		before := scrape()
		w.bind(member("b", w.science))
		w.edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = "WORKSPACE_OWNER" })
		w.expect("True/RoleUpdated", "a")
		w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
		w.sweep()
		w.expect("True/DriftCorrected", "a")
		after := scrape()

		families := map[string]bool{}
		for name := range after {
			family, _, _ := strings.Cut(name, "{")
			families[family] = true
		}
		var answerable []string
		named := regexp.MustCompile(`scopedtoken_[a-z_]+`)
		for _, q := range queries() {
			missing := slices.DeleteFunc(named.FindAllString(q, -1), func(name string) bool { return families[name] })
			if !slices.ContainsFunc(missing, func(name string) bool { return slices.Contains(rare, name) }) {
				answerable = append(answerable, q)
			}
		}
		Expect(len(answerable)).To(BeNumerically(">", 20))
		Expect(unanswered(answerable, before, after)).To(BeEmpty())
		Expect(unanswered([]string{"scopedtoken_nothing"}, before, after)).NotTo(BeEmpty(), "an answer is missed where there is none")
	})
})
