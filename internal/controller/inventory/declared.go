package inventory

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
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

// declared has, by the id of the token, the binding that declares its role on the target, as the reader may be told: of several the
// first by name of those that may be named.
func (r *Reconciler) declared(ctx context.Context, h connection.Handle, target v1alpha1.BoundTarget, n naming) (map[string]string, error) {
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
		may, err := n.may(ctx, b)
		if err != nil {
			return nil, err
		}
		name := v1alpha1.DeclaredByAnother
		if may {
			name = b.Namespace + "/" + b.Name
		}
		by[p.token] = before(by[p.token], name)
	}
	return by, nil
}

// before is the first of two that declare the same role, by name: what may not be named comes last, and the empty string is none.
func before(a, b string) string {
	switch {
	case a == "", a == v1alpha1.DeclaredByAnother:
		return b
	case b == v1alpha1.DeclaredByAnother:
		return a
	default:
		return min(a, b)
	}
}

// naming tells which bindings an inventory may name.
type naming struct {
	client  client.Reader
	reader  policy.Subject // the namespace of the inventory
	target  policy.TargetFacts
	through map[connection.Key]bool // by connection, of bindings of other namespaces: each connection is asked once
}

func (r *Reconciler) naming(reader policy.Subject, target v1alpha1.BoundTarget) naming {
	return naming{client: r.Client, reader: reader, target: factsOf(target), through: map[connection.Key]bool{}}
}

// may reports whether the binding may be named.
func (n naming) may(ctx context.Context, b *v1alpha1.ScopedTokenBinding) (bool, error) {
	if b.Namespace == n.reader.Namespace {
		return true, nil
	}
	key := connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	if may, known := n.through[key]; known {
		return may, nil
	}
	object, err := connection.Find(ctx, n.client, key)
	if err != nil {
		return false, err
	}
	may := policy.MayName(object, b.Namespace, n.reader, n.target)
	n.through[key] = may
	return may, nil
}

// split are the bindings that may be named, and the others.
func (n naming) split(ctx context.Context, all []v1alpha1.ScopedTokenBinding) (named, hidden []v1alpha1.ScopedTokenBinding, err error) {
	for i := range all {
		may, err := n.may(ctx, &all[i])
		switch {
		case err != nil:
			return nil, nil, err
		case may:
			named = append(named, all[i])
		default:
			hidden = append(hidden, all[i])
		}
	}
	return named, hidden, nil
}
