package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// slot is a name for a binding: whatever is made in it has that name.
type slot struct{ namespace, name string }

// slots is how many names for bindings a schedule has.
const slots = 9

// namespaces are where bindings are made; the first has a connection of its own.
var namespaces = []string{"chaos-a", "chaos-b", "chaos-c"}

// system is the operator's namespace.
const system = "chaos-system"

func (p plan) slot(n int) slot {
	n %= slots
	return slot{namespaces[n%len(namespaces)], fmt.Sprintf("s%d-b%d", p.number, n)}
}

func (s slot) key() client.ObjectKey { return client.ObjectKey{Namespace: s.namespace, Name: s.name} }

var userSteps = []weighted{
	{8, drawCreate},
	{5, drawEditRole},
	{4, drawDelete},
	{2, drawRecreate},
	{2, drawEdit("suspend", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = !b.Spec.Suspend })},
	{1, drawEdit("mode", flipMode)},
	{1, drawEdit("deletionPolicy", flipDeletion)},
	{1, drawAdopt},
	{2, drawExpire},
	{1, drawEdit("requestedAt", askNow)},
	{1, drawEdit("pin by id", pinByID)},
	{1, drawConfirm},
	{2, drawConfirmTarget},
	{2, drawReplace},
	{1, drawVanish},
	{2, drawCopy},
	{3, drawForgeAnnotations},
	{1, drawForgeFinalizer},
	{1, drawStripFinalizer},
}

// drawn is a binding as it was drawn: numbers stand for what may only exist by then.
type drawn struct {
	slot, token, target     int
	tokenName, tarName      bool
	own, observe, suspended bool
	retain, finalizer       bool
	adopt                   v1alpha1.AdoptPolicy
	role                    roleDraw
}

type roleDraw struct{ workspace, deployment string }

func drawRole(d draw) roleDraw {
	return roleDraw{
		pick(d, "WORKSPACE_MEMBER", "WORKSPACE_MEMBER", "WORKSPACE_AUTHOR", "WORKSPACE_OWNER", "WORKSPACE_ACCESSOR"),
		pick(d, "DEPLOYMENT_ADMIN", "DEPLOYMENT_ADMIN", "Deploy Only", "Deploy Only", "Restricted", "No Such Role"),
	}
}

func (r roleDraw) on(kind v1alpha1.TargetKind) string {
	if kind == v1alpha1.TargetWorkspace {
		return r.workspace
	}
	return r.deployment
}

func drawBinding(d draw) drawn {
	return drawn{
		slot: d.IntN(slots), token: d.number(), target: d.number(), tokenName: d.chance(0.5), tarName: d.chance(0.4),
		own: d.chance(0.5), observe: d.chance(0.08), suspended: d.chance(0.06), retain: d.chance(0.15),
		adopt: pick(d, v1alpha1.AdoptAlways, v1alpha1.AdoptAlways, v1alpha1.AdoptAlways, v1alpha1.AdoptIfSameRole, v1alpha1.AdoptNever),
		role:  drawRole(d),
	}
}

func drawCreate(d draw) func(*world) {
	b := drawBinding(d)
	return func(w *world) { w.create(b) }
}

// create makes the binding, if its name is free.
func (w *world) create(n drawn) {
	s := w.plan.slot(n.slot)
	b := builders.Binding(s.name).In(s.namespace).ThroughCluster(w.shared())
	if n.own && s.namespace == namespaces[0] {
		b.Through(w.own())
	}
	token, target := w.token(n.token), w.entity(n.target)
	if token.scope == "WORKSPACE" && target.kind != "DEPLOYMENT" {
		target = w.deploymentOf(n.target)
	}
	aimToken(b, token, n.tokenName)
	aimTarget(b, target, n.tarName)
	object := b.Adopt(n.adopt).Object()
	object.Spec.Role = n.role.on(object.Spec.Target.Kind)
	object.Labels = w.labels()
	if n.observe {
		object.Spec.Mode = v1alpha1.ModeObserve
	}
	object.Spec.Suspend = n.suspended
	if n.finalizer {
		object.Finalizers = []string{v1alpha1.FinalizerRevoke}
	}
	if n.retain {
		object.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	}
	w.facts.declare(object)
	err := w.try(func(ctx context.Context) error { return w.kube.Create(ctx, object) })
	if apierrors.IsAlreadyExists(err) {
		return
	}
	w.notedf("user", err, "create %s", bindingWords(object))
	w.sawVersion(object)
}

func aimToken(b *builders.BindingBuilder, t *entity, byName bool) {
	switch {
	case t.scope == "WORKSPACE" && byName:
		b.ForWorkspaceToken(t.home, t.name)
	case t.scope == "WORKSPACE":
		b.ForWorkspaceTokenID(t.id)
	case byName:
		b.ForToken(t.name)
	default:
		b.ForTokenID(t.id)
	}
}

func aimTarget(b *builders.BindingBuilder, t *entity, byName bool) {
	switch {
	case t.kind == "WORKSPACE" && byName:
		b.OnWorkspaceNamed(t.name)
	case t.kind == "WORKSPACE":
		b.OnWorkspace(t.id)
	case byName:
		b.OnDeploymentNamed(t.workspace, t.name)
	default:
		b.OnDeployment(t.id)
	}
}

// deploymentOf is some Deployment.
func (w *world) deploymentOf(n int) *entity {
	for i := range w.entities {
		if e := w.entity(n + i); e.kind == "DEPLOYMENT" {
			return e
		}
	}
	panic("there is always a Deployment")
}

func (w *world) labels() map[string]string {
	return map[string]string{"chaos": strconv.Itoa(w.plan.number)}
}

func bindingWords(b *v1alpha1.ScopedTokenBinding) string {
	s := b.Spec
	return fmt.Sprintf("%s/%s (version %s of %s) via %s/%s: %s%s of %s%s on %s %s%s (mode=%s adopt=%s deletion=%s suspend=%t expires=%s)", b.Namespace, b.Name, b.ResourceVersion, b.UID, s.ConnectionRef.Kind,
		s.ConnectionRef.Name, s.Role, "", s.Token.Name, s.Token.ID, s.Target.Kind, s.Target.Name, s.Target.ID, s.Mode, s.Adopt, s.DeletionPolicy, s.Suspend, expiryWords(s.ExpiresAt))
}

// try does something to the API server until it answers: it may be away for a while.
func (w *world) try(do func(context.Context) error) error {
	for end := time.Now().Add(time.Minute); ; {
		ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
		err := do(ctx)
		cancel()
		if err == nil || answered(err) || w.ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// answered says whether the API server has said no, and not failed to answer.
func answered(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && !apierrors.IsServerTimeout(err) && !apierrors.IsInternalError(err) &&
		!apierrors.IsTooManyRequests(err) && !apierrors.IsServiceUnavailable(err) && !apierrors.IsTimeout(err) && !apierrors.IsConflict(err) &&
		!apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) // the API server has just been started
}

func (w *world) notedf(who string, err error, format string, args ...any) {
	if err != nil {
		format += ": " + err.Error()
		if apierrors.IsInvalid(err) {
			format = format[:min(len(format), 400)]
		}
	}
	w.history.notef(who, "%s", fmt.Sprintf(format, args...))
}
