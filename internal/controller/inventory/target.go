package inventory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

var entities = map[v1alpha1.TargetKind]astro.EntityType{
	v1alpha1.TargetWorkspace:  astro.EntityWorkspace,
	v1alpha1.TargetDeployment: astro.EntityDeployment,
}

// pinned is the id of the target, declared or found before, "" while it is only named.
func pinned(i *v1alpha1.TargetInventory) string {
	return cmp.Or(string(i.Spec.Target.ID), i.Status.Target.ID)
}

// resolve finds the one target that the inventory means. What it says of a target that was not found counts only once
// the rules are known to allow the user to hear it.
func resolve(ctx context.Context, i *v1alpha1.TargetInventory, h connection.Handle) (*astro.Target, *fault.Fault) {
	spec := i.Spec.Target
	q := astro.TargetQuery{Kind: entities[spec.Kind], ID: pinned(i)}
	if q.ID == "" {
		q.Name, q.WorkspaceID = spec.Name, string(spec.WorkspaceID)
	}
	found, err := h.Directory.Targets(ctx, q)
	if err != nil {
		return nil, fault.FromAstroError(v1alpha1.ConditionResolved, fmt.Sprintf("look up %s", called(spec)), err)
	}
	found = slices.DeleteFunc(slices.Clone(found), func(t astro.Target) bool {
		return spec.WorkspaceID != "" && t.WorkspaceID != string(spec.WorkspaceID)
	})
	switch len(found) {
	case 0:
		return nil, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro shows no %s; check spec.target, and that the connection's API token may see it", called(spec))
	case 1:
		return &found[0], nil
	default:
		return nil, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetAmbiguous,
			"there is more than one %s: %s; make an inventory with spec.target.id", called(spec), ids(found))
	}
}

// called is the target as the user spells it.
func called(t v1alpha1.TargetReference) string {
	what := fmt.Sprintf("%s %q", t.Kind, cmp.Or(t.Name, string(t.ID)))
	if t.WorkspaceID != "" {
		what += fmt.Sprintf(" in Workspace %s", t.WorkspaceID)
	}
	return what
}

func ids(targets []astro.Target) string {
	var all []string
	for _, t := range targets {
		all = append(all, t.ID)
	}
	slices.Sort(all)
	return strings.Join(all[:min(len(all), 5)], ", ")
}

// refused asks the rules.
func refused(h connection.Handle, s policy.Subject, t policy.TargetFacts) *fault.Fault {
	d := policy.CheckInventory(h.Object, s, t)
	if d.Allowed {
		return nil
	}
	return fault.NotTrue(v1alpha1.ConditionAccepted, d.Reason, "%s", d.Message)
}

// facts are what is known of the target: as found, or as declared.
func facts(i *v1alpha1.TargetInventory, found *astro.Target) policy.TargetFacts {
	if found == nil {
		return policy.TargetFacts{Kind: i.Spec.Target.Kind, ID: string(i.Spec.Target.ID), WorkspaceID: string(i.Spec.Target.WorkspaceID)}
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

// bound is the target as Astro shows it.
func bound(i *v1alpha1.TargetInventory, found *astro.Target) v1alpha1.BoundTarget {
	f := facts(i, found)
	return v1alpha1.BoundTarget{Kind: f.Kind, ID: f.ID, Name: found.Name, WorkspaceID: f.WorkspaceID}
}

// subject is the namespace of the inventory as rules see it.
func (r *Reconciler) subject(ctx context.Context, namespace string, h connection.Handle) (policy.Subject, error) {
	if h.Key.Kind == v1alpha1.KindAstroConnection && len(h.Object.ConnectionSpec().Allow) == 0 {
		return policy.Subject{Namespace: namespace}, nil
	}
	var n metav1.PartialObjectMetadata
	n.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.Client.Get(ctx, client.ObjectKey{Name: namespace}, &n); err != nil {
		return policy.Subject{}, fmt.Errorf("get namespace %s: %w", namespace, err)
	}
	return policy.Subject{Namespace: namespace, Labels: n.Labels}, nil
}
