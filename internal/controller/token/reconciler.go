package token

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	admit "github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings/status,verbs=patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections,verbs=list;watch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=get;list;create;update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role

// Reconciler makes one token at a time hold what its bindings declare.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // never a cache
	Registry *connection.Registry
	Recorder events.EventRecorder
	Clock    func() time.Time

	opened    atomic.Pointer[journal.Journal] // the write-ahead log of claims, once this replica leads
	led       atomic.Pointer[time.Time]       // since when
	memory    *memory
	ownWrites *ownWrites
	orphans   *orphans
	admission *admission
	events    *rate.Limiter
	found     chan event.TypedGenericEvent[finding]

	begun time.Time // when the operator began, as the API server's times tell it, which know no parts of a second
}

// journal is the write-ahead log of claims. No worker begins before it is open.
func (r *Reconciler) journal() *journal.Journal { return r.opened.Load() }

// leads is since when this replica leads. A write of the one before may arrive for some seconds after.
func (r *Reconciler) leads() time.Time { return *r.led.Load() }

// memory is what is remembered of each token between reconciles: refusals, contentions, and who may write it. The work
// queue sees to it that one reconcile at a time works on a token, so each replaces the memory as a whole.
type memory struct {
	mu     sync.Mutex
	tokens map[TokenKey]decision.Memory
}

func newMemory() *memory { return &memory{tokens: map[TokenKey]decision.Memory{}} }

func (m *memory) of(key TokenKey) decision.Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens[key]
}

func (m *memory) keep(key TokenKey, now decision.Memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Empty() {
		delete(m.tokens, key)
		return
	}
	m.tokens[key] = now
}

// forget drops what is remembered of a token that no binding speaks of any more.
func (m *memory) forget(key TokenKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.tokens, key)
}

// kubernetesWrites is how many patches are under way at a time, for all tokens together. More only queue up in the API
// server. Those for which a user waits have as many places of their own.
const kubernetesWrites = 24

// admission says when it is a token's turn: in the work queue (fairness), for a worker (slots), and for a patch.
type admission struct {
	*admit.Fairness[TokenKey]
	*admit.Slots[TokenKey, connection.Key]

	usual, urgent chan struct{} // places for patches under way
}

func newAdmission(places int) *admission {
	return &admission{
		Fairness: admit.NewFairness[TokenKey](), Slots: admit.NewSlots[TokenKey, connection.Key](places),
		usual: make(chan struct{}, kubernetesWrites), urgent: make(chan struct{}, kubernetesWrites),
	}
}

// patch waits for a place for a patch, and returns what gives it back.
func (a *admission) patch(urgent bool) func() {
	places := a.usual
	if urgent {
		places = a.urgent
	}
	places <- struct{}{}
	return func() { <-places }
}
