package connection

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/measure"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// reconciler serves one kind of connection.
type reconciler struct {
	dependencies

	kind      v1alpha1.ConnectionKind
	empty     func() v1alpha1.Connection
	emptyList func() client.ObjectList
	places    *quota.Places[Key]
	requests  *quota.Quota // for a look at Astro at once
	proofs    *quota.Quota // of credentials that replace another one
	memories  memories
	refusals  refusal.Told
}

// Connections, and what their finalizer and status need. What is of the whole cluster is in a role of its own, which an
// installation that is confined to namespaces still needs; events about a ClusterAstroConnection go to namespace default.
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections,verbs=list;watch;patch
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections/status,verbs=patch
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=list;watch;patch,roleName=manager-cluster-role
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections/status,verbs=patch,roleName=manager-cluster-role
//+kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role
//
// Secrets are read one at a time; the watch asks for their metadata only. Those of ClusterAstroConnections are in the
// operator's namespace. Elsewhere a RoleBinding of config/rbac/credential_reader_role.yaml lets the operator read them.
//+kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch,namespace=system
//
// Who uses the connections.
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings,verbs=list;watch
//+kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch,roleName=manager-cluster-role

// Reconcile looks at a connection once there is a place for it. One that another instance serves is dropped as if it were gone.
func (r *reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	key, c := Key{Kind: r.kind, Namespace: req.Namespace, Name: req.Name}, r.empty()
	err := r.Client.Get(ctx, req.NamespacedName, c)
	if apierrors.IsNotFound(err) || (err == nil && !r.Registry.Serves(c)) {
		r.gone(key)
		r.places.Leave(key.Namespace, key)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("get %s: %w", key, err)
	}
	if !r.places.Take(key.Namespace, key) {
		return reconcile.Result{}, nil
	}
	defer r.places.Leave(key.Namespace, key)
	return r.reconcile(ctx, key, c)
}

// reconcile proves the credential, sweeps if that is due, tells the other controllers what differs, and reports.
func (r *reconciler) reconcile(ctx context.Context, key Key, c v1alpha1.Connection) (reconcile.Result, error) {
	err := r.keep(ctx, c)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: overtaken}, nil
	}
	refused := refusedFinalizer(c, err)
	if err != nil && refused == nil {
		return reconcile.Result{}, err
	}
	m := r.recall(key, c)
	m.finalizer = refused
	if err := r.look(ctx, key, c, m); err != nil {
		return reconcile.Result{}, err
	}
	u, err := r.usageOf(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	now := r.Clock()
	m.deletion = m.deletion.after(u, now)
	grace := m.deletion.graceLeft(now)
	released, err := r.release(ctx, c, u, grace)
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: overtaken}, nil
	}
	if err != nil {
		m.finalizer = refusedFinalizer(c, err)
	}
	if m.finalizer == nil && (released || err != nil) {
		return reconcile.Result{}, err
	}
	return r.conclude(ctx, key, c, m, u, grace)
}

// recall is the memory of the connection, with what the connection says of the pace, and whether somebody asks for a look
// at Astro right now. Another object of the same name starts with none: it may be of another Organization, or on another
// host.
func (r *reconciler) recall(key Key, c v1alpha1.Connection) *memory {
	m, now := r.memories.entry(key), r.Clock()
	if m.uid != "" && m.uid != c.GetUID() {
		r.gone(key)
		m = r.memories.entry(key)
	}
	m.uid = c.GetUID()
	begin(key, now)
	m.proof = m.proof.paced(m.listing.interval, intervalOf(c), now)
	m.listing = m.listing.paced(intervalOf(c), now)
	if m.trust.read(c, r.requests, now) {
		m.listing, m.proof = m.listing.due(), m.proof.requested()
	}
	if !c.GetDeletionTimestamp().IsZero() && m.deletion.since.IsZero() {
		m.deletion.since = now
	}
	return m
}

