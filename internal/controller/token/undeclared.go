package token

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// Roles that no binding declares are removed here as well, since nobody else writes to Astro. Each is worked on as an orphan that may
// come to nothing: what the inventory asks for is looked at before a token is worked on, and again on the read in the write slot. Only
// this process knows of it. What is left when it ends is listed by the inventory as before, and confirmed anew: what was removed may
// have been given again.

// Remove has roles removed, by their tokens.
func (r *Reconciler) Remove(ctx context.Context, removals map[decision.Key]decision.Removal) {
	for k, v := range removals {
		key := tokenKey(k.Host, k.Organization, k.Token)
		r.orphans.addRemoval(key, v, r.Clock())
		r.enqueue(ctx, finding{key: key, priority: sweepPriority})
	}
}

// Removing are the removals of an inventory that are not over yet, by the id of the token.
func (r *Reconciler) Removing(inventory types.UID) map[string]decision.Removal {
	return r.orphans.removalsOf(inventory)
}

// KnowsClaims reports whether all claims are known: the journal is open.
func (r *Reconciler) KnowsClaims() bool { return r.journal() != nil }

// Claims reports whether there is a claim on the target that no status may tell of: of the journal, or of a binding that is gone.
func (r *Reconciler) Claims(k decision.Key, target string) bool {
	j, key := r.journal(), tokenKey(k.Host, k.Organization, k.Token)
	if slices.ContainsFunc(j.Entries(key.journal()), func(e journal.Entry) bool { return e.Target == target }) {
		return true
	}
	return slices.ContainsFunc(r.orphans.of(key), func(o orphan) bool { return o.removal == nil && pin.TargetID(o.binding) == target })
}

// withRemovals adds the removals whose inventories still ask for them.
func (r *Reconciler) withRemovals(ctx context.Context, g group) (group, error) {
	for _, o := range r.orphans.of(g.key) {
		if o.removal == nil {
			continue
		}
		_, asks, err := r.asksFor(ctx, g.key, o)
		if err != nil {
			return g, err
		}
		if !asks {
			continue
		}
		claim := &pin.Claim{
			Host: g.key.Host, Organization: g.key.Organization, Token: g.key.Token, TargetKind: o.removal.Target.Kind,
			Target: string(o.removal.Target.ID), Role: o.removal.Role, Origin: v1alpha1.OriginAdopted, ClaimedAt: o.since, // nobody was given it
		}
		if g, err = r.add(ctx, g, decision.Binding{Object: o.binding, Orphan: true, Undeclared: true, Journaled: true, Claim: claim}); err != nil {
			return g, err
		}
	}
	return g, nil
}

// asksFor reports whether the inventory of a removal still asks for it, and where it is. Else the removal is over here, as it is where
// another instance serves the connection, or where the bindings of some namespaces are not seen.
func (r *Reconciler) asksFor(ctx context.Context, key TokenKey, o orphan) (on v1alpha1.BoundTarget, asks bool, err error) {
	v := o.removal
	defer func() {
		if err == nil && !asks {
			r.orphans.endRemoval(key, o.binding)
		}
	}()
	if len(r.Namespaces) > 0 { // before anything is read: its namespace may be one that is not watched
		return on, false, nil
	}
	object, err := connection.Find(ctx, r.Client, connection.KeyFor(v.Namespace, v.Connection))
	if err != nil {
		return on, false, err
	}
	if object != nil && !r.Registry.Serves(object) {
		return on, false, nil
	}
	var i v1alpha1.TargetInventory
	name := client.ObjectKey{Namespace: v.Namespace, Name: v.Name}
	if err := r.Client.Get(ctx, name, &i); client.IgnoreNotFound(err) != nil {
		return on, false, fmt.Errorf("get inventory %s: %w", name, err)
	}
	asks = i.UID == v.Inventory && i.DeletionTimestamp.IsZero() && i.Spec.Undeclared == v1alpha1.UndeclaredRemove &&
		i.Annotations[v1alpha1.AnnotationConfirmUndeclared] == v.Confirmed && i.Status.Target.ID == string(v.Target.ID)
	return i.Status.Target, asks, nil
}

// withoutOver are the bindings without the removals that do not stand any more.
func (r *Reconciler) withoutOver(ctx context.Context, key TokenKey, fresh astro.Token, all []decision.Binding) ([]decision.Binding, error) {
	left := make([]decision.Binding, 0, len(all))
	for i := range all {
		if all[i].Undeclared {
			if stands, err := r.removalStands(ctx, key, fresh, all[i].Object.UID); err != nil {
				return nil, err
			} else if !stands {
				continue
			}
		}
		left = append(left, all[i])
	}
	return left, nil
}

// removalStands reports whether a removal is still asked for, and no binding speaks of the role by now, whether or not it is one of
// those that are worked on here: it may name the token through a connection that is not ready, or be refused by its rules.
func (r *Reconciler) removalStands(ctx context.Context, key TokenKey, fresh astro.Token, uid types.UID) (bool, error) {
	for _, o := range r.orphans.of(key) {
		if o.removal == nil || o.removal.Inventory != uid {
			continue
		}
		on, asks, err := r.asksFor(ctx, key, o)
		if !asks || err != nil {
			return false, err
		}
		var list v1alpha1.ScopedTokenBindingList
		if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return false, fmt.Errorf("list bindings: %w", err)
		}
		speaks := func(b v1alpha1.ScopedTokenBinding) bool { return pin.Speaks(&b, fresh, on) }
		if slices.ContainsFunc(list.Items, speaks) {
			r.orphans.endRemoval(key, o.binding)
			return false, nil
		}
		return true, nil
	}
	return false, nil
}

// finishRemoval forgets a removal that is over, whatever became of it. The inventory lists what is there.
func (r *Reconciler) finishRemoval(ctx context.Context, g group, st decision.Statement) {
	logger := log.FromContext(ctx).WithValues("namespace", st.Object.Namespace, "inventory", st.Object.Name)
	if !st.Release {
		logger.Info("a role that no binding declares is not removed yet", "why", st.Why)
		return
	}
	logger.Info("finished with a role that no binding declares", "removed", st.Changed)
	r.orphans.endRemoval(g.key, st.Object)
}
