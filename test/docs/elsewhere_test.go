package docs

import "regexp"

// elsewhere are the commands that are not run here: why, and where they are.
var elsewhere = []struct {
	command    *regexp.Regexp
	why, where string
}{
	{begins(`make demo`), "starts an API server and an Astro of its own", "CI runs it"},
	{begins(`make (test|states|gitops)`), "is what runs this", "CI runs it"},
	{begins(`make (bench|chaos|soak)`), "takes from a minute to hours", "by hand, before a release; the pages say what was run"},
	{begins(`make e2e|kind `), "needs a cluster with nodes", "CI runs it on a node; kind was not at hand"},
	{begins(`make push|docker `), "needs a registry, or an engine", "hack/image tests pushing against a registry of its own"},
	{begins(`make (deploy|build)`), "", "CI: make demo builds; the kustomization that make deploy applies is applied here"},
	{begins(`astro |export ASTRO_DOMAIN`), "needs the Astro CLI", "docs/simulator.md says with which release it was seen"},
	{begins(`curl .*\$sim|sim=`), "needs the simulator as a program", "tests of internal/astrosim and cmd/astrosim"},
	{begins(`bin/astrosim`), "runs until it is stopped", "CI: make demo"},
	{begins(`terraform `), "needs Terraform and an Organization", "nowhere; the page says so"},
	{begins(`kubectl .*\blogs\b`), "there is no kubelet to ask", "make e2e"},
	{begins(`kubectl -n argocd `), "needs Argo CD", "test/gitops reads the file that it applies"},
	{begins(`go tool|go run|GODEBUG|benchstat`), "measures", "by hand; the page says what was run"},
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
