package connection

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// findings are what a status is made of.
type findings struct {
	fault     *fault.Fault // what is wrong
	ready     bool
	access    *access
	handledAt string // the trust request by which a listing was last taken
	usage     usage
	paused    paused // revocations have to wait, because the limit was reached
	warnings  []string
}

// report writes the status where it differs, and an event where Ready does.
func (d *dependencies) report(ctx context.Context, c v1alpha1.Connection, f findings) error {
	before, ok := c.DeepCopyObject().(v1alpha1.Connection)
	if !ok {
		return nil
	}
	f.fill(c, metav1.NewTime(d.Clock()))
	showStatus(c)
	if equality.Semantic.DeepEqual(before.ConnectionStatus(), c.ConnectionStatus()) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}) // never onto another of the same name
	if err := d.Client.Status().Patch(ctx, c, patch); err != nil {
		return client.IgnoreNotFound(err)
	}
	d.announceReady(ctx, before, c)
	d.announcePaused(ctx, before, c)
	return nil
}

// fill puts the findings into the status. What was found once stays while it cannot be looked at.
func (f findings) fill(c v1alpha1.Connection, now metav1.Time) {
	s := c.ConnectionStatus()
	s.ObservedGeneration = c.GetGeneration()
	s.Bindings = int32(f.usage.bindings) //nolint:gosec // there are never that many objects
	s.LastHandledReconcileAt = f.handledAt
	if a := f.access; a != nil {
		s.OrganizationName = text.Clip(a.organization.Name, text.MostName)
		if own := a.directory.TrustedRoles(); own != nil {
			s.CredentialRoles, s.CredentialRolesTokenID = own, a.identity.TokenID
		}
		s.CredentialTokenID = a.identity.TokenID
		s.CredentialExpiresAt = nil
		if at := a.identity.ExpiresAt; at != nil {
			s.CredentialExpiresAt = &metav1.Time{Time: *at}
		}
	}
	ready, wrong := f.readyCondition(c)
	fault.Set(&s.Conditions, wrong, c.GetGeneration(), now, ready)
	fault.SetWarnings(&s.Conditions, f.credentialWarnings(now.Time), c.GetGeneration(), now)
	fault.SetWhile(&s.Conditions, f.paused.any(), pausedCondition(c, f.usage, f.paused), c.GetGeneration(), now)
}

// credentialWarnings tell that the credential will not work for much longer.
func (f findings) credentialWarnings(now time.Time) []fault.Warning {
	if f.access == nil || f.access.identity.ExpiresAt == nil {
		return nil
	}
	id := f.access.identity
	return fault.Expires(v1alpha1.ReasonCredentialExpires, "API token "+id.TokenID, *id.ExpiresAt, now,
		"make another in Astro and put it into the Secret before then")
}

// readyCondition puts the state of the connection into one condition, with the fault that it shows. Unknown means that
// Astro could not be asked. Being asked to slow down takes nothing from a connection that is ready.
func (f findings) readyCondition(c v1alpha1.Connection) (metav1.Condition, *fault.Fault) {
	ready, wrong := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}, f.fault
	switch {
	case f.fault != nil && f.fault.Reason == v1alpha1.ReasonKubernetesRefused:
	case !c.GetDeletionTimestamp().IsZero():
		wrong = notReady(v1alpha1.ReasonInUse, "%s", inUse(c, f.fault, f.usage))
	case f.fault == nil:
		ready.Reason = v1alpha1.ReasonConnected
		ready.Message = fmt.Sprintf("API token %s is proven for Organization %q", f.access.identity.TokenID, f.access.organization.Name)
		warnings := f.warnings
		if observes(c) {
			warnings = append([]string{observing(f.usage)}, warnings...)
		}
		if _, malformed := policy.LimitLifted(c); malformed != "" {
			warnings = append(warnings, malformed)
		}
		for _, w := range warnings {
			ready.Message += "; " + w
		}
		return ready, nil
	case f.fault.Reason == v1alpha1.ReasonRateLimited && f.ready:
		ready.Reason, ready.Message = f.fault.Reason, f.fault.Message
		return ready, nil
	}
	return fault.Answers(wrong, []metav1.Condition{ready})[0], wrong
}

func observes(c v1alpha1.Connection) bool { return c.ConnectionSpec().Mode == v1alpha1.ModeObserve }

// observing says that nothing is written through the connection, and who waits for that to end.
func observing(u usage) string {
	message := "spec.mode is Observe, so nothing is written to Astro through it"
	if n := len(u.deleting); n > 0 {
		message += fmt.Sprintf(", and %d binding(s) that are to lose their role wait: %s", n, nameSome(u.deleting))
	}
	return message
}

func inUse(c v1alpha1.Connection, f *fault.Fault, u usage) string {
	message := "the connection goes once no claim is being taken through it"
	if n := len(u.holders); n > 0 {
		message = fmt.Sprintf("%d binding(s) need the connection to revoke their roles: %s; delete them, or set their annotation %s to \"true\"",
			n, nameSome(u.holders), v1alpha1.AnnotationRelease)
		if observes(c) {
			message += "; spec.mode is Observe, under which no role is revoked: set it to Enforce"
		}
	}
	if f != nil {
		message += fmt.Sprintf(" (%s: %s)", f.Reason, f.Message)
	}
	return message
}

// announcePaused makes a warning of revocations that have to wait, and tells when they go on.
func (d *dependencies) announcePaused(ctx context.Context, before, after v1alpha1.Connection) {
	was := meta.IsStatusConditionTrue(before.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)
	is := meta.FindStatusCondition(after.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused)
	switch {
	case is != nil && !was:
		log.FromContext(ctx).Info("revocations paused", "message", is.Message)
		d.Recorder.Eventf(after, nil, corev1.EventTypeWarning, is.Reason, "Revoke", "%s", is.Message)
	case is == nil && was:
		log.FromContext(ctx).Info("revocations go on")
		d.Recorder.Eventf(after, nil, corev1.EventTypeNormal, v1alpha1.ReasonRevoking, "Revoke", "revocations go on")
	}
}

// announceReady makes an event and a line of the log of a change of Ready; a quiet sweep is quiet.
func (d *dependencies) announceReady(ctx context.Context, before, after v1alpha1.Connection) {
	was := meta.FindStatusCondition(before.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(after.ConnectionStatus().Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	log.FromContext(ctx).Info("readiness changed", "ready", is.Status, "reason", is.Reason, "message", is.Message)
	d.Recorder.Eventf(after, nil, kind, is.Reason, "Connect", "%s", is.Message)
}
