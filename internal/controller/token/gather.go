package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// gather finds the bindings of a key: those that the index finds, those of its journal entries, and orphans. Index values
// come from one object alone, so what the index yields is narrowed down to the bindings whose key this is.
func (r *Reconciler) gather(ctx context.Context, key TokenKey) (group, error) {
	field, value := index.BindingToken, pin.IDValue(key.Token)
	switch {
	case key.Token != "":
	case key.NameRef.Name != "":
		value = pin.NameValue(key.NameRef)
	default:
		field, value = index.BindingConnection, key.Connection.String()
	}
	var in []client.ListOption
	if key.Refused != "" {
		in = append(in, client.InNamespace(key.Refused))
	}
	nobody := group{key: key, handles: map[string]connection.Handle{}, notices: r.ownWrites.noticed(), at: r.Clock()}
	g, err := r.collect(ctx, nobody, field, value, nobody.isOf, in...)
	switch {
	case err != nil:
		return g, err
	case key.Token == "":
		return r.withClaims(g), nil
	default:
		return r.withJournal(ctx, g)
	}
}

// gatherNamed adds the bindings that name the token by its present name and are not pinned yet. They are worked on here,
// where every other claim on the token is known, and not under the key of their name. The cache may have shown meanwhile that
// one of them is pinned: then it stands under the token by now, where gather did not find it yet, and no longer under the name.
func (r *Reconciler) gatherNamed(ctx context.Context, g group, o observation) (group, error) {
	g, err := r.withNamed(ctx, g, o)
	if err != nil {
		return g, err
	}
	return r.collect(ctx, g, index.BindingToken, pin.IDValue(g.key.Token), g.isOf)
}

// isOf reports whether a binding is one of the group's key.
func (g group) isOf(_ decision.Binding, k TokenKey, _ connection.Handle) bool { return k == g.key }

// withNamed adds those that stand under the name, but for those to which no rule speaks: they cost Astro nothing. Where it cannot be
// looked up who else has the name, those are doubtful whose name was this token's before: a role that goes waits for them.
func (r *Reconciler) withNamed(ctx context.Context, g group, o observation) (group, error) {
	ref, err := pin.NameRefTo(o.Token)
	if o.Token.ID == "" || err != nil {
		return g, nil //nolint:nilerr // a token that no binding may name has no such bindings
	}
	alone := map[connection.Key]nameOf{} // whether the name is that of this token and of no other, to each connection
	doubtful := map[types.UID]error{}
	all, err := r.collect(ctx, g, index.BindingToken, pin.NameValue(ref), func(b decision.Binding, k TokenKey, h connection.Handle) bool {
		if k.Host != g.key.Host || k.Organization != g.key.Organization || k.NameRef != ref || !b.Addressed() || r.claimedElsewhere(g.key, b.Object) {
			return false
		}
		n, asked := alone[h.Key]
		if !asked {
			n = namesOnly(ctx, ref, h, g.key.Token)
			alone[h.Key] = n
		}
		if n.is && n.err != nil {
			doubtful[b.Object.UID] = n.err
		}
		return n.is
	})
	for _, n := range alone {
		all.unsure = errors.Join(all.unsure, n.err)
	}
	all.doubtful = doubtful
	return all, err
}

// nameOf says of a name whether it is a token's and no other's, by the listing at hand if err says why there is no newer one.
type nameOf struct {
	is  bool
	err error
}

// namesOnly reports whether the name is that of the token and of no other.
func namesOnly(ctx context.Context, ref pin.NameRef, h connection.Handle, token string) nameOf {
	if h.Directory == nil || !h.Ready { // what it cannot list is looked for under the name, and is not the token's trouble
		return nameOf{}
	}
	found, err := namedNow(ctx, ref, h)
	if began, _ := h.Directory.LastListing(); err != nil && !began.IsZero() {
		found, _ = named(ctx, ref, h)
	}
	return nameOf{is: len(found) == 1 && found[0].ID == token, err: err}
}

// collect adds the bindings under an index value that belong to the group, in the order of namespace and name. One that is in
// it already, since the journal knows its claim, is not added once more by its name. The objects are the cache's, and are not
// changed.
func (r *Reconciler) collect(
	ctx context.Context, g group, field, value string, belongs func(decision.Binding, TokenKey, connection.Handle) bool,
	options ...client.ListOption,
) (group, error) {
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, append(options, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy)...); err != nil {
		return g, fmt.Errorf("list bindings of %s: %w", g.key, err)
	}
	known := r.connections()
	bindings, handles := slices.Clone(g.bindings), maps.Clone(g.handles)
	in := make(map[types.UID]bool, len(bindings))
	for i := range bindings {
		in[bindings[i].Object.UID] = true
	}
	for i := range list.Items {
		b := &list.Items[i]
		if in[b.UID] {
			continue
		}
		c, err := known.of(ctx, b)
		if err != nil {
			return g, err
		}
		full := known.binding(ctx, b, c)
		if !belongs(full, c.keyOf(&full), c.handle) || !r.Registry.Serves(c.object) {
			continue
		}
		bindings = append(bindings, full)
		if _, known := handles[c.id]; !known {
			handles[c.id] = c.handle
		}
	}
	if len(bindings) == len(g.bindings) {
		return g, nil
	}
	g.bindings, g.handles = inOrder(bindings), handles
	return g, nil
}

// inOrder are the bindings in the order of their ids. They are large and may be thousands, so that each is moved once, and
// its id is not spelled out for every comparison.
func inOrder(bindings []decision.Binding) []decision.Binding {
	order := make([]*decision.Binding, len(bindings))
	for i := range bindings {
		order[i] = &bindings[i]
	}
	slices.SortFunc(order, func(a, b *decision.Binding) int {
		if a.Object.Namespace == b.Object.Namespace && !a.Orphan && !b.Orphan {
			return cmp.Compare(a.Object.Name, b.Object.Name)
		}
		return cmp.Compare(a.ID(), b.ID())
	})
	sorted := make([]decision.Binding, len(order))
	for i, b := range order {
		sorted[i] = *b
	}
	return sorted
}

// refresh looks at the bindings again after a wait: as the cache has them now, or as they were patched in this reconcile
// if the cache is behind, through their connections likewise. Those that are gone are left out. What was looked up for them is kept.
func (r *Reconciler) refresh(ctx context.Context, before []decision.Binding) ([]decision.Binding, error) {
	known := r.connections()
	now := make([]decision.Binding, 0, len(before))
	for i := range before {
		b := before[i]
		if !b.Orphan {
			var object v1alpha1.ScopedTokenBinding
			err := r.Client.Get(ctx, client.ObjectKeyFromObject(b.Object), &object, client.UnsafeDisableDeepCopy)
			if client.IgnoreNotFound(err) != nil {
				return nil, fmt.Errorf("get binding %s: %w", b.ID(), err)
			}
			if err != nil || object.UID != b.Object.UID {
				continue
			}
			if newer(&object, b.Object) {
				b.Object = &object
			}
		}
		c, err := known.of(ctx, b.Object)
		if err != nil {
			return nil, err
		}
		if was := b.Connection.Object; was != nil && c.object != nil && was.GetUID() == c.object.GetUID() && !newer(c.object, was) {
			c = r.connected(c.key, was) // it was read right before a write
		}
		next := known.binding(ctx, b.Object, c)
		next.Undeclared, next.Orphan, next.Claim, next.Recovered, next.Journaled = b.Undeclared, b.Orphan, b.Claim, b.Recovered, b.Journaled
		next = withoutNamespace(next)
		next.Target, next.Names = b.Target, b.Names
		now = append(now, next)
	}
	return now, nil
}
