package inventory

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
)

// place is what a binding declares a role of, and where.
type place struct{ host, organization, token, target string }

// placeOf is where the binding holds its claim, by its status, which users do not write: else an audit could be deceived.
func placeOf(b *v1alpha1.ScopedTokenBinding) (p place, holds bool) {
	claim := pin.Claimed(b)
	if claim == nil {
		return place{}, false
	}
	return place{
		host: claim.Host, organization: claim.Organization, token: claim.Token,
		target: index.TargetValue(claim.TargetKind, claim.Target),
	}, true
}

// declared has, by the id of the token, the binding that declares its role on the target: of several the first by name.
func (r *Reconciler) declared(ctx context.Context, h connection.Handle, target v1alpha1.BoundTarget) (map[string]string, error) {
	value := index.TargetValue(target.Kind, target.ID)
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, client.MatchingFields{index.BindingTarget: value}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list bindings of %s: %w", value, err)
	}
	by := map[string]string{}
	for i := range list.Items {
		b := &list.Items[i]
		p, holds := placeOf(b)
		if !holds || p.host != h.Host || p.organization != h.Organization || p.target != value {
			continue
		}
		if name := b.Namespace + "/" + b.Name; by[p.token] == "" || name < by[p.token] {
			by[p.token] = name
		}
	}
	return by, nil
}
