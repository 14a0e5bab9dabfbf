package token

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// Roles that no binding declares are removed here as well, since nobody else writes to Astro. The controller of inventories enters
// them into the journal, where a crash leaves them, and each is worked on as an orphan that may come to nothing: what the inventory
// asks for is looked at before a token is worked on, and again on the read in the write slot.

var errNotLeading = errors.New("the journal is not open yet")

// Removals enters roles into the journal that an inventory is to remove, by their tokens, and has the tokens worked on once all are
// entered: until then the inventory's list stays as it was confirmed.
func (r *Reconciler) Removals(ctx context.Context, removals map[journal.TokenKey]journal.Entry) error {
	j := r.journal()
	if j == nil {
		return errNotLeading
	}
	var entered []journal.TokenKey
	var fault error
	for k, e := range removals {
		e.ClaimedAt, e.Origin = r.Clock(), string(v1alpha1.OriginAdopted) // nobody was given it
		if err := j.Write(ctx, k, e); err != nil {
			fault = fmt.Errorf("write down what is to be removed: %w", err)
			break
		}
		entered = append(entered, k)
	}
	for _, k := range entered { // what was entered before an error stands
		r.enqueue(ctx, finding{key: tokenKey(k.Host, k.Organization, k.Token), priority: sweepPriority})
	}
	return fault
}

// Removing are the removals of an inventory that are not over yet, by the id of the token.
func (r *Reconciler) Removing(uid types.UID) map[string]journal.Entry {
	all := map[string]journal.Entry{}
	if j := r.journal(); j != nil {
		j.Each(func(k journal.TokenKey, e journal.Entry) {
			if e.Removal != "" && e.UID == uid {
				all[k.Token] = e
			}
		})
	}
	return all
}

// Claims reports whether there is a claim on the target that no status may tell of: of the journal, or of a binding that is gone.
func (r *Reconciler) Claims(k journal.TokenKey, target string) bool {
	j := r.journal()
	if j == nil {
		return true // nobody knows
	}
	for _, e := range j.Entries(k) {
		if e.Removal == "" && e.Target == target {
			return true
		}
	}
	for _, o := range r.orphans.of(tokenKey(k.Host, k.Organization, k.Token)) {
		if !o.removal && pin.TargetID(o.binding) == target {
			return true
		}
	}
	return false
}

// withRemovals adds the removals whose inventories still ask for them.
func (r *Reconciler) withRemovals(ctx context.Context, g group, removals []journal.Entry) (group, error) {
	for _, e := range removals {
		_, asks, err := r.asksFor(ctx, g.key, e)
		if err != nil {
			return g, err
		}
		if !asks {
			continue
		}
		b := leaving(bindingOf(g.key, e))
		r.orphans.addRemoval(g.key, b)
		d := decision.Binding{Object: b, Orphan: true, Undeclared: true, Resumed: e.Recovered, Journaled: true, Claim: claimOf(g.key, e)}
		if g, err = r.add(ctx, g, d); err != nil {
			return g, err
		}
	}
	return g, nil
}

// asksFor reports whether the inventory of a removal still asks for it, and where it is. Else the removal is over here, as it is where
// another instance serves the connection, or where the bindings of some namespaces are not seen.
func (r *Reconciler) asksFor(ctx context.Context, key TokenKey, e journal.Entry) (on v1alpha1.BoundTarget, asks bool, err error) {
	if r.Partial { // before anything is read: its namespace may be one that is not watched
		r.endRemoval(key, e.UID)
		return on, false, nil
	}
	object, err := connection.Find(ctx, r.Client, connection.KeyFor(e.Namespace, connectionRef(e)))
	if err != nil {
		return on, false, err
	}
	if object != nil && !r.Registry.Serves(object) {
		r.endRemoval(key, e.UID)
		return on, false, nil
	}
	var i v1alpha1.TargetInventory
	name := client.ObjectKey{Namespace: e.Namespace, Name: e.Name}
	if err := r.Client.Get(ctx, name, &i); client.IgnoreNotFound(err) != nil {
		return on, false, fmt.Errorf("get inventory %s: %w", name, err)
	}
	asks = i.UID == e.UID && i.DeletionTimestamp.IsZero() && i.Spec.Undeclared == v1alpha1.UndeclaredRemove &&
		i.Annotations[v1alpha1.AnnotationConfirmUndeclared] == e.Removal && i.Status.Target.ID == e.Target
	if !asks {
		r.endRemoval(key, e.UID)
	}
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
	for _, e := range r.journal().Entries(key.journal()) {
		if e.UID != uid || e.Removal == "" {
			continue
		}
		on, asks, err := r.asksFor(ctx, key, e)
		if !asks || err != nil {
			return false, err
		}
		var list v1alpha1.ScopedTokenBindingList
		if err := r.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
			return false, fmt.Errorf("list bindings: %w", err)
		}
		for n := range list.Items {
			if pin.Speaks(&list.Items[n], fresh, on) {
				r.endRemoval(key, uid)
				return false, nil
			}
		}
		return true, nil
	}
	return false, nil
}

// endRemoval forgets a removal that is over.
func (r *Reconciler) endRemoval(key TokenKey, uid types.UID) {
	r.journal().Clear(key.journal(), uid)
	r.orphans.remove(key, uid)
}

// finishRemoval forgets a removal that is over, whatever became of it. The inventory lists what is there.
func (r *Reconciler) finishRemoval(ctx context.Context, g group, st decision.Statement) {
	logger := log.FromContext(ctx).WithValues("namespace", st.Object.Namespace, "inventory", st.Object.Name)
	if !st.Release {
		logger.Info("a role that no binding declares is not removed yet", "why", st.Why)
		return
	}
	logger.Info("finished with a role that no binding declares", "removed", st.Changed)
	r.orphans.remove(g.key, st.UID)
}
