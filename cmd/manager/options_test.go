package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
)

// usual are the options of an operator that is told nothing but its namespace.
func usual(change func(*options)) options {
	o := options{
		allowedHosts: []string{"api.astronomer.io"}, operatorNamespace: "operator", concurrency: 16, maxListing: 48, lease: "manager.astro.scopedtoken.dev",
		metricsAddress: ":8443", metricsSecure: true, probeAddress: ":8081",
		runbook: runbook.URL(release), auditLog: "stdout",
	}
	if change != nil {
		change(&o)
	}
	return o
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason, env string
		args        []string
		want        options
	}{
		"Defaults": {
			reason: "Told only its namespace, it talks to Astro and to nobody else, works everywhere, and shows metrics to whom the API server lets.",
			args:   []string{"--operator-namespace=operator"},
			want:   usual(nil),
		},
		"NamespaceOfPod": {
			reason: "The downward API tells the namespace.",
			env:    "operator",
			want:   usual(nil),
		},
		"NamespaceGiven": {
			reason: "The flag is more explicit than the environment.",
			env:    "other",
			args:   []string{"--operator-namespace=operator"},
			want:   usual(nil),
		},
		"AuditLog": {
			reason: "The audit log may go to a file.",
			env:    "operator",
			args:   []string{"--audit-log=/var/log/scopedtoken/audit.log"},
			want:   usual(func(o *options) { o.auditLog = "/var/log/scopedtoken/audit.log" }),
		},
		"Lists": {
			reason: "Lists take commas and repetition; what is given replaces the default, so that api.astronomer.io can be forbidden.",
			env:    "operator",
			args: []string{
				"--allowed-api-hosts=localhost:8099, astro.example.com", "--allowed-api-hosts=127.0.0.1:1", "--watch-namespaces=a,b", "--watch-namespaces=c",
				"--secret-namespaces=s", "--secret-namespaces=t",
			},
			want: usual(func(o *options) {
				o.allowedHosts, o.watchNamespaces = []string{"localhost:8099", "astro.example.com", "127.0.0.1:1"}, []string{"a", "b", "c"}
				o.secretNamespaces = []string{"s", "t"}
			}),
		},
		"TheRest": {
			reason: "Every other flag is heard.",
			env:    "operator",
			args: []string{
				"--concurrency=3", "--leader-elect", "--metrics-bind-address=0", "--metrics-secure=false", "--metrics-cert-dir=/certs", "--health-probe-bind-address=:1",
				"--runbook-url=https://wiki.example.com/astro", "--labelled-secrets",
			},
			want: usual(func(o *options) {
				o.concurrency, o.leaderElect, o.probeAddress, o.labelledSecrets = 3, true, ":1", true
				o.metricsAddress, o.metricsSecure, o.metricsDir = "0", false, "/certs"
				o.runbook = "https://wiki.example.com/astro"
			}),
		},
		"Profiles": {
			reason: "Whoever works on the operator's own machine sees profiles without a token.",
			env:    "operator",
			args:   []string{"--profiles", "--metrics-secure=false", "--metrics-bind-address=127.0.0.1:8080"},
			want:   usual(func(o *options) { o.profiles, o.metricsSecure, o.metricsAddress = true, false, "127.0.0.1:8080" }),
		},
		"Version": {
			reason: "To print the version, no namespace is needed.",
			args:   []string{"--version"},
			want:   usual(func(o *options) { o.version, o.operatorNamespace, o.lease = true, "", "" }),
		},
		"CheckReady": {
			reason: "Nor to ask another manager.",
			args:   []string{"--check-ready=http://localhost:8081/readyz"},
			want:   usual(func(o *options) { o.ready, o.operatorNamespace, o.lease = "http://localhost:8081/readyz", "", "" }),
		},
		"Selector": {
			reason: "An instance with a selector has a lease of its own.",
			env:    "operator",
			args:   []string{"--connection-selector=shard in (a,b),!old", "--leader-elect", "--leader-election-id=shard-ab"},
			want: usual(func(o *options) {
				o.selector, o.lease, o.leaderElect = "shard in (a,b),!old", "shard-ab", true
			}),
		},
		"SelectorAlone": {
			reason: "Without a lease there is nothing to name.",
			env:    "operator",
			args:   []string{"--connection-selector=!shard"},
			want:   usual(func(o *options) { o.selector = "!shard" }),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", tc.env)
			got, err := parse(tc.args, io.Discard)
			if err != nil {
				t.Fatalf("%s\n%v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(options{}), cmpopts.IgnoreFields(options{}, "log", "connections")); diff != "" {
				t.Errorf("%s\n-want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Scheme":         {"A URL would never equal the host of a connection.", []string{"--allowed-api-hosts=https://api.astronomer.io"}, "is not a host"},
		"Path":           {"Nor would a host with a path.", []string{"--allowed-api-hosts=api.astronomer.io/v1"}, "is not a host"},
		"Wildcard":       {"There are no wildcards for where a credential goes.", []string{"--allowed-api-hosts=*.astronomer.io"}, "is not a host"},
		"Case":           {"Connections spell hosts in lower case.", []string{"--allowed-api-hosts=API.astronomer.io"}, "is not a host"},
		"User":           {"What stands before an @ is not the host.", []string{"--allowed-api-hosts=api.astronomer.io@example.com"}, "is not a host"},
		"DefaultPort":    {"Nor the port that is meant anyway.", []string{"--allowed-api-hosts=api.astronomer.io:443"}, "leave out :443"},
		"Rooted":         {"Nor a dot at the end.", []string{"--allowed-api-hosts=api.astronomer.io."}, "a dot at the end"},
		"BlankSelector":  {"What a template left blank must not mean everything.", []string{"--operator-namespace=o", "--connection-selector="}, "nothing behind it"},
		"SpaceSelector":  {"Nor may a space.", []string{"--operator-namespace=o", "--connection-selector= "}, "nothing behind it"},
		"NoHost":         {"A port alone is no host.", []string{"--allowed-api-hosts=:8099"}, "is not a host"},
		"EmptyHost":      {"A comma too many is a mistake.", []string{"--allowed-api-hosts=api.astronomer.io,"}, "is not a host"},
		"EmptyNamespace": {"No namespace at all must not mean every namespace.", []string{"--watch-namespaces="}, "is not the name of a namespace"},
		"BadNamespace":   {"A name that no namespace can have is a mistake.", []string{"--operator-namespace=Operator"}, "is not the name of a namespace"},
		"NoNamespace":    {"Outside of a Pod nobody knows where the Secrets are; the error says how to tell.", nil, "--operator-namespace or POD_NAMESPACE"},
		"Selector":       {"A selector that cannot be read must not mean everything.", []string{"--operator-namespace=o", "--connection-selector=shard in a"}, "--connection-selector"},
		"OpenProfiles":   {"Profiles show what is in memory.", []string{"--operator-namespace=o", "--profiles", "--metrics-secure=false"}, "--profiles"},
		"WideProfiles":   {"Every interface is not loopback.", []string{"--operator-namespace=o", "--profiles", "--metrics-secure=false", "--metrics-bind-address=0.0.0.0:8080"}, "--profiles"},
		"NoListing":      {"No listing fits into nothing.", []string{"--operator-namespace=o", "--max-listing-mib=0"}, "--max-listing-mib"},
		"NoLease": {
			"Two instances with one lease would wait for each other.",
			[]string{"--operator-namespace=o", "--connection-selector=shard=a", "--leader-elect"}, "--leader-election-id",
		},
		"Lease":       {"A lease is an object with a name.", []string{"--operator-namespace=o", "--leader-election-id=Shard A"}, "is not a name for a lease"},
		"Concurrency": {"Nobody would work.", []string{"--operator-namespace=o", "--concurrency=0"}, "at least 1"},
		"NoAudit":     {"Where changes are written down cannot be left open.", []string{"--operator-namespace=o", "--audit-log="}, "--audit-log"},
		"AuditOff":    {"A word is no file.", []string{"--operator-namespace=o", "--audit-log=off"}, "cannot be turned off"},
		"CheckPath":   {"A path alone leads to nobody.", []string{"--check-ready=/readyz"}, "--check-ready"},
		"CheckScheme": {"Probes are served over http.", []string{"--check-ready=https://localhost:8081/readyz"}, "--check-ready"},
		"Argument":    {"A stray word is most likely a flag without its dashes.", []string{"leader-elect"}, "leader-elect"},
		"Flag":        {"An unknown flag is a typo.", []string{"--leader-elected"}, "leader-elected"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", "")
			if _, err := parse(tc.args, io.Discard); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant an error with %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var help strings.Builder
	if _, err := parse([]string{"--help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("want %v, got %v", flag.ErrHelp, err)
	}
	for _, name := range []string{"-kubeconfig", "-zap-log-level", "-allowed-api-hosts value", "(default api.astronomer.io)"} {
		if !strings.Contains(help.String(), name) {
			t.Errorf("the help does not speak of %s:\n%s", name, help.String())
		}
	}
}

func TestPodNamespace(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	file := filepath.Join(t.TempDir(), "namespace")
	if got := podNamespace(file); got != "" {
		t.Errorf("outside of a Pod: got %q", got)
	}
	if err := os.WriteFile(file, []byte("operator\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := podNamespace(file); got != "operator" {
		t.Errorf("in a Pod: got %q", got)
	}
}

func TestSelector(t *testing.T) {
	for selector, want := range map[string]bool{"": true, "shard!=b": true, "shard=a": true, "shard=b": false} {
		args := []string{"--operator-namespace=o"}
		if selector != "" {
			args = append(args, "--connection-selector="+selector)
		}
		o, err := parse(args, io.Discard)
		if err != nil || o.connections.Matches(labels.Set{"shard": "a"}) != want {
			t.Errorf("--connection-selector=%s: want %t for a connection with shard=a, got %v, %v", selector, want, o.connections, err)
		}
	}
}

func TestSaveMemory(t *testing.T) {
	cases := map[string]struct {
		reason, given string
		want          int
	}{
		"Usual":  {"Nobody has a wish.", "", gcPercent},
		"Pace":   {"Whoever sets the pace has it.", "GOGC", 0},
		"Limit":  {"A limit of the memory sets the pace as well.", "GOMEMLIMIT", 0},
		"Others": {"Other variables say nothing of it.", "GODEBUG", gcPercent},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := 0
			saveMemory(func(name string) (string, bool) { return "", name == tc.given }, func(percent int) int {
				got = percent
				return 100
			})
			if got != tc.want {
				t.Errorf("%s\nwant %d, got %d", tc.reason, tc.want, got)
			}
		})
	}
}

// TestRunbookOfARelease: a released build links to the runbook of its own version.
func TestRunbookOfARelease(t *testing.T) {
	t.Cleanup(func() { release = "" })
	release = "v1.2.3"
	o, err := parse([]string{"--operator-namespace=operator"}, io.Discard)
	if err != nil || !strings.Contains(o.runbook, "/blob/v1.2.3/") {
		t.Errorf("want a link to v1.2.3, got %q (%v)", o.runbook, err)
	}
}
