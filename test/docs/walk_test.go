package docs

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// site is where a reader sits: a folder that looks like a checkout, a cluster, and Astro.
type site struct {
	folder  string
	astro   *astro
	node    *node
	store   *store
	environ []string

	installed *store // how the cluster is once the operator is installed
	spoilt    bool   // since then something was done to the installation
}

// touches says whether a command may do something to what is installed.
var touches = regexp.MustCompile(`helm|make|scale|namespace scopedtoken|delete crd|-k config|-k operator|install\.yaml`)

// TestCommands does what the pages say, block by block: it applies the objects, saves the files, runs the commands, and
// compares what they print where a page shows it. A command that can be run neither here nor elsewhere fails.
func TestCommands(t *testing.T) {
	s := newSite(t)
	for _, p := range pages(t) {
		if steps := p.steps(); anyRuns(steps) {
			t.Run(p.path, func(t *testing.T) { s.walk(t, steps) })
		}
	}
}

func anyRuns(steps []step) bool {
	for _, st := range steps {
		if slices.ContainsFunc(st.run, runs) {
			return true
		}
	}
	return false
}

func (s *site) walk(t *testing.T, steps []step) {
	t.Helper()
	begin, known := grounds[steps[0].page]
	if !known {
		t.Fatalf("say in grounds where a reader of %s begins, or in elsewhere where its commands are run", steps[0].page)
	}
	s.prepare(t, begin[""])
	at := ""
	for _, st := range steps {
		if from, moves := begin[st.section]; moves && st.section != at && st.section != "" {
			s.prepare(t, from)
		}
		at = st.section
		s.do(t, st)
		if t.Failed() {
			out, _ := s.bash(t, `kubectl get deployment,astro,events -A`)
			t.Logf("the operator says:\n%s\n%s", tail(s.node.logs()), out)
			return
		}
	}
	s.seeThatItRuns(t)
}

// prepare makes everything new and then as the ground says.
func (s *site) prepare(t *testing.T, g ground) {
	t.Helper()
	s.seeThatItRuns(t)
	s.node.stop()
	again := s.installed != nil && !s.spoilt && len(g) > 0 && g[0] == installed[0]
	if again {
		must(t, s.installed.reset(t.Context()))
		g = g[1:]
	} else {
		must(t, s.store.reset(t.Context()))
		must(t, os.RemoveAll(filepath.Join(s.folder, "cache")))
		s.spoilt = true
	}
	s.astro.Reset()
	s.node.start()
	for _, command := range g {
		if out, err := s.bash(t, command); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", command, err, out, tail(s.node.logs()))
		}
		if command == installed[0] {
			var err error
			s.installed, err = openStore(t.Context(), env.Etcd)
			must(t, err)
			s.spoilt = false
		}
		s.spoilt = s.spoilt || strings.Contains(command, " scale ")
	}
}

// seeThatItRuns: wherever a page has installed the operator, it works.
func (s *site) seeThatItRuns(t *testing.T) {
	t.Helper()
	out, err := s.bash(t, `kubectl get deployment -A -l control-plane=controller-manager -o name --ignore-not-found`)
	if err != nil || strings.TrimSpace(out) == "" {
		return
	}
	if out, err := s.bash(t, `kubectl wait deployment -A -l control-plane=controller-manager --for=condition=Available --timeout=60s`); err != nil {
		t.Errorf("what the page installs does not run: %v\n%s\n%s", err, out, tail(s.node.logs()))
	}
}

func (s *site) do(t *testing.T, st step) {
	t.Helper()
	switch {
	case st.file != "":
		path := filepath.Join(s.folder, st.file)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(st.apply), 0o600))
	case st.apply != "":
		must(t, os.WriteFile(filepath.Join(s.folder, "block.yaml"), []byte(st.apply), 0o600))
		script := "kubectl apply --server-side -f block.yaml"
		if strings.Contains(st.apply, "astro.scopedtoken.dev/") { // a reader does not type that fast
			script += ` && kubectl wait -f block.yaml --for=jsonpath='{.status.conditions[0].type}' --timeout=60s`
		}
		if out, err := s.bash(t, script); err != nil {
			t.Errorf("%s:%d: %v\n%s", st.page, st.line, err, out)
		}
	default:
		s.run(t, st)
	}
}

func (s *site) run(t *testing.T, st step) {
	t.Helper()
	var script []string
	for _, c := range st.run {
		if runs(c) {
			script = append(script, c)
		}
	}
	text := strings.Join(script, "\n")
	if text == "" {
		return
	}
	s.spoilt = s.spoilt || touches.MatchString(text)
	if st.output == "" {
		if out, err := s.bash(t, text); err != nil {
			t.Errorf("%s:%d: %v\n%s\n%s", st.page, st.line, err, text, out)
		}
		return
	}
	if amiss := eventually(t.Context(), func() string {
		out, err := s.bash(t, text)
		if err == nil && shape(out) == shape(st.output) {
			return ""
		}
		return out
	}); amiss != "" {
		t.Errorf("%s:%d: %s\nthe page shows\n%s\nit prints\n%s", st.page, st.line, text, st.output, amiss)
	}
}

var (
	ages   = regexp.MustCompile(`\b\d+(\.\d+)?(ms|s|m|h|d)(\d+(s|m|h))?\b`)
	spaces = regexp.MustCompile(`[ \t]+`)
)

// shape is what is printed but for times and the width of columns.
func shape(text string) string {
	text = spaces.ReplaceAllString(ages.ReplaceAllString(text, "AGE"), " ")
	return strings.TrimSpace(strings.ReplaceAll(text, " \n", "\n"))
}

func (s *site) bash(t *testing.T, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Env, command.WaitDelay = s.folder, s.environ, time.Second
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func tail(text string) string {
	const most = 6000
	return text[max(0, len(text)-most):]
}
