package measure

import (
	"cmp"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// conditions are those that every binding has.
var conditions = []string{v1alpha1.ConditionReady, v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced}

// Bindings are the counts of bindings.
type Bindings struct {
	Readiness  map[Readiness]int
	Conditions map[Condition]int
	Revoking   map[ref.Key]int // bindings that are to lose their role, and have not yet
	Claims     Claims
}

// Readiness is what bindings are counted by for those who declare them.
type Readiness struct{ Namespace, Ready, Reason string }

// Condition is what bindings are counted by for those who run their connection.
type Condition struct {
	Connection           ref.Key
	Type, Status, Reason string
}

// NewBindings counts nothing yet.
func NewBindings() Bindings {
	return Bindings{Readiness: map[Readiness]int{}, Conditions: map[Condition]int{}, Revoking: map[ref.Key]int{}, Claims: Claims{}}
}

// Add counts a binding of the connection. One that nobody has looked at yet is Unknown, without a reason. Bindings whose connection
// does not exist are counted together, without its name: they may name any number of them.
func (c Bindings) Add(b *v1alpha1.ScopedTokenBinding, k ref.Key, exists bool) {
	if !exists {
		k = ref.Key{Kind: k.Kind}
	}
	for _, kind := range conditions {
		status, reason := string(metav1.ConditionUnknown), ""
		if is := meta.FindStatusCondition(b.Status.Conditions, kind); is != nil {
			status, reason = string(is.Status), is.Reason
		}
		c.Conditions[Condition{k, kind, status, reason}]++
		if kind == v1alpha1.ConditionReady {
			c.Readiness[Readiness{b.Namespace, status, reason}]++
		}
	}
	if warning := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionWarning); warning != nil {
		c.Conditions[Condition{k, warning.Type, string(warning.Status), warning.Reason}]++
	}
	claim := pin.Claimed(b)
	if claim == nil {
		return
	}
	c.Claims.add(*claim)
	if WaitsForRevocation(b, time.Now()) {
		c.Revoking[k]++
	}
}

// WaitsForRevocation reports whether the binding is to lose its role, and has not yet.
func WaitsForRevocation(b *v1alpha1.ScopedTokenBinding, now time.Time) bool {
	if pin.Claimed(b) == nil {
		return false
	}
	if b.DeletionTimestamp.IsZero() {
		return pin.Expired(b, now) && !b.Spec.Suspend && b.Spec.Mode != v1alpha1.ModeObserve || pin.Limited(b)
	}
	policy := cmp.Or(b.Spec.DeletionPolicy, b.Status.DeletionPolicy)
	return b.Annotations[v1alpha1.AnnotationRelease] != "true" && policy != v1alpha1.DeletionRetain && b.Spec.Mode != v1alpha1.ModeObserve
}

// Drifted reports whether a binding that held its role was found without it, and whether the operator put it right, by its
// status before and after. A role that the user edited, or whose time is over, has not drifted.
func Drifted(before, after *v1alpha1.ScopedTokenBinding) (found, corrected bool) {
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionSynced)
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionSynced)
	if is == nil || was == nil || before.Status.ObservedGeneration != after.Generation || !after.DeletionTimestamp.IsZero() {
		return false, false
	}
	if is.Reason == v1alpha1.ReasonDriftCorrected && is.Message != was.Message {
		return was.Status == metav1.ConditionTrue, true
	}
	if is.Reason == v1alpha1.ReasonExpired || is.Reason == v1alpha1.ReasonRevoking {
		return false, false
	}
	looked := is.Status == metav1.ConditionFalse || is.Status == metav1.ConditionUnknown && is.Reason != v1alpha1.ReasonPending
	return was.Status == metav1.ConditionTrue && looked && before.Status.Role != after.Status.Role, false
}
