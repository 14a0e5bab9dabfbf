package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

// Remover has roles removed that no binding declares. It is the controller of tokens, which alone writes to Astro.
type Remover interface {
	// Remove has removals carried out, by their tokens. Each is looked at once more before it is.
	Remove(ctx context.Context, removals map[decision.Key]decision.Removal)
	// Removing are the removals of an inventory that are not over yet, by the id of the token.
	Removing(inventory types.UID) map[string]decision.Removal
	// KnowsClaims reports whether it knows all claims, as it does not before it has begun.
	KnowsClaims() bool
	// Claims reports whether a claim on the target may stand in no status.
	Claims(token decision.Key, target string) bool
}

// withRemovals finds the roles that are to be removed, and has those removed that were confirmed.
func (r *Reconciler) withRemovals(
	ctx context.Context, i *v1alpha1.TargetInventory, s *survey, h connection.Handle, subject policy.Subject, tokens []astro.Token,
) error {
	if i.Spec.Undeclared != v1alpha1.UndeclaredRemove || r.Remover == nil {
		s.removals = &removals{}
		return nil
	}
	if s.listing.unread > 0 || !r.Remover.KnowsClaims() {
		return nil // what is not listed whole, or cannot be judged yet, is left as it was told
	}
	p, err := r.protection(ctx, h, subject, s.target)
	if err != nil {
		return err
	}
	shown := s.listing.rows[:min(len(s.listing.rows), v1alpha1.MaxInventoryTokens)]
	all, kept := undeclared(tokens, shown, roleOn(s.target), p)
	began, ago := h.Directory.LastListing()
	s.began = began.Truncate(time.Second)
	told := i.Status.Removals
	if i.Status.Target.ID != s.target.ID {
		told = nil
	}
	found := &removals{
		all: dated(all, told, s.began), kept: kept, given: i.Annotations[v1alpha1.AnnotationConfirmUndeclared], blocked: r.blocked(h, ago),
		paused:   meta.IsStatusConditionTrue(h.Object.ConnectionStatus().Conditions, v1alpha1.ConditionRevocationsPaused),
		unlisted: len(shown) < len(s.listing.rows),
	}
	s.removals = found
	r.findDue(i, s, h)
	return nil
}

// blocked says why nothing may be removed for now; empty if it may.
func (r *Reconciler) blocked(h connection.Handle, ago time.Duration) string {
	spec := h.Object.ConnectionSpec()
	switch {
	case r.Partial:
		return "the operator was started with --watch-namespaces, and does not see what bindings of other namespaces declare"
	case spec.Mode == v1alpha1.ModeObserve:
		return h.Key.Words() + " is in mode Observe, through which nothing is removed"
	case h.Deleting:
		return h.Key.Words() + " is being deleted"
	case ago > 2*spec.SweepInterval.Duration+time.Minute:
		return "the tokens were not listed for more than two sweep intervals"
	}
	return ""
}

// findDue finds what was confirmed and is not under way yet. It is told as if it had come now: the value by which it was confirmed is
// used up, whatever keeps its end from being seen.
func (r *Reconciler) findDue(i *v1alpha1.TargetInventory, s *survey, h connection.Handle) {
	v, under := s.removals, r.Remover.Removing(i.UID)
	if v.underWay = map[string]bool{}; v.blocked != "" {
		return
	}
	for _, one := range v.all {
		if of, is := under[one.token]; is && of.Confirmed == v.given && of.Role == one.role && string(of.Target.ID) == s.target.ID {
			v.underWay[one.token] = true
		}
	}
	if v.confirm = v.digest(i, s); !v.confirmed(i) {
		if v.given != "" && v.given == v.confirm {
			s.again = settling // it counts once the status tells what it stands for
		}
		return
	}
	v.due = map[decision.Key]decision.Removal{}
	for n, one := range v.all {
		if v.underWay[one.token] || !one.confirmable(s.began) {
			continue
		}
		v.due[decision.Key{Host: h.Host, Organization: h.Organization, Token: one.token}] = decision.Removal{
			Inventory: i.UID, Namespace: i.Namespace, Name: i.Name, Connection: i.Spec.ConnectionRef,
			Target: v1alpha1.TargetReference{Kind: s.target.Kind, ID: v1alpha1.AstroID(s.target.ID)}, Role: one.role, Confirmed: v.confirm,
		}
		v.underWay[one.token], v.all[n].since = true, s.began
	}
	v.confirm = v.digest(i, s)
}

