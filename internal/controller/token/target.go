package token

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
)

// findTarget finds the one target that the member means. What status has pinned is taken at its word once it was
// found, so that nothing is asked while everything is in sync.
func (r *Reconciler) findTarget(ctx context.Context, g *group, m *member) *fault {
	if known := m.knownTarget(); known != nil {
		m.target = known
		return nil
	}
	if m.requested() {
		m.conn.Directory.ForgetTarget(m.targetQuery())
	}
	found, err := m.conn.Directory.Targets(ctx, m.targetQuery())
	if err != nil {
		r.reportUnauthorized(m.conn, err)
		f := failed(v1alpha1.ConditionResolved, "look up "+m.targetWords(), err)
		if f.passing {
			g.outcome.retry(err)
		}
		return f
	}
	within := m.binding.Spec.Target.WorkspaceID
	found = slices.DeleteFunc(slices.Clone(found), func(t astro.Target) bool {
		return within != "" && t.WorkspaceID != string(within)
	})
	switch len(found) {
	case 0:
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro shows no %s; check spec.target, and that the connection's API token may see it", m.targetWords())
	case 1:
		m.target = &found[0]
		return nil
	default:
		return not(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetAmbiguous,
			"there is more than one %s: %s; make the binding with spec.target.id", m.targetWords(), targetIDs(found))
	}
}

// knownTarget is the target as status has it, if it was found for this spec and status says all of it.
func (m *member) knownTarget() *astro.Target {
	s := m.binding.Status.Target
	if !m.looked() || !conditionTrue(m.binding, v1alpha1.ConditionResolved) || m.requested() || s.ID == "" || s.ID != pin.TargetID(m.binding) ||
		(s.Kind == v1alpha1.TargetDeployment && s.WorkspaceID == "") {
		return nil
	}
	return &astro.Target{Kind: entities[s.Kind], ID: s.ID, Name: s.Name, WorkspaceID: cmp.Or(s.WorkspaceID, s.ID)}
}

func (m *member) targetQuery() astro.TargetQuery {
	spec := m.binding.Spec.Target
	q := astro.TargetQuery{Kind: entities[spec.Kind], ID: pin.TargetID(m.binding)}
	if q.ID == "" {
		q.Name, q.WorkspaceID = spec.Name, string(spec.WorkspaceID)
	}
	return q
}

// targetWords is the target as the user spells it.
func (m *member) targetWords() string {
	spec := m.binding.Spec.Target
	words := fmt.Sprintf("%s %q", spec.Kind, cmp.Or(spec.Name, string(spec.ID)))
	if spec.WorkspaceID != "" {
		words += " in Workspace " + string(spec.WorkspaceID)
	}
	return words
}

func targetIDs(targets []astro.Target) string {
	ids := make([]string, 0, len(targets))
	for _, t := range targets {
		ids = append(ids, t.ID)
	}
	return listed(ids)
}

// listed spells ids in order, the first few of them.
func listed(ids []string) string {
	const most = 5
	slices.Sort(ids)
	words := strings.Join(ids[:min(len(ids), most)], ", ")
	if len(ids) > most {
		words += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return words
}
