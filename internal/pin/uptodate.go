package pin

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Looked reports whether the status speaks of this spec of this very object. One that came back from a backup speaks of
// another object, whatever generation it names.
func Looked(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Status.ObservedGeneration == b.Generation && (b.Status.Claim == nil || ownClaim(b))
}

// UpToDate reports whether the status speaks of this spec and says Ready, and nobody deletes the binding. As long as Astro
// does not change, there is nothing to do for it.
func UpToDate(b *v1alpha1.ScopedTokenBinding) bool {
	return Looked(b) && b.DeletionTimestamp.IsZero() &&
		meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionReady)
}

// Expired reports whether the time is over for which the binding was to have its role.
func Expired(b *v1alpha1.ScopedTokenBinding, now time.Time) bool {
	at := b.Spec.ExpiresAt
	return at != nil && !at.After(now)
}

// Limited reports whether the status says that the role is to go, and that the connection's revocation limit keeps it.
func Limited(b *v1alpha1.ScopedTokenBinding) bool {
	synced := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionSynced)
	return synced != nil && synced.Reason == v1alpha1.ReasonRevocationLimited
}
