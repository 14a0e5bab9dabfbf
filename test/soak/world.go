package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

const (
	tokens, targets, grants = 10, 12, 60

	// central is the ClusterAstroConnection, and office the operator's namespace.
	central, office = "central", "soak-office"
)

// teams are the namespaces. Those with a connection of their own use that, the last one the central connection.
var teams = []string{"soak-a", "soak-b", "soak-c"}

// world is what the operator lives in.
type world struct {
	options

	cluster *environment.Environment
	kube    client.Client
	sim     *astrosim.Sim
	random  *rand.Rand
	ahead   atomic.Int64 // by how much the operator's time is ahead
	stop    func()

	org       string
	operators map[string]string // the credential's token of each namespace
	tokens    []string          // ids; token i is named ci-i
	targets   []target
	grants    []*grant
	guests    map[string]bool               // Workspaces that are or were there for a round
	undo      []func(context.Context) error // what brings home what the last round left behind
	replaced  map[int]int                   // tokens that were made again, by round
	ledger    *ledger

	round, acted, serial int
	counts               map[string]int // of what happened
}

// target is a Deployment in a Workspace, or a Workspace.
type target struct {
	id, workspace, name string
}

func (t target) isWorkspace() bool { return t.workspace == "" }

// grant is a role that somebody declares, by one binding after the other.
type grant struct {
	namespace, name string
	token, target   int
	role            string
	busy            bool // something is being done to it until the next round
}

func newWorld(ctx context.Context, o options) (*world, error) {
	w := &world{
		options: o, random: rand.New(rand.NewPCG(o.seed, 0x50a7)), ledger: newLedger(), counts: map[string]int{}, operators: map[string]string{},
		guests: map[string]bool{}, replaced: map[int]int{},
	}
	w.sim = astrosim.New(astrosim.Options{Seed: o.seed, Now: w.now})
	if _, err := w.sim.Start(); err != nil {
		return nil, err
	}
	w.seedAstro()
	var err error
	if w.cluster, err = environment.Start(); err != nil {
		w.sim.Close()
		return nil, err
	}
	if w.kube, err = client.New(w.cluster.Config, client.Options{Scheme: scheme}); err == nil {
		err = w.populate(ctx)
	}
	if err == nil {
		err = w.start()
	}
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// close ends what the world runs.
func (w *world) close() {
	if w.stop != nil {
		w.stop()
	}
	w.sim.Close()
	if err := w.cluster.Stop(); err != nil {
		w.printf("# stop the API server: %v", err)
	}
}

// printf prints a line.
func (w *world) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, format+"\n", args...)
}

// now is the operator's time, and Astro's.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// seedAstro fills Astro.
func (w *world) seedAstro() {
	w.org = w.sim.AddOrganization("Acme")
	for _, namespace := range append([]string{office}, teams[:2]...) {
		w.operators[namespace] = w.sim.AddOrganizationToken(w.org, "operator-"+namespace, "ORGANIZATION_OWNER", astrosim.ExpiresInDays(90))
	}
	for i := range tokens {
		w.tokens = append(w.tokens, w.sim.AddOrganizationToken(w.org, fmt.Sprintf("ci-%d", i), "ORGANIZATION_MEMBER", astrosim.ExpiresInDays(20*i)))
	}
	for i := range targets {
		if i%3 == 0 {
			name := fmt.Sprintf("ws-%d", i)
			w.targets = append(w.targets, target{id: w.sim.AddWorkspace(w.org, name), name: name})
			continue
		}
		t := target{workspace: w.targets[i-i%3].id, name: fmt.Sprintf("d-%d", i)}
		t.id = w.sim.AddDeployment(t.workspace, t.name)
		w.targets = append(w.targets, t)
	}
	w.sim.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
	w.ahead.Add(int64(time.Minute)) // all of that was there before
}

// populate fills the cluster.
func (w *world) populate(ctx context.Context) error {
	for _, namespace := range append([]string{office}, teams...) {
		if err := w.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			return err
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(w.operators)) {
		if err := w.kube.Create(ctx, builders.Secret(namespace, builders.SecretName, w.sim.Credential(w.operators[namespace]))); err != nil {
			return err
		}
	}
	objects := []client.Object{w.connection(central).Allow(builders.AllowAll(teams[2])).Cluster()}
	for _, namespace := range teams[:2] {
		objects = append(objects, w.connection(builders.ConnectionName).In(namespace).Object())
	}
	for _, o := range objects {
		if err := w.kube.Create(ctx, o); err != nil {
			return err
		}
	}
	return w.declareAll(ctx)
}

// declareAll makes the grants, each on a place of its own, and an inventory.
func (w *world) declareAll(ctx context.Context) error {
	for i := range grants {
		g := &grant{namespace: teams[i%len(teams)], token: i % tokens, target: (i + i/tokens) % targets}
		g.role = w.roleFor(g.target)
		w.grants = append(w.grants, g)
		if err := w.declare(ctx, g); err != nil {
			return err
		}
	}
	return w.kube.Create(ctx, w.inventory())
}

// connection is one to this world's Astro that sweeps once a minute.
func (w *world) connection(name string) *builders.ConnectionBuilder {
	return builders.Connection(name).To(w.sim.URL(), w.org).SweepEvery(time.Minute).RateLimit(1000, 1000)
}

func (w *world) host() string { return strings.TrimPrefix(w.sim.URL(), "http://") }

// roleFor draws a role that a target may have.
func (w *world) roleFor(target int) string {
	if w.targets[target].isWorkspace() {
		return pick(w, []string{"WORKSPACE_MEMBER", "WORKSPACE_AUTHOR", "WORKSPACE_OPERATOR", "WORKSPACE_OWNER"})
	}
	return pick(w, []string{"DEPLOYMENT_ADMIN", "Deploy Only"})
}

func pick[T any](w *world, of []T) T { return of[w.random.IntN(len(of))] }

// named is a name that no object ever had, so that what is kept by name shows.
func (w *world) named(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s-%d", prefix, w.serial)
}

// binding is the grant as a user writes it: the token by name or by id.
func (w *world) binding(g *grant) *v1alpha1.ScopedTokenBinding {
	b := builders.Binding(g.name).In(g.namespace).WithRole(g.role)
	if g.namespace == teams[2] {
		b.ThroughCluster(central)
	}
	if g.token%2 == 0 {
		b.ForToken(fmt.Sprintf("ci-%d", g.token))
	} else {
		b.ForTokenID(w.tokens[g.token])
	}
	t := w.targets[g.target]
	if t.isWorkspace() {
		b.OnWorkspace(t.id)
	} else {
		b.OnDeploymentNamed(t.workspace, t.name)
	}
	return b.Object()
}
