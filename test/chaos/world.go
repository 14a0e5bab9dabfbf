package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// world is one schedule while it runs: an Organization of its own, the users' objects, and what the gates have seen.
type world struct {
	ctx        context.Context
	abort      context.CancelCauseFunc // for trouble that tells nothing of the operator
	plan       plan
	lane       *lane
	sim        *astrosim.Sim
	operator   *operator
	history    *history
	tally      *figures
	kube       client.Client
	failpoints *failpoints
	writes     *writes
	activity   *activity
	facts      *facts
	departures *departures
	oracle     *oracle

	org         string
	owner       string // the token of whoever else writes to Astro
	credentials []string

	mu              sync.Mutex
	entities        []*entity
	tokens          []*entity
	secrets         []string                              // every secret that the operator ever worked with
	namespaceLabels map[string]string                     // the label of each namespace
	observing       map[v1alpha1.ConnectionKind]time.Time // since when a connection has said that it observes
	ending          bool                                  // everything is deleted
	hidden          time.Time                             // until then nothing else may be hidden
	found           []problem
	acts            atomic.Int64 // of users
	swept           bool         // at this quiet point a sweep was asked for a second time
}

// entity is a token, Workspace or Deployment, and what it was.
type entity struct {
	kind      string // TOKEN, or as Astro calls it
	id        string
	name      string
	names     []string // all that it ever had
	scope     string   // of a token
	home      string   // of a token
	workspace string   // of a Deployment
	gone      bool
}

// problem is a promise that was broken.
type problem struct {
	kind promise
	text string
}

// String is the problem in words.
func (p problem) String() string { return string(p.kind) + ": " + p.text }

func (l *lane) newWorld(ctx context.Context, p plan) *world {
	ctx, abort := context.WithCancelCause(ctx)
	w := &world{
		ctx: ctx, abort: abort, plan: p, lane: l, history: newHistory(), tally: l.figures, kube: l.kube,
		failpoints: &failpoints{}, writes: newWrites(), activity: &activity{}, facts: newFacts(), departures: newDepartures(), namespaceLabels: map[string]string{},
		observing: map[v1alpha1.ConnectionKind]time.Time{},
	}
	w.sim = astrosim.New(astrosim.Options{Seed: p.seed, Latency: p.latency, Limits: p.limits})
	w.oracle = newOracle(w)
	for name, choice := range p.switches {
		if err := w.sim.SetBehaviour(name, choice); err != nil {
			panic(err)
		}
	}
	w.seedAstro()
	return w
}

// crowd is more tokens than fit on one page of a listing.
const crowd = 1010

// seedAstro fills Astro.
func (w *world) seedAstro() {
	s, p := w.sim, w.plan
	w.org = s.AddOrganization("Acme")
	w.history.alias(w.org, "ORG")
	for i := range p.workspaces {
		w.addWorkspace(fmt.Sprintf("ws-%d", i))
	}
	for i := range p.deployments {
		w.addDeployment(w.entities[i%p.workspaces], pick(draw{newRand(p.seed, uint64(i))}, "etl", "etl-2", "ETL", "models"))
	}
	s.AddCustomRole(w.org, "Deploy Only", "DEPLOYMENT")
	s.AddCustomRole(w.org, "Restricted", "DEPLOYMENT", astrosim.RestrictedTo(w.entities[0].id))
	w.addCredential("operator-0")
	if !p.sameCredential {
		w.addCredential("operator-1")
	}
	w.owner = s.AddOrganizationToken(w.org, "somebody", "ORGANIZATION_OWNER")
	w.history.alias(w.owner, "SOMEBODY")
	for i := range p.tokens {
		name := fmt.Sprintf("ci-%d", i)
		if p.twins && i == 1 {
			name = "ci-0"
		}
		w.addToken(name, "")
	}
	for i := 0; p.crowd && i < crowd; i++ {
		s.AddOrganizationToken(w.org, fmt.Sprintf("extra-%d", i), "ORGANIZATION_MEMBER")
	}
	for i := range p.workspaceTokens {
		w.addToken(fmt.Sprintf("ws-ci-%d", i), w.entities[i%p.workspaces].id)
	}
}

