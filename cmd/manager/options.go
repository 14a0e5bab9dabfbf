package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// namespaceFile is where Kubernetes tells a Pod its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// options are what the operator is told when it is started.
type options struct {
	allowedHosts      []string
	operatorNamespace string
	watchNamespaces   []string
	missing           []string // of those, what did not exist at the start
	secretNamespaces  []string
	labelledSecrets   bool
	selector          string
	connections       labels.Selector // the selector, read
	concurrency       int
	maxListing        int // MiB

	leaderElect                bool
	lease                      string
	metricsAddress, metricsDir string
	metricsSecure, profiles    bool
	probeAddress               string
	runbook                    string
	auditLog                   string

	log     zap.Options
	version bool
	ready   string // of another manager
}

// parse reads the command line, and the environment for what it leaves out.
func parse(args []string, out io.Writer) (options, error) {
	o := options{allowedHosts: []string{"api.astronomer.io"}}
	o.log.StacktraceLevel = zapcore.PanicLevel // an error says where it comes from in its own words
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, and nobody looks for it above forty lines of help
	o.bind(flags)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(out)
		flags.PrintDefaults()
	}
	if err != nil {
		return o, err
	}
	flags.Visit(func(f *flag.Flag) { // what a template left blank would be every connection, beside other instances
		if f.Name == "connection-selector" && strings.TrimSpace(o.selector) == "" {
			err = errors.New("--connection-selector has nothing behind it: write labels, or leave it out to serve every connection")
		}
	})
	if err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.version {
		return o, nil
	}
	if o.ready != "" {
		return o, readyURL(o.ready)
	}
	return o, o.complete()
}

func (o *options) bind(flags *flag.FlagSet) {
	config.RegisterFlags(flags)
	flags.Var(newList(&o.allowedHosts, host), "allowed-api-hosts",
		"hosts of Astro's API to which a credential may be sent: host or host:port, exactly as connections spell them; "+
			"comma-separated, any number of times. Plain http is for loopback only")
	flags.StringVar(&o.operatorNamespace, "operator-namespace", "",
		"namespace of the Secrets of ClusterAstroConnections and of the lease (default: that of the Pod)")
	flags.Var(newList(&o.watchNamespaces, namespace), "watch-namespaces",
		"namespaces to work in; comma-separated, any number of times (default: all)")
	flags.Var(newList(&o.secretNamespaces, namespace), "secret-namespaces",
		"namespaces in which Secrets are watched, so that a new credential is noticed at once and not at the next sweep; "+
			"comma-separated, any number of times (always: the operator's namespace and --watch-namespaces)")
	flags.BoolVar(&o.labelledSecrets, "labelled-secrets", false,
		"use no Secret for a credential but those with the label "+v1alpha1.LabelCredential+"=true")
	flags.StringVar(&o.selector, "connection-selector", "",
		"labels of the connections that this instance serves, such as shard=a or 'shard notin (a,b)'; "+
			"no two instances may select connections to the same Organization (default: all)")
	flags.IntVar(&o.concurrency, "concurrency", 16, "how many tokens are worked on side by side")
	flags.IntVar(&o.maxListing, "max-listing-mib", 48,
		"memory that one listing of Astro's may take up, about 600 bytes a token and 190 a role; a larger one is refused, "+
			"and so is one for which all listings together would take up more than two and a half times as much")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "wait for the lease, so that of several replicas one works")
	flags.StringVar(&o.lease, "leader-election-id", "",
		"name of the lease (default: "+leaseName+"; with --connection-selector none, since each instance needs its own)")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", `address of the metrics, or "0" for none`)
	flags.BoolVar(&o.metricsSecure, "metrics-secure", true,
		"serve metrics over https, to whom the API server lets get /metrics; false: over http, to everybody")
	flags.BoolVar(&o.profiles, "profiles", false,
		"serve profiles at /debug/pprof/ beside the metrics, to whom the API server lets get that; without --metrics-secure on loopback only")
	flags.StringVar(&o.metricsDir, "metrics-cert-dir", "", "folder with tls.crt and tls.key for the metrics (default: a certificate of its own)")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", `address of /healthz and /readyz, or "0" for none`)
	flags.StringVar(&o.runbook, "runbook-url", runbook.URL(release), "where warnings link to, by their reason; empty: no link")
	flags.StringVar(&o.auditLog, "audit-log", audit.Stdout,
		"where a line of JSON goes for each role that is changed or let go: stdout, stderr, or a file, to whose end it is written")
	flags.BoolVar(&o.version, "version", false, "print the version and end")
	flags.StringVar(&o.ready, "check-ready", "",
		"ask the manager whose /readyz has this URL whether it is ready, for half a minute, and end: with 0 if it is")
	o.log.BindFlags(flags)
}

