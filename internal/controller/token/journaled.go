package token

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
)

// withJournal adds what only the journal knows, and orphans: claims that no status holds yet, and bindings that are gone
// with theirs.
func (r *Reconciler) withJournal(ctx context.Context, g group) (group, error) {
	entries := map[types.UID]journal.Entry{}
	for _, e := range r.journal().Entries(g.key.journal()) {
		entries[e.UID] = e
	}
	bindings := slices.Clone(g.bindings)
	for i := range bindings {
		if e, is := entries[bindings[i].Object.UID]; is {
			bindings[i] = r.recovered(g.key, bindings[i], e)
			delete(entries, e.UID)
		}
	}
	g.bindings = bindings
	orphans, err := r.orphans.confirmed(ctx, g.key)
	if err != nil {
		return g, err
	}
	for _, b := range orphans {
		e, is := entries[b.UID]
		delete(entries, b.UID)
		if g, err = r.withOrphan(ctx, g, b, e, is); err != nil {
			return g, err
		}
	}
	for _, e := range entries {
		if !r.watches(e.Namespace) {
			continue // it stays where it is, for whoever watches its namespace
		}
		if g, err = r.withEntry(ctx, g, e); err != nil {
			return g, err
		}
	}
	return r.withRemovals(ctx, g)
}

// watches reports whether the bindings of a namespace are seen. Of any other, the cache has no answer but an error.
func (r *Reconciler) watches(namespace string) bool {
	return len(r.Namespaces) == 0 || slices.Contains(r.Namespaces, namespace)
}

// withClaims adds what the journal knows of bindings that are not found under the key of their token: they were given a role
// of which their statuses do not tell yet.
func (r *Reconciler) withClaims(g group) group {
	j := r.journal()
	if j == nil {
		return g
	}
	g.bindings = slices.Clone(g.bindings)
	for i := range g.bindings {
		b := &g.bindings[i]
		if k, e, found := j.Find(b.Object.UID); found && e.ClaimedAt.After(pin.LastClaimed(b.Object)) {
			b.Claim, b.Journaled = claimOf(tokenKey(k.Host, k.Organization, k.Token), e), true
		}
	}
	return g
}

// recovered is a binding with the claim of its journal entry, if that is later than any in its status. Else the entry is
// out of date.
func (r *Reconciler) recovered(key TokenKey, b decision.Binding, e journal.Entry) decision.Binding {
	if !e.ClaimedAt.After(pin.LastClaimed(b.Object)) {
		r.journal().Clear(key.journal(), e.UID)
		return b
	}
	b.Claim, b.Journaled, b.Recovered = claimOf(key, e), true, r.recoveredAt(e)
	return b
}

// recoveredAt is since when it is open whether Astro was given the role of an entry: a write that was under way when an
// earlier process ended may arrive after this one began, however its clock went. Claims are later than those before them, and so may lie
// ahead of the clock; when this process wrote what had no answer, it remembers.
func (r *Reconciler) recoveredAt(e journal.Entry) time.Time {
	if led := r.leads(); e.ClaimedAt.After(r.Clock()) || e.Recovered && led.After(e.ClaimedAt) {
		return led
	}
	return e.ClaimedAt
}

// withEntry adds the binding of an entry that the index did not find: it only names its token so far, or it is gone.
func (r *Reconciler) withEntry(ctx context.Context, g group, e journal.Entry) (group, error) {
	key := client.ObjectKey{Namespace: e.Namespace, Name: e.Name}
	var b v1alpha1.ScopedTokenBinding
	err := r.Client.Get(ctx, key, &b)
	if client.IgnoreNotFound(err) != nil {
		return g, fmt.Errorf("get binding %s: %w", key, err)
	}
	if err == nil && b.UID == e.UID {
		return r.withUnseen(ctx, g, &b, e)
	}
	if err := r.Live.Get(ctx, key, &b); client.IgnoreNotFound(err) != nil {
		return g, fmt.Errorf("look for binding %s: %w", key, err)
	} else if err == nil && b.UID == e.UID {
		return r.withUnseen(ctx, g, &b, e)
	}
	return r.withOrphan(ctx, g, bindingOf(g.key, e), e, true)
}

// withUnseen adds a binding that is there, unless its entry is out of date and it has its claim on another token since.
func (r *Reconciler) withUnseen(ctx context.Context, g group, b *v1alpha1.ScopedTokenBinding, e journal.Entry) (group, error) {
	d := r.recovered(g.key, decision.Binding{Object: b}, e)
	if d.Claim == nil && r.claimedElsewhere(g.key, b) {
		return g, nil
	}
	return r.add(ctx, g, d)
}

// claimedElsewhere reports whether the binding has its claim on another token than that of the key, by its status or by the journal,
// which may know of it alone. Its name may have passed to this token since: a binding keeps its token.
func (r *Reconciler) claimedElsewhere(key TokenKey, b *v1alpha1.ScopedTokenBinding) bool {
	if claim := pin.Claimed(b); claim != nil && tokenKey(claim.Host, claim.Organization, claim.Token) != key {
		return true
	}
	j := r.journal()
	if j == nil {
		return false
	}
	k, e, found := j.Find(b.UID)
	return found && e.ClaimedAt.After(pin.LastClaimed(b)) && tokenKey(k.Host, k.Organization, k.Token) != key
}

