package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/refusal"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// Reconciler keeps inventories.
type Reconciler struct {
	Client   client.Client
	Registry *connection.Registry
	Recorder events.EventRecorder
	Remover  Remover
	Partial  bool // it does not see the bindings of every namespace

	refusals refusal.Told
	reads    *quota.Quota
	places   *quota.Places[reconcile.Request]
	writes   *quota.Turns[types.NamespacedName] // of statuses
}

// survey is what one reconcile found for an inventory.
type survey struct {
	target  v1alpha1.BoundTarget
	listing *listing
	fault   *fault.Fault
	again   time.Duration // when to look again, 0 if a notice will tell

	removals *removals // nil: as they were told before
	began    time.Time // when the last listing did, to the second
}

//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=targetinventories,verbs=list;watch
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=targetinventories/status,verbs=patch
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=astroconnections;scopedtokenbindings,verbs=list;watch
//+kubebuilder:rbac:groups=astro.scopedtoken.dev,resources=clusterastroconnections,verbs=list;watch,roleName=manager-cluster-role
//+kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch,roleName=manager-cluster-role
//+kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch,roleName=manager-cluster-role

// Reconcile looks at an inventory once there is a place for it.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var i v1alpha1.TargetInventory
	err := r.Client.Get(ctx, req.NamespacedName, &i)
	if apierrors.IsNotFound(err) || (err == nil && !i.DeletionTimestamp.IsZero()) {
		r.places.Leave(req.Namespace, req)
		r.writes.Leave(req.Namespace, req.NamespacedName)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("get TargetInventory %s: %w", req, err)
	}
	if !r.places.Take(req.Namespace, req) {
		return reconcile.Result{}, nil
	}
	defer r.places.Leave(req.Namespace, req)
	s, found, err := r.look(astro.Impatient(ctx, nil), &i)
	if err != nil || !found {
		r.writes.Leave(req.Namespace, req.NamespacedName)
		return reconcile.Result{}, err
	}
	return r.conclude(ctx, &i, s)
}

// look lists the tokens on the target from what the connection's sweep found. Nothing is found while it is not for this instance, or too
// early, to say anything.
func (r *Reconciler) look(ctx context.Context, i *v1alpha1.TargetInventory) (s survey, found bool, err error) {
	key := connection.KeyFor(i.Namespace, i.Spec.ConnectionRef)
	object, err := connection.Find(ctx, r.Client, key)
	if err != nil {
		return survey{}, false, err
	}
	if object == nil {
		return survey{fault: notThere(key)}, r.Registry.Serves(nil), nil
	}
	h, known := r.Registry.Get(key)
	if !known || h.Object.GetUID() != object.GetUID() {
		return survey{}, false, nil // not looked at yet; it will make itself heard
	}
	h.Object = object // its rules count as they are now: its own controller may be busy with a slow sweep
	s, err = r.survey(ctx, i, h)
	return s, true, err
}

// conclude reports, and says when to look again. A status that Kubernetes refuses is tried again at a steady pace, and one whose turn it
// is not yet when it is: it then says what is found by then.
func (r *Reconciler) conclude(ctx context.Context, i *v1alpha1.TargetInventory, s survey) (reconcile.Result, error) {
	switch wait, err := r.report(ctx, i, s); {
	case wait > 0:
		return reconcile.Result{RequeueAfter: wait}, nil
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, nil
	case apierrors.IsConflict(err): // the cache is behind, as a rule by what was written last
		return reconcile.Result{RequeueAfter: time.Second}, nil
	case fault.RefusedByKubernetes(err):
		return reconcile.Result{RequeueAfter: refusal.Again}, nil
	case err != nil:
		return reconcile.Result{}, err
	}
	r.removeDue(ctx, i, s)
	return r.next(s)
}