func (w *world) addCredential(name string) {
	id := w.sim.AddOrganizationToken(w.org, name, "ORGANIZATION_OWNER")
	w.history.alias(id, strings.ToUpper(name))
	w.credentials = append(w.credentials, id)
	w.secrets = append(w.secrets, w.sim.Credential(id))
}

func (w *world) addWorkspace(name string) {
	e := &entity{kind: astrosim.TypeWorkspace, id: w.sim.AddWorkspace(w.org, name), name: name, names: []string{name}}
	w.addEntity(e)
}

// entityByID is a Workspace or Deployment, nil if there never was one. The caller holds the lock.
func (w *world) entityByID(id string) *entity {
	i := slices.IndexFunc(w.entities, func(e *entity) bool { return e.id == id })
	if i < 0 {
		return nil
	}
	return w.entities[i]
}

func (w *world) addDeployment(workspace *entity, name string) {
	e := &entity{
		kind: astrosim.TypeDeployment, id: w.sim.AddDeployment(workspace.id, name), name: name, names: []string{name}, workspace: workspace.id,
	}
	w.addEntity(e)
}

// addEntity remembers a Workspace or Deployment that was just made. The caller holds the lock, once others are at work.
func (w *world) addEntity(e *entity) {
	w.entities = append(w.entities, e)
	w.history.alias(e.id, fmt.Sprintf("%s#%d(%s)", strings.ToLower(e.kind), len(w.entities), e.name))
}

// addToken makes an Organization token, or one of the home Workspace.
func (w *world) addToken(name, home string) {
	e := &entity{kind: "TOKEN", name: name, names: []string{name}, home: home, scope: astrosim.TypeOrganization}
	if home == "" {
		e.id, e.home = w.sim.AddOrganizationToken(w.org, name, "ORGANIZATION_MEMBER"), w.org
	} else {
		e.id, e.scope = w.sim.AddWorkspaceToken(home, name, "WORKSPACE_MEMBER"), astrosim.TypeWorkspace
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, e)
	w.history.alias(e.id, fmt.Sprintf("token#%d(%s)", len(w.tokens), name))
	w.history.notef("astro", "token %s made: %s", e.id, name)
}

// token is the one of a number, whatever became of it.
func (w *world) token(n int) *entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokens[n%len(w.tokens)]
}

// entity is the Workspace or Deployment of a number, whatever became of it.
func (w *world) entity(n int) *entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entities[n%len(w.entities)]
}

// find is the entity or token of an id, nil if there never was one.
func (w *world) find(id string) *entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range slices.Concat(w.entities, w.tokens) {
		if e.id == id {
			return e
		}
	}
	return nil
}

func (w *world) isOperators(secret string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.secrets, secret)
}

func (w *world) isCredential(token string) bool { return slices.Contains(w.credentials, token) }

// violationf notes a broken promise.
func (w *world) violationf(kind promise, format string, args ...any) {
	p := problem{kind, w.history.withAliases(fmt.Sprintf(format, args...))}
	if kind == needless {
		w.history.notef("needless", "%s", p.text)
		w.tally.add(string(needless), 1)
		return
	}
	w.history.notef("BROKEN", "%s", p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, p)
}

func (w *world) problems() []problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.found)
}

// killAt kills the operator at a failpoint.
func (w *world) killAt(what, where string) {
	w.operator.kill(killPause(w.plan.seed, len(what)), fmt.Sprintf("%s %s", where, what))
}

func killPause(seed uint64, n int) time.Duration {
	return draw{newRand(seed, uint64(n))}.upTo(60 * time.Millisecond)
}

// scanSecrets looks for credentials where none may be.
func (w *world) scanSecrets(where, text string) {
	w.mu.Lock()
	secrets := slices.Clone(w.secrets)
	w.mu.Unlock()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			w.violationf(secret, "%s holds a credential", where)
		}
	}
}

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
