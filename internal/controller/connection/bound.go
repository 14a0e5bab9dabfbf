package connection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
)

// bound tells the ids of the tokens of the Organization on which bindings of the connection hold a claim, for the directory
// to miss them. What a connection of the same name was granted in another Organization is not to be found in this one.
func (r *reconciler) bound(key Key, organization string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		var list v1alpha1.ScopedTokenBindingList
		err := r.Client.List(ctx, &list, client.MatchingFields{index.BindingConnection: key.String()}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil, fmt.Errorf("list bindings of %s: %w", key, err)
		}
		var ids []string
		for i := range list.Items {
			b := &list.Items[i]
			if id := boundTo(b); id != "" && b.Status.OrganizationID == organization && !expired(b, r.Clock()) {
				ids = append(ids, id)
			}
		}
		return ids, nil
	}
}

// expired reports whether the binding's token is known to have expired. Astro may leave such a token out of its lists.
func expired(b *v1alpha1.ScopedTokenBinding, now time.Time) bool {
	at := b.Status.Token.ExpiresAt
	return at != nil && !at.After(now)
}

// boundTo is the id of the token on which the binding holds a claim; empty if it holds none, or was told already that
// the token is gone. It goes by the status, which nobody but the operator writes: an annotation made up by somebody who
// may edit bindings must not cast doubt on the listings of others.
func boundTo(b *v1alpha1.ScopedTokenBinding) string {
	if b.Status.Origin == "" || !controllerutil.ContainsFinalizer(b, v1alpha1.FinalizerRevoke) {
		return ""
	}
	gone := []string{v1alpha1.ReasonTokenNotFound, v1alpha1.ReasonTokenReplaced}
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionResolved && slices.Contains(gone, c.Reason) {
			return ""
		}
	}
	return b.Status.Token.ID
}
