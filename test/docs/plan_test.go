package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestPlanInCI holds the workflows of the page against what checks them: that for GitHub against actionlint.
func TestPlanInCI(t *testing.T) {
	files := map[string]string{}
	for _, s := range read(t, doc("how-to/plan-in-ci.md")).steps() {
		if s.file != "" {
			files[s.file] = s.apply
		}
	}
	workflow := filepath.Join(t.TempDir(), "plan.yaml")
	must(t, os.WriteFile(workflow, []byte(files[".github/workflows/plan.yaml"]), 0o600))
	lint := exec.CommandContext(t.Context(), "go", "tool", "-modfile=hack/tools/check/go.mod", "actionlint", "-shellcheck=", "-pyflakes=", workflow)
	lint.Dir = env.Root
	if out, err := lint.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	var jobs map[string]struct {
		Script []string `json:"script"`
	}
	must(t, yaml.Unmarshal([]byte(files["plan.gitlab-ci.yaml"]), &jobs))
	if script := strings.Join(jobs["plan"].Script, "\n"); !strings.HasPrefix(script, "kubectl stb plan -f ") {
		t.Errorf("the job for GitLab runs %q", script)
	}
}
