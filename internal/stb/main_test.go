package stb

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var update = flag.Bool("update", false, "write what the commands print to testdata")

var (
	env  *environment.Environment
	kube client.Client
)

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetLogger(logr.Discard())
	os.Exit(withEnvironment(m.Run))
}

func withEnvironment(run func() int) int {
	var err error
	if env, err = environment.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer env.Stop()
	if kube, err = client.New(env.Config, client.Options{Scheme: scheme}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// Ids of what is in Astro in these tests.
const (
	orgID     = "clorg0000000000000000acme"
	dataID    = "clws00000000000000000data"
	scienceID = "clws0000000000000000scien"
	etlID     = "clde00000000000000000petl"
	reportsID = "clde00000000000000reports"
	modelsID  = "clde000000000000000models"
	selfID    = "cltk0000000000000operator"
	ciID      = "cltk0000000000000000000ci"
	metricsID = "cltk000000000000000metric"
)

var today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a namespace with the AstroConnection "acme", and an Astro to which that leads. Nothing runs in it.
type world struct {
	*testing.T

	sim       *astrosim.Sim
	namespace string
	environ   map[string]string
	kube      string // the kubeconfig
	stdin     *bytes.Buffer
}

var worlds atomic.Int64

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		T: t, sim: astrosim.Serve(t, astrosim.Options{}), namespace: fmt.Sprintf("stb-%d", worlds.Add(1)),
		environ: map[string]string{}, kube: env.Kubeconfig,
	}
	made := astrosim.CreatedAt(today.AddDate(-1, 0, 0))
	w.sim.AddOrganization("Acme", astrosim.ID(orgID))
	w.sim.AddWorkspace(orgID, "data", astrosim.ID(dataID))
	w.sim.AddWorkspace(orgID, "science", astrosim.ID(scienceID))
	w.sim.AddDeployment(dataID, "prod-etl", astrosim.ID(etlID))
	w.sim.AddDeployment(dataID, "reports", astrosim.ID(reportsID))
	w.sim.AddDeployment(scienceID, "models", astrosim.ID(modelsID))
	w.sim.AddCustomRole(orgID, "Deploy Only", "DEPLOYMENT")
	w.sim.AddOrganizationToken(orgID, "operator", "ORGANIZATION_OWNER", astrosim.ID(selfID), made)
	w.sim.AddOrganizationToken(orgID, "CI deployer", "ORGANIZATION_MEMBER", astrosim.ID(ciID), made,
		astrosim.Description("deploys from main"), astrosim.Expires(today.AddDate(0, 0, 20).In(time.UTC)), astrosim.Roles(
			astrosim.WorkspaceRole(dataID, "WORKSPACE_MEMBER"), astrosim.DeploymentRole(etlID, "Deploy Only"),
			astrosim.DeploymentRole(modelsID, "DEPLOYMENT_ADMIN"), astrosim.DAGRole(etlID, "load", "DAG_AUTHOR")))
	w.sim.AddWorkspaceToken(dataID, "airflow-metrics", "WORKSPACE_MEMBER", astrosim.ID(metricsID), made,
		astrosim.Roles(astrosim.DeploymentRole(etlID, "DEPLOYMENT_ADMIN")))
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}},
		builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(selfID)),
		builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).In(w.namespace).Object())
	return w
}

func (w *world) create(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		if err := kube.Create(w.Context(), o); err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() { kube.Delete(context.Background(), o) })
	}
}

// declare makes a binding as the operator has left it: with its claim, or only looking.
func (w *world) declare(b *v1alpha1.ScopedTokenBinding, token, target string) {
	w.Helper()
	b.Namespace = w.namespace
	w.create(b)
	accepted := metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, LastTransitionTime: metav1.NewTime(today),
	}
	b.Status = v1alpha1.ScopedTokenBindingStatus{ObservedGeneration: b.Generation, OrganizationID: orgID, Conditions: []metav1.Condition{accepted}}
	b.Status.Token.ID, b.Status.Target.ID, b.Status.Target.Kind, b.Status.Role = token, target, b.Spec.Target.Kind, b.Spec.Role
	if b.Spec.Mode != v1alpha1.ModeObserve {
		b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(today), Host: strings.TrimPrefix(w.sim.URL(), "http://")}
	}
	if err := kube.Status().Update(w.Context(), b); err != nil {
		w.Fatal(err)
	}
}

// answer is what a run of the program printed, and its exit code.
type answer struct {
	out, err string
	code     int
}

func (w *world) lookup(name string) (string, bool) {
	value, set := w.environ[name]
	return value, set
}

func (w *world) run(args ...string) answer {
	w.Helper()
	var out, errOut bytes.Buffer
	in := w.stdin
	if in == nil {
		in = &bytes.Buffer{}
	}
	s := &session{
		IOStreams: genericiooptions.IOStreams{In: in, Out: &out, ErrOut: &errOut}, version: "v1.2.3",
		environ: w.lookup, clock: func() time.Time { return today },
	}
	code := run(w.Context(), append(args, "--kubeconfig", w.kube, "--namespace", w.namespace,
		"--allowed-api-hosts", strings.TrimPrefix(w.sim.URL(), "http://"), "--cache-dir", w.TempDir()), s)
	if n := w.sim.Counts().Writes(); n > 0 {
		w.Errorf("%v wrote to Astro %d times", args, n)
	}
	return answer{out: strings.ReplaceAll(out.String(), w.namespace, "NAMESPACE"), err: strings.ReplaceAll(errOut.String(), w.namespace, "NAMESPACE"), code: code}
}

// prints runs the program, which has to succeed, and compares what it prints with a file in testdata.
func (w *world) prints(file string, args ...string) {
	w.Helper()
	a := w.run(args...)
	if a.code != 0 {
		w.Fatalf("%v: exit code %d\n%s", args, a.code, a.err)
	}
	w.compare(file, a.out)
}

func (w *world) compare(file, got string) {
	w.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		w.Errorf("%s -want +got (-update writes it anew):\n%s", path, diff)
	}
}

// fails runs the program, which has to fail with these words.
func (w *world) fails(words string, args ...string) {
	w.Helper()
	a := w.run(args...)
	if a.code != 1 || !strings.Contains(a.err, words) || a.out != "" {
		w.Errorf("%v: exit code %d, want 1 and an error with %q\n%s%s", args, a.code, words, a.out, a.err)
	}
}