// removeDue has removed what was confirmed. The status tells by now that its value is used up: if this process ends here, or while it
// removes, nobody removes what somebody gives again.
func (r *Reconciler) removeDue(ctx context.Context, i *v1alpha1.TargetInventory, s survey) {
	if s.removals == nil || len(s.removals.due) == 0 {
		return
	}
	r.Remover.Remove(ctx, s.removals.due)
	r.Recorder.Eventf(i, nil, corev1.EventTypeNormal, v1alpha1.ReasonRemovalUnderWay, "Remove",
		"removing %d role(s) on %s %q that no binding declares, as %s was confirmed",
		len(s.removals.due), s.target.Kind, s.target.Name, s.removals.given)
}

// protection is gathered for all tokens of a target at once.
func (r *Reconciler) protection(ctx context.Context, h connection.Handle, subject policy.Subject, target v1alpha1.BoundTarget) (p protection, err error) {
	credentials, err := r.credentials(ctx)
	if err != nil {
		return p, err
	}
	var bindings v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &bindings, client.UnsafeDisableDeepCopy); err != nil {
		return p, fmt.Errorf("list bindings: %w", err)
	}
	p.credential = func(id string) bool { return id == h.SelfID || credentials[id] || r.isOfCluster(h.Host, id) }
	p.allowed = func(t *astro.Token, role string) bool {
		return policy.MayRemove(h.Object, policy.Request{Subject: subject, Token: decision.FactsOfToken(*t), Target: factsOf(target), Role: role})
	}
	there := slices.DeleteFunc(bindings.Items, func(b v1alpha1.ScopedTokenBinding) bool { return !pin.SpeaksOfTarget(&b, target) })
	slices.SortFunc(there, func(a, b v1alpha1.ScopedTokenBinding) int { // so that the same is told each time
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	named, hidden, err := r.naming(subject, target).split(ctx, there)
	if err != nil {
		return p, err
	}
	p.speaker = func(t *astro.Token) string {
		speaks := func(b v1alpha1.ScopedTokenBinding) bool { return pin.Speaks(&b, *t, target) }
		if first := slices.IndexFunc(named, speaks); first >= 0 {
			return "ScopedTokenBinding " + named[first].Namespace + "/" + named[first].Name
		}
		if slices.ContainsFunc(hidden, speaks) {
			return "a ScopedTokenBinding of another namespace"
		}
		if r.Remover.Claims(decision.Key{Host: h.Host, Organization: h.Organization, Token: t.ID}, target.ID) {
			return "a binding that is gone"
		}
		return ""
	}
	return p, nil
}

// credentials are the tokens with which ClusterAstroConnections work by their statuses, those of other instances as well. That of an
// AstroConnection is protected through that connection alone: else whoever holds a token could keep its roles by using it.
func (r *Reconciler) credentials(ctx context.Context) (map[string]bool, error) {
	var cluster v1alpha1.ClusterAstroConnectionList
	if err := r.Client.List(ctx, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list cluster connections: %w", err)
	}
	all := map[string]bool{}
	for n := range cluster.Items {
		all[cluster.Items[n].Status.CredentialTokenID] = true
	}
	return all, nil
}

func (r *Reconciler) isOfCluster(host, token string) bool {
	return slices.ContainsFunc(r.Registry.CredentialOf(host, token), func(k connection.Key) bool { return k.Kind == v1alpha1.KindClusterAstroConnection })
}
