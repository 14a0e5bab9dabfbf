package token

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/internal/admission"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings/status,verbs=patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections,verbs=get;list;watch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=get;list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",namespace=system,resources=configmaps,verbs=get;list;create;update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role

// Reconciler makes one token at a time hold what its bindings declare.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // never a cache
	Registry *connection.Registry
	Recorder events.EventRecorder
	Audit    *audit.Trail
	Clock    func() time.Time
	// Namespaces are those whose bindings it sees; all if there is none.
	Namespaces []string

	opened    atomic.Pointer[journal.Journal] // the write-ahead log of claims, once this replica leads
	led       atomic.Pointer[time.Time]       // since when
	memory    *memory
	ownWrites *ownWrites
	orphans   *orphans
	pace      *pace
	handed    *handed
	line      *line
	ahead     *ahead
	shares    shares
	patience  patience
	looks     looks
	refusals  refusal.Told
	found     chan event.TypedGenericEvent[finding]

	begun time.Time // when the operator began, as the API server's times tell it, which know no parts of a second
}

// shares are what each namespace has of what all need.
type shares struct {
	edits, reads *quota.Quota
	requests     *requests
}

// journal is the write-ahead log of claims. No worker begins before it is open.
func (r *Reconciler) journal() *journal.Journal { return r.opened.Load() }

// leads is since when this replica leads. A write of the one before may arrive for some seconds after.
func (r *Reconciler) leads() time.Time { return *r.led.Load() }

// Unfinished implements connection.Work. Before the journal is open there may be something.
func (r *Reconciler) Unfinished(k connection.Key) int {
	j := r.journal()
	if j == nil {
		return 1
	}
	counted := map[types.UID]bool{}
	for _, uid := range r.orphans.needing(k) {
		counted[uid] = true
	}
	return len(counted) + j.Count(func(_ journal.TokenKey, e journal.Entry) bool {
		return !counted[e.UID] && connection.KeyFor(e.Namespace, connectionRef(e)) == k
	})
}

// Warnings implements connection.Work: that new roles wait because the journal cannot be written, that somebody else writes
// it, and that bindings went unseen.
func (r *Reconciler) Warnings(k connection.Key) (all []string) {
	if j := r.journal(); j != nil && j.Err() != nil {
		all = append(all, fmt.Sprintf("new roles may have to wait: %v", j.Err()))
	}
	if n := r.orphans.unseenOf(k); n > 0 {
		all = append(all, fmt.Sprintf("%d binding(s) with a claim were deleted while the operator could not watch; their roles may be left in Astro", n))
	}
	return all
}

// Leaving counts, by namespace, the bindings that are gone without having been let go and whose roles wait to be revoked through
// the connection.
func (r *Reconciler) Leaving(k connection.Key) map[string]int { return r.orphans.leaving(k) }

// line is where tokens wait for a credential.
type line = admission.Line[TokenKey, credential]

// credential is an API token of Astro, with which one connection or several work.
type credential struct{ host, token string }

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

// What each namespace may have of the operator before those go first that have asked for less. What is beyond it is not
// refused: it waits.
const (
	// Edits that go ahead of everything else. A few hundred objects of one commit use the share up and are no slower for it,
	// as long as nobody else asks for anything.
	editsPerSecond, editBurst = 10, 100
	// Reads of tokens that the listing does not show. Of the others a listing of the last seconds says as well that they are
	// not there, and is shared by all.
	readsPerSecond, readBurst = 1, 20
)