// withOrphan adds a binding that is gone without its role having been revoked. Its entry in the journal says so before
// anything is done about it.
func (r *Reconciler) withOrphan(ctx context.Context, g group, b *v1alpha1.ScopedTokenBinding, e journal.Entry, journaled bool) (group, error) {
	d := decision.Binding{Object: leaving(b), Orphan: true, Claim: pin.Claimed(b)}
	if journaled && (d.Claim == nil || e.ClaimedAt.After(d.Claim.ClaimedAt)) {
		d.Claim = claimOf(g.key, e)
		if !e.Leaving { // else a status said that the role was given
			d.Recovered = r.recoveredAt(e)
		}
	}
	if d.Claim == nil {
		r.orphans.remove(g.key, b.UID)
		return g, nil
	}
	if !journaled {
		if err := r.writeLeaving(ctx, g.key, b, *d.Claim); err != nil { // revocations go on all the same
			log.FromContext(ctx).Error(err, "the role of a binding that is gone is known to this process only", "namespace", b.Namespace, "name", b.Name)
		}
	}
	d.Journaled = true
	r.orphans.add(g.key, b)
	return r.add(ctx, g, d)
}

// writeLeaving writes down that a binding is gone, and which role is to be revoked.
func (r *Reconciler) writeLeaving(ctx context.Context, key TokenKey, b *v1alpha1.ScopedTokenBinding, c pin.Claim) error {
	e := entryOf(b, c, (&decision.Binding{Object: b}).MayStay())
	e.Leaving = true
	if err := r.journal().Write(ctx, key.journal(), e); err != nil {
		return fmt.Errorf("write down that a binding is gone: %w", err)
	}
	return nil
}

// writeDown enters a binding that has just gone, if it has, into the journal without waiting for its token's turn: until
// then, this process is the only one that knows of it. That it cannot be entered is met again when it is the token's turn.
func (r *Reconciler) writeDown(ctx context.Context, b *v1alpha1.ScopedTokenBinding) {
	if b == nil || r.journal() == nil {
		return
	}
	go func() {
		claim := pin.Claimed(b)
		if there, err := r.stillThere(ctx, b); there || err != nil {
			return
		}
		key := tokenKey(claim.Host, claim.Organization, claim.Token)
		if err := r.writeLeaving(ctx, key, b, *claim); err != nil {
			log.FromContext(ctx).Error(err, "the role of a binding that is gone is known to this process only", "namespace", b.Namespace, "name", b.Name)
		}
		if !r.orphans.has(key, b.UID) { // its turn came meanwhile
			r.journal().Clear(key.journal(), b.UID)
		}
	}()
}

// claimOf is the claim of an entry.
func claimOf(key TokenKey, e journal.Entry) *pin.Claim {
	return &pin.Claim{
		Host: key.Host, Organization: key.Organization, Token: key.Token, TargetKind: v1alpha1.TargetKind(e.TargetKind), Target: e.Target,
		Role: e.Role, Origin: v1alpha1.Origin(e.Origin), PreviousRole: e.PreviousRole, ClaimedAt: e.ClaimedAt,
	}
}

// entryOf is the entry of a binding's claim, and whether its role is to stay when it goes.
func entryOf(b *v1alpha1.ScopedTokenBinding, c pin.Claim, retain bool) journal.Entry {
	key := connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	return journal.Entry{
		UID: b.UID, Namespace: b.Namespace, Name: b.Name, ConnectionKind: string(key.Kind), Connection: key.Name,
		TargetKind: string(c.TargetKind), Target: c.Target, Role: c.Role, Origin: string(c.Origin), PreviousRole: c.PreviousRole,
		ClaimedAt: c.ClaimedAt, Retain: retain,
	}
}

// bindingOf is as much of a binding that is gone as its entry knows.
func bindingOf(key TokenKey, e journal.Entry) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	b.UID, b.Namespace, b.Name = e.UID, e.Namespace, e.Name
	b.Spec.ConnectionRef = connectionRef(e)
	b.Spec.Token.ID = v1alpha1.AstroID(key.Token)
	b.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetKind(e.TargetKind), ID: v1alpha1.AstroID(e.Target)}
	b.Spec.Role, b.Spec.DeletionPolicy = e.Role, v1alpha1.DeletionRevoke
	if e.Retain {
		b.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	}
	return b
}

// isJournaled reports whether the journal holds a claim of the binding.
func (r *Reconciler) isJournaled(uid types.UID) bool {
	j := r.journal()
	if j == nil {
		return false
	}
	_, _, found := j.Find(uid)
	return found
}

// stillThere reports whether the very binding is still there, whatever the cache says.
func (r *Reconciler) stillThere(ctx context.Context, b *v1alpha1.ScopedTokenBinding) (bool, error) {
	var now v1alpha1.ScopedTokenBinding
	err := r.Live.Get(ctx, client.ObjectKeyFromObject(b), &now)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for binding %s/%s: %w", b.Namespace, b.Name, err)
	}
	return now.UID == b.UID, nil
}
