package docs

import (
	"regexp"
	"testing"
)

// elsewhere are the commands that are not run here: why, and where they are.
var elsewhere = []struct {
	command    *regexp.Regexp
	why, where string
}{
	{begins(`make demo`), "starts an API server and an Astro of its own", "CI runs it"},
	{begins(`make (test|states|gitops)`), "is what runs this", "CI runs it"},
	{begins(`make chaos`), "takes from a minute to hours", "CI runs a part of it; the page says what was run by hand"},
	{begins(`make explore|go run \./test/explore`), "takes two minutes or more", "CI: make explore"},
	{begins(`make (bench|soak)`), "takes from a minute to a quarter of an hour", "by hand; the page says what was run"},
	{begins(`make push|docker |helm push`), "needs a registry, or an engine", "hack/image tests pushing against a registry of its own"},
	{begins(`make (-C source )?release`), "takes minutes", "CI runs it"},
	{begins(`cosign |image=|chart=|signer=|helm show chart "oci:|gh |sha256sum |cd release|  --certificate|  sed |\)`), "needs a release", "make release-check runs the page on one of its own"},
	{begins(`git clone|diff source`), "needs a release", "CI: make release AGAIN=1"},
	{begins(`helm install scopedtoken oci:`), "needs a release", "make release-check pulls the chart from a registry of its own"},
	{begins(`astro |export ASTRO_DOMAIN|export HOME=`), "needs the Astro CLI", "docs/simulator.md says with which release it was seen"},
	{begins(`curl .*\$sim|sim=`), "needs the simulator as a program", "tests of internal/astrosim and cmd/astrosim"},
	{begins(`export HTTPS_PROXY=http://127|curl --cacert "\$SSL_CERT_FILE"`), "needs the simulator as a program", "tests of cmd/astrosim"},
	{begins(`bin/astrosim`), "runs until it is stopped", "CI: make demo"},
	{begins(`terraform `), "needs Terraform and its provider", "by hand; the page says with which"},
	{begins(`kubectl .*\blogs\b`), "there is no kubelet to ask", "make e2e"},
	{begins(`kubectl annotate (stb|tinv) NAME`), "has a name and a value to fill in", "test/stories sets the annotation"},
	{begins(`helm dependency build docs/examples/application|helm install reports`), "writes into the checkout", "test/gitops installs the chart"},
}

func begins(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(` + pattern + `)`) }

// runs says whether a command is run here.
func runs(command string) bool {
	for _, e := range elsewhere {
		if e.command.MatchString(command) {
			return false
		}
	}
	return true
}

// TestElsewhere: what no page says any more needs no excuse.
func TestElsewhere(t *testing.T) {
	used := map[string]bool{}
	for _, p := range pages(t) {
		for _, s := range p.steps() {
			for _, c := range s.run {
				for _, e := range elsewhere {
					used[e.why] = used[e.why] || e.command.MatchString(c)
				}
			}
		}
	}
	for _, e := range elsewhere {
		if !used[e.why] || e.where == "" {
			t.Errorf("no page has a command that matches %s (%q, run: %q)", e.command, e.why, e.where)
		}
	}
}