// next says when to look again. A wait that Astro asked for is kept; any other failure is tried again by the queue.
func (r *Reconciler) next(s survey) (reconcile.Result, error) {
	switch {
	case s.fault == nil || s.fault.Err == nil:
		return reconcile.Result{RequeueAfter: s.again}, nil
	case errors.Is(s.fault.Err, astro.ErrThrottled):
		return reconcile.Result{RequeueAfter: max(astro.RetryAfter(s.fault.Err), time.Second)}, nil
	case !s.fault.Transient:
		return reconcile.Result{RequeueAfter: s.again}, nil
	default:
		return reconcile.Result{}, s.fault.Err
	}
}

// notThere is the fault of an inventory without a connection.
func notThere(key connection.Key) *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotFound,
		"%s does not exist; create it, or name another connection in spec.connectionRef of a new inventory", key.Words())
}

// survey asks whether the rules allow the inventory, finds the target, and lists.
func (r *Reconciler) survey(ctx context.Context, i *v1alpha1.TargetInventory, h connection.Handle) (survey, error) {
	subject, err := r.subject(ctx, i.Namespace, h)
	if err != nil {
		return survey{}, err
	}
	s := survey{again: h.Object.ConnectionSpec().SweepInterval.Duration}
	if s.fault = impossible(h, subject, i); s.fault != nil { // whatever Astro shows, which is not asked
		s.again = 0
		return s, nil
	}
	if !h.Ready || h.Directory == nil {
		s.fault, s.again = unready(h, subject, i), 0
		return s, nil
	}
	found, wrong := r.target(ctx, i, h, subject)
	if wrong != nil && wrong.Err != nil {
		r.reportUnauthorized(h, wrong.Err)
	}
	if s.fault = hinted(ctx, i, h, subject, wrong, judged(h, subject, i, found, wrong)); s.fault != nil {
		return s, nil // looked at again each sweep interval: a Deployment may move to where the rules allow it
	}
	if s.fault = hinted(ctx, i, h, subject, wrong, wrong); wrong != nil {
		if missed(wrong.Reason) && recent(i) {
			s.again = freshEnough // the target may have been made since
		}
		return s, nil
	}
	s.target, s.again = bound(i, found), 0
	return s, r.fill(ctx, i, &s, h, subject)
}

func roleOn(t v1alpha1.BoundTarget) astro.RoleKey {
	return astro.RoleKey{EntityType: resolve.Entities[t.Kind], EntityID: t.ID}
}

// fill lists the tokens on the target of the survey.
func (r *Reconciler) fill(ctx context.Context, i *v1alpha1.TargetInventory, s *survey, h connection.Handle, subject policy.Subject) error {
	on := roleOn(s.target)
	tokens, err := h.Directory.On(ctx, on)
	if err != nil {
		r.reportUnauthorized(h, err)
		s.fault = fault.FromAstroError(v1alpha1.ConditionReady, "list the tokens of the Organization", err)
		return nil
	}
	if h.Directory.Doubt() != "" { // the rows of before are better than a part of them; each sweep looks again
		s.fault = fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonListIncomplete,
			"the tokens on %s %q are as they were last known: %s", s.target.Kind, s.target.Name, h.NoEvidence())
		return nil
	}
	declared, err := r.declared(ctx, h, s.target, r.naming(subject, s.target))
	if err != nil {
		return err
	}
	l := list(tokens, on, declared)
	s.listing = &l
	if l.unread > 0 {
		s.fault = fault.CouldNotCheck(v1alpha1.ConditionReady, v1alpha1.ReasonListIncomplete,
			"%s; %d of the Organization's tokens came without their roles and are not judged; the next sweep may show them",
			l.words(s.target), l.unread)
	}
	return r.withRemovals(ctx, i, s, h, subject, tokens)
}

func (l *listing) words(t v1alpha1.BoundTarget) string {
	return fmt.Sprintf("%d token(s) hold a role on %s %q, %d of them undeclared", len(l.rows), t.Kind, t.Name, l.undeclared)
}

func (r *Reconciler) reportUnauthorized(h connection.Handle, err error) {
	if errors.Is(err, astro.ErrUnauthorized) {
		r.Registry.ReportUnauthorized(h.Key)
	}
}
