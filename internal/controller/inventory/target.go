package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// pinned is the id of the target, declared or found before, "" while it is only named.
func pinned(i *v1alpha1.TargetInventory) string {
	return cmp.Or(string(i.Spec.Target.ID), i.Status.Target.ID)
}

// target finds the one target that the inventory means: by a call, or as the last sweep has seen it once the status says it. What it says
// of a target that was not found counts only once the rules are known to allow the user to hear it.
func (r *Reconciler) target(ctx context.Context, i *v1alpha1.TargetInventory, h connection.Handle, s policy.Subject) (*astro.Target, *fault.Fault) {
	q := resolve.TargetQuery(i.Spec.Target, pinned(i))
	if recent(i) {
		h.Directory.ForgetMiss(q, freshEnough, func() bool { return r.reads.Take(i.Namespace, time.Now()) })
	}
	var err error
	found, known := h.Directory.KnownTarget(q)
	if !known || !upToDate(i) {
		found, err = h.Directory.Targets(ctx, q)
	}
	t, f := resolve.Target(i.Spec.Target, pinned(i), found, err, "an inventory")
	if f != nil && f.Reason == v1alpha1.ReasonTargetNotFound && foundByName(i) {
		return successor(ctx, i, h, s, f)
	}
	return t, f
}

// recent reports whether the user has just asked for the target, so that an older miss counts little: the inventory is new or changed, or
// has told only for a moment that it missed.
func recent(i *v1alpha1.TargetInventory) bool {
	if i.Status.ObservedGeneration != i.Generation {
		return true
	}
	c := meta.FindStatusCondition(i.Status.Conditions, v1alpha1.ConditionResolved)
	return c != nil && missed(c.Reason) && time.Since(c.LastTransitionTime.Time) < 2*freshEnough
}

// missed reports whether a reason says that a reference stands for no target, or for more than one.
func missed(reason string) bool {
	return reason == v1alpha1.ReasonTargetNotFound || reason == v1alpha1.ReasonTargetAmbiguous
}

// foundByName reports whether the name of the inventory was found to stand for a target.
func foundByName(i *v1alpha1.TargetInventory) bool {
	return i.Spec.Target.ID == "" && i.Status.Target.ID != ""
}

// successor is the target that has the name of the one that is not found any more, where the rules allow an inventory of it. It is
// not taken unasked: another team's tokens may be on it. Without one it is the fault that was there before.
func successor(ctx context.Context, i *v1alpha1.TargetInventory, h connection.Handle, s policy.Subject, gone *fault.Fault) (*astro.Target, *fault.Fault) {
	named, err := h.Directory.Successors(ctx, resolve.TargetQuery(i.Spec.Target, ""), pinned(i))
	if err != nil {
		return nil, fault.FromAstroError(v1alpha1.ConditionResolved, "look up "+resolve.TargetWords(i.Spec.Target), err)
	}
	others := slices.DeleteFunc(slices.Clone(named), func(t astro.Target) bool { return refused(i, h, s, facts(i, &t)) != nil })
	switch {
	case len(others) == 0 || len(others) == 1 && len(named) > 1:
		return nil, gone
	case len(named) == 1 && i.Annotations[v1alpha1.AnnotationConfirmTarget] == named[0].ID:
		return &named[0], nil
	default:
		return &others[0], resolve.Replaced(i.Spec.Target, pinned(i), others, "list", "the inventory")
	}
}

// refused asks the rules.
func refused(i *v1alpha1.TargetInventory, h connection.Handle, s policy.Subject, t policy.TargetFacts) *fault.Fault {
	d := policy.CheckInventory(h.Object, s, t)
	if d.Allowed && i.Spec.Undeclared == v1alpha1.UndeclaredRemove {
		d = policy.CheckRemovals(h.Object, s, t)
	}
	return faultOf(d)
}

// judged asks the rules of the target as it was found, or, where Astro could not be asked, as it is remembered. Of one that was
// never found they could say nothing but no, which may be wrong.
func judged(h connection.Handle, s policy.Subject, i *v1alpha1.TargetInventory, found *astro.Target, wrong *fault.Fault) *fault.Fault {
	switch {
	case found != nil:
		return refused(i, h, s, facts(i, found))
	case wrong.Err == nil && !foundByName(i):
		return refused(i, h, s, facts(i, nil))
	case wrong.Err != nil && !whole(remembered(i)):
		return undecided(wrong)
	default:
		return refused(i, h, s, remembered(i))
	}
}

// undecided is the fault of a target for which Astro could not be asked: until then nobody knows either whether the rules allow
// the inventory. What Astro itself refuses is said of the target.
func undecided(wrong *fault.Fault) *fault.Fault {
	if wrong.Status != metav1.ConditionUnknown {
		return wrong
	}
	f := *wrong
	f.Condition = v1alpha1.ConditionAccepted
	return &f
}

