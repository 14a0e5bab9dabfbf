package token

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings,verbs=list;watch;patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=scopedtokenbindings/status,verbs=patch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections,verbs=list;watch
// +kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch,roleName=manager-cluster-role
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role

// Reconciler makes one token at a time hold what its bindings declare.
type Reconciler struct {
	Client   client.Client
	Registry *connection.Registry
	Recorder events.EventRecorder
	Clock    func() time.Time

	memory  *memory
	echoes  *echoes
	ghosts  *ghosts
	turns   *turns
	lines   *lines
	patches patches
	events  *rate.Limiter
	found   chan event.TypedGenericEvent[finding]

	begun time.Time // when the operator began, as the API server's times tell it, which know no parts of a second
}

// Reconcile works on one key. It never returns a terminal error: what is wrong with one binding shows on that binding.
func (r *Reconciler) Reconcile(ctx context.Context, key TokenKey) (reconcile.Result, error) {
	r.turns.begin(key)
	g, err := r.load(ctx, key)
	if err != nil {
		return reconcile.Result{}, err
	}
	if wait, behind := r.echoes.awaited(g); behind {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	g.own()
	defer func() { r.call(ctx, r.lines.leave(key)) }()
	// A token that is only spelled so far has no members yet, and keeps the place that it was promised until it has.
	if len(g.members) > 0 && !r.admit(ctx, g) {
		return reconcile.Result{}, nil
	}
	switch {
	case key.Token != "":
		err = r.reconcileToken(ctx, g)
	case key.Spelling.Name != "":
		r.reconcileSpelling(ctx, g)
	default:
		r.reconcileUnconnected(g)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	r.sendOn(ctx, g)
	r.report(ctx, g)
	if !g.postponed {
		r.turns.served(key)
	}
	return g.outcome.result()
}

// reconcileToken works on all bindings of one token.
func (r *Reconciler) reconcileToken(ctx context.Context, g *group) error {
	r.look(ctx, g)
	r.agreeOnName(ctx, g)
	nobody := len(g.members) == 0
	if err := r.loadSpelled(ctx, g); err != nil {
		return err
	}
	if len(g.members) == 0 {
		r.memory.forget(g.key)
		return nil
	}
	if wait, behind := r.echoes.awaited(g); behind {
		g.members, g.postponed = nil, true
		g.outcome.after(wait)
		return nil
	}
	g.own()
	if !r.admit(ctx, g) {
		return nil
	}
	if nobody && g.presence == unseen {
		r.look(ctx, g) // through the connections of those who were found by its name
	}
	r.findBlind(ctx, g)
	r.classify(ctx, g)
	r.demote(ctx, g)
	r.move(ctx, g)
	if g.presence == present {
		r.settle(ctx, g)
		r.wakeAtExpiry(g)
	}
	return nil
}

// wakeAtExpiry asks for another look when the token expires, which no listing shows as a change.
func (r *Reconciler) wakeAtExpiry(g *group) {
	if g.token.EndAt != nil {
		g.outcome.after(g.token.EndAt.Sub(r.Clock()))
	}
}

// reconcileUnconnected says of bindings whose connection does not exist that it does not.
func (r *Reconciler) reconcileUnconnected(g *group) {
	for _, m := range g.members {
		if !m.leaving() {
			m.fault = g.unreachable(m)
		} else {
			m.class, m.fault = r.judgeUnheld(m)
		}
	}
}

// judgeUnheld classifies a member that is being deleted and holds no claim that could be read.
func (r *Reconciler) judgeUnheld(m *member) (roleset.Class, *fault) {
	return r.judgeLeaver(context.Background(), &group{}, m)
}

// connectionObject reads a connection from the cache; nil if there is none.
func (r *Reconciler) connectionObject(ctx context.Context, key connection.Key) (v1alpha1.Connection, error) {
	var object interface {
		v1alpha1.Connection
		client.Object
	} = &v1alpha1.AstroConnection{}
	if key.Kind == v1alpha1.KindClusterAstroConnection {
		object = &v1alpha1.ClusterAstroConnection{}
	}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name}, object)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // no connection is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key.Words(), err)
	}
	return object, nil
}