// complete fills in what the environment tells, and refuses what cannot work.
func (o *options) complete() error {
	if o.maxListing < 1 {
		return fmt.Errorf("--max-listing-mib=%d: it takes at least 1", o.maxListing)
	}
	if o.concurrency < 1 {
		return fmt.Errorf("--concurrency=%d: it takes at least 1", o.concurrency)
	}
	if o.auditLog != audit.Stdout && o.auditLog != audit.Stderr && !strings.Contains(o.auditLog, "/") {
		return fmt.Errorf("--audit-log=%q: it takes stdout, stderr, or a file with its folder, such as ./audit.log, and cannot be turned off", o.auditLog)
	}
	if o.profiles && !o.metricsSecure && !onLoopback(o.metricsAddress) {
		return fmt.Errorf("--profiles: at %s without --metrics-secure everybody could have them, and what is in memory with them; "+
			"leave --metrics-secure on, or serve on loopback", o.metricsAddress)
	}
	if o.operatorNamespace == "" {
		o.operatorNamespace = podNamespace(namespaceFile)
	}
	if o.operatorNamespace == "" {
		return errors.New("the operator's namespace is not known: outside of a Pod, say it with --operator-namespace or POD_NAMESPACE")
	}
	if err := namespace(o.operatorNamespace); err != nil {
		return fmt.Errorf("the operator's namespace: %w", err)
	}
	return o.completeSelector()
}

// completeSelector reads which connections this instance serves. Its lease is named by hand: a name that followed from
// the selector would change with it, and the replica that a rollout starts would not wait for the one that it replaces.
func (o *options) completeSelector() error {
	var err error
	if o.connections, err = labels.Parse(o.selector); err != nil {
		return fmt.Errorf("--connection-selector=%q: %w", o.selector, err)
	}
	if o.lease == "" && o.leaderElect && o.selector != "" {
		return fmt.Errorf("with --connection-selector, say --leader-election-id as well: a name of its own for each instance; "+
			"an instance that had no selector before keeps %s", leaseName)
	}
	if o.lease == "" {
		o.lease = leaseName
	}
	if faults := validation.IsDNS1123Subdomain(o.lease); len(faults) > 0 {
		return fmt.Errorf("--leader-election-id=%q is not a name for a lease: %s", o.lease, faults[0])
	}
	return nil
}

// onLoopback reports whether an address is reached from this machine alone.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// podNamespace is the namespace of the Pod this runs in, "" outside of one.
func podNamespace(file string) string {
	if n := os.Getenv("POD_NAMESPACE"); n != "" {
		return n
	}
	data, err := os.ReadFile(file) //nolint:gosec // only a test names another file
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// host refuses what no connection's URL could have for its host, so that a mistake shows at the start and not as a
// connection that is never allowed.
func host(text string) error {
	u, err := ref.ParseURL("https://" + text)
	if err != nil || u.Host != text || strings.ToLower(text) != text || strings.ContainsAny(text, "*@ ") {
		return fmt.Errorf("%q is not a host: write it in lower case, without scheme, path or wildcard, such as api.astronomer.io or localhost:8099", text)
	}
	if u.Port() == "443" || strings.HasSuffix(u.Hostname(), ".") {
		return fmt.Errorf("%q is not how a connection may spell a host: leave out :443, and a dot at the end", text)
	}
	return nil
}

func namespace(text string) error {
	if faults := validation.IsDNS1123Label(text); len(faults) > 0 {
		return fmt.Errorf("%q is not the name of a namespace: %s", text, faults[0])
	}
	return nil
}
