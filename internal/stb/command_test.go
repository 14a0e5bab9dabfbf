package stb

import "testing"

// TestBlankFlags: a flag with nothing behind it, as a variable that is not set leaves it, is a mistake: it would mean all, or nothing.
func TestBlankFlags(t *testing.T) {
	w := newWorld(t)
	const plan = "testdata/list.yaml" // never read
	for flag, args := range map[string][]string{
		"--workspace":          {"export", "--mode", "Enforce", "--workspace", ""},
		"--target":             {"list", "--target="},
		"--token":              {"matrix", "--token", " "},
		"--dir":                {"export", "--dir", ""},
		"--mode":               {"export", "--mode", ""},
		"--deletion-policy":    {"export", "--deletion-policy", ""},
		"--namespaces-file":    {"export", "--namespaces-file", ""},
		"--namespace-for":      {"export", "--namespace-for", ""},
		"--connection":         {"list", "--connection", ""},
		"--operator-namespace": {"roles", "CI deployer", "--operator-namespace", ""},
		"--html":               {"matrix", "--html", ""},
		"--runbook-url":        {"explain", "a", "--runbook-url", ""},
		"--filename":           {"plan", "-f", ""},
		"--prune-selector":     {"plan", "-f", plan, "--offline", "--prune-selector", ""},
	} {
		w.fails(flag+" has nothing behind it", args...)
	}
	for _, args := range [][]string{{"list", "-o", ""}, {"list", "--context", ""}} {
		if a := w.run(args...); a.code != 0 {
			t.Errorf("%v: %s", args, a.err)
		}
	}
}