// unready is the fault of an inventory whose connection is not ready. The rules count meanwhile for a target that was found before.
func unready(h connection.Handle, s policy.Subject, i *v1alpha1.TargetInventory) *fault.Fault {
	if t := remembered(i); whole(t) {
		if f := refused(i, h, s, t); f != nil {
			return f
		}
	}
	f := fault.CouldNotCheck(v1alpha1.ConditionAccepted, v1alpha1.ReasonConnectionNotReady,
		"%s is not ready (%s); its own status says what to do", h.Key.Words(), h.Reason)
	f.NeedsUser = h.Stuck()
	return f
}

// whole reports whether the facts are all that rules go by: the id, and where a Deployment is.
func whole(t policy.TargetFacts) bool {
	return t.ID != "" && (t.Kind != v1alpha1.TargetDeployment || t.WorkspaceID != "")
}

// impossible asks them before anything is looked up: what no rule can allow costs Astro nothing.
func impossible(h connection.Handle, s policy.Subject, i *v1alpha1.TargetInventory) *fault.Fault {
	t := policy.TargetFacts{Kind: i.Spec.Target.Kind, ID: string(i.Spec.Target.ID)}
	d := policy.PossibleInventory(h.Object, s, t)
	if d.Allowed && i.Spec.Undeclared == v1alpha1.UndeclaredRemove {
		d = policy.PossibleRemovals(h.Object, s, t)
	}
	return faultOf(d)
}

func faultOf(d policy.Decision) *fault.Fault {
	if d.Allowed {
		return nil
	}
	return fault.NotTrue(v1alpha1.ConditionAccepted, d.Reason, "%s", d.Message)
}

// maxCandidates is how many targets that look alike the rules are asked about: others may have made thousands.
const maxCandidates = 100

// hinted is the fault of a target's name that nothing has, with a hint at targets whose name looks like it, as far as the
// rules let the reader know.
func hinted(ctx context.Context, i *v1alpha1.TargetInventory, h connection.Handle, s policy.Subject, wrong, f *fault.Fault) *fault.Fault {
	if f == nil || wrong == nil || wrong.Reason != v1alpha1.ReasonTargetNotFound {
		return f
	}
	words, alike := "", h.Directory.AlikeTargets(ctx, resolve.TargetQuery(i.Spec.Target, pinned(i)))
	for _, t := range alike[:min(len(alike), maxCandidates)] {
		if refused(i, h, s, facts(i, &t)) == nil {
			words = resolve.Hint(i.Spec.Target.Name, t.Name, t.ID)
			break
		}
	}
	return f.With(words)
}

// facts are what is known of the target: as found, or as declared. The user's word for the Workspace counts only for a name,
// which means nothing outside of it: what is declared by id may be anywhere.
func facts(i *v1alpha1.TargetInventory, found *astro.Target) policy.TargetFacts {
	if found == nil && i.Spec.Target.ID == "" {
		return policy.TargetFacts{Kind: i.Spec.Target.Kind, WorkspaceID: string(i.Spec.Target.WorkspaceID)}
	}
	if found == nil {
		return policy.TargetFacts{Kind: i.Spec.Target.Kind, ID: string(i.Spec.Target.ID)}
	}
	f := policy.TargetFacts{Kind: i.Spec.Target.Kind, ID: found.ID}
	if f.Kind == v1alpha1.TargetDeployment {
		f.WorkspaceID = found.WorkspaceID
	}
	return f
}

// remembered are the facts of the status, for a time when nobody can look.
func remembered(i *v1alpha1.TargetInventory) policy.TargetFacts {
	t := i.Status.Target
	if t.ID == "" {
		return facts(i, nil)
	}
	return facts(i, &astro.Target{ID: t.ID, WorkspaceID: t.WorkspaceID})
}

// factsOf are the facts of a target that was found.
func factsOf(t v1alpha1.BoundTarget) policy.TargetFacts {
	return policy.TargetFacts{Kind: t.Kind, ID: t.ID, WorkspaceID: t.WorkspaceID}
}

// bound is the target as Astro shows it.
func bound(i *v1alpha1.TargetInventory, found *astro.Target) v1alpha1.BoundTarget {
	f := facts(i, found)
	return v1alpha1.BoundTarget{Kind: f.Kind, ID: f.ID, Name: text.Clip(found.Name, text.MostName), WorkspaceID: f.WorkspaceID}
}

// subject is the namespace of the inventory as rules see it. Where its own connection has none, those of others are asked which bindings
// may be named: labels that cannot be read let none be.
func (r *Reconciler) subject(ctx context.Context, namespace string, h connection.Handle) (policy.Subject, error) {
	var n metav1.PartialObjectMetadata
	n.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Client.Get(ctx, client.ObjectKey{Name: namespace}, &n)
	if err != nil && (h.Key.Kind != v1alpha1.KindAstroConnection || len(h.Object.ConnectionSpec().Allow) > 0) {
		return policy.Subject{}, fmt.Errorf("get namespace %s: %w", namespace, err)
	}
	return policy.Subject{Namespace: namespace, Labels: n.Labels}, nil
}