// look asks Astro what has to be asked, and publishes the answer. A connection that has just been proven is published
// before the listing, which others then share.
func (r *reconciler) look(ctx context.Context, key Key, c v1alpha1.Connection, m *memory) error {
	r.Registry.credentials.assume(key, c)
	if err := r.readLimit(ctx, key, c); err != nil {
		return err
	}
	var accepted acceptance
	var found swept
	var err error
	m.proof, accepted, err = r.prove(ctx, c, m.proof, r.proofs)
	if accepted.proven {
		m.trust.pass(m.proof.access, accepted.replaced)
	}
	m.listing = m.listing.after(accepted)
	if err != nil {
		return err
	}
	r.announceEdit(m, r.publish(key, c, m))
	m.proof, m.listing, found, err = r.sweep(ctx, key, m.proof, m.listing)
	if err != nil {
		return err
	}
	if found.Trusted {
		m.trust.handled()
	}
	r.announce(m, r.publish(key, c, m), found)
	return nil
}

// publish puts what is known into the registry.
func (r *reconciler) publish(key Key, c v1alpha1.Connection, m *memory) Handle {
	m.ready = m.updateReady()
	h := Handle{
		Key: key, Host: m.proof.host, Organization: string(c.ConnectionSpec().OrganizationID),
		Ready: m.ready, Deleting: !c.GetDeletionTimestamp().IsZero(),
	}
	h.Object, _ = c.DeepCopyObject().(v1alpha1.Connection)
	if f := m.firstFault(); !m.ready && f != nil {
		h.Reason, h.Message = f.Reason, f.Message
	}
	if a := m.proof.access; a != nil {
		h.SelfID, h.Client, h.Directory, h.OrganizationName = a.identity.TokenID, a.client, a.directory, a.organization.Name
	}
	r.Registry.publish(h)
	return h
}

// announceEdit tells of an edit before the sweep, which may be slow. What becomes of the credential waits for it: with another
// one everything is looked at, and would wait for the same listing.
func (r *reconciler) announceEdit(m *memory, h Handle) {
	if was := m.announced; was != nil && was.Ready == h.Ready && was.SelfID == h.SelfID && was.edited(h) {
		r.announce(m, h, swept{})
	}
}

// announce tells the other controllers what they have to look at.
func (r *reconciler) announce(m *memory, h Handle, found swept) {
	notice := Notice{Connection: h.Key, Tokens: found.Changed, Targets: found.targets, Swept: found.Total > 0}
	if found.First || m.announced == nil || m.announced.differs(h) {
		notice.Tokens, notice.Targets, notice.All = nil, nil, true
	}
	announced := h
	announced.Client, announced.Directory = nil, nil // else what a credential of before has listed would stay in memory
	m.announced = &announced
	r.Registry.subscribers.tell(notice)
}

// overtaken is how long to wait for the cache where somebody else was first to write the object.
const overtaken = 100 * time.Millisecond

// conclude reports, and says when to look again: for one that was kept for the grace that was left before, whatever time the report took.
func (r *reconciler) conclude(ctx context.Context, key Key, c v1alpha1.Connection, m *memory, u usage, grace time.Duration) (reconcile.Result, error) {
	paused := r.resumeRevocations(key, u)
	err := r.report(ctx, c, findings{
		fault: m.firstFault(), ready: m.ready, access: m.proof.access, handledAt: m.trust.handledAt, usage: u, paused: paused,
		warnings: r.Registry.warnings(key),
	})
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: overtaken}, nil
	}
	refused := fault.RefusedByKubernetes(err)
	if err != nil && !refused {
		return reconcile.Result{}, err
	}
	now := r.Clock()
	wake := m.wake(now)
	if refused || m.finalizer != nil {
		r.refusals.TellStatus(ctx, r.Recorder, c, c.ConnectionStatus().Conditions, err, now)
		wake = min(wake, refusal.Again)
	}
	if grace > 0 && len(u.holders) == 0 {
		wake = min(wake, grace)
		if u.unfinished > 0 {
			wake = min(wake, unfinishedPoll)
		}
	} else if paused.any() && paused.idle {
		wake = min(wake, pauseAtLeast)
	}
	return reconcile.Result{RequeueAfter: wake}, nil
}

// gone forgets a connection.
func (r *reconciler) gone(key Key) {
	if m := r.memories.forget(key); m != nil {
		r.giveUp(key, m.proof.host, m.proof.access)
	}
	measure.Connections.End(key)
	if r.Registry.remove(key) {
		r.Registry.subscribers.tell(Notice{Connection: key, All: true})
	}
}
