package resolve

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// Entities are Astro's words for the kinds of target.
var Entities = map[v1alpha1.TargetKind]astro.EntityType{
	v1alpha1.TargetWorkspace:  astro.EntityWorkspace,
	v1alpha1.TargetDeployment: astro.EntityDeployment,
}

// Kinds are the kinds of target by Astro's words for them.
var Kinds = map[astro.EntityType]v1alpha1.TargetKind{
	astro.EntityWorkspace:  v1alpha1.TargetWorkspace,
	astro.EntityDeployment: v1alpha1.TargetDeployment,
}

// elsewhere is where a target may have been made again so that its name does not lead to it.
var elsewhere = map[v1alpha1.TargetKind]string{
	v1alpha1.TargetWorkspace:  "under another name",
	v1alpha1.TargetDeployment: "in another Workspace",
}

// TargetWords is the target as the user spells it.
func TargetWords(t v1alpha1.TargetReference) string {
	words := fmt.Sprintf("%s %s", t.Kind, text.Quote(cmp.Or(t.Name, string(t.ID))))
	if t.WorkspaceID != "" {
		words += " in Workspace " + string(t.WorkspaceID)
	}
	return words
}

// TargetQuery is how the target is looked up: by the id that it is known to have, or else by its name.
func TargetQuery(t v1alpha1.TargetReference, id string) astro.TargetQuery {
	q := astro.TargetQuery{Kind: Entities[t.Kind], ID: id}
	if q.ID == "" {
		q.Name, q.WorkspaceID = t.Name, string(t.WorkspaceID)
	}
	return q
}

// Target is the one target that the reference means, of those that a lookup found, or why it is not known. pinned is the id
// that its name was found to stand for before, if any: wherever that target is now, it is meant. instead says what to make
// where a name is several targets'. What is declared by id and is in another Workspace comes with the fault, so that the
// rules are asked about where it is.
func Target(t v1alpha1.TargetReference, pinned string, found []astro.Target, err error, instead string) (*astro.Target, *fault.Fault) {
	if err != nil {
		return nil, fault.FromAstroError(v1alpha1.ConditionResolved, "look up "+TargetWords(t), err)
	}
	within := slices.DeleteFunc(slices.Clone(found), func(o astro.Target) bool {
		return t.WorkspaceID != "" && o.WorkspaceID != string(t.WorkspaceID) && (t.ID != "" || pinned == "")
	})
	switch {
	case len(within) == 0 && len(found) == 1 && t.ID != "":
		return &found[0], fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"%s %q is in Workspace %s, not in %s as spec.target.workspaceId says; make %s without it, or with the right one",
			t.Kind, t.ID, found[0].WorkspaceID, t.WorkspaceID, instead)
	case len(within) == 0 && pinned != "" && t.ID == "":
		return nil, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro does not show %s any more (it was %s); if it was made again %s, recreate %s for that",
			TargetWords(t), pinned, elsewhere[t.Kind], instead)
	case len(within) == 0:
		return nil, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetNotFound,
			"Astro shows no %s; check spec.target, and that the connection's API token may see it", TargetWords(t))
	case len(within) == 1:
		return &within[0], nil
	default:
		return nil, fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetAmbiguous,
			"there is more than one %s: %s; recreate %s with spec.target.id, or rename the others in Astro", TargetWords(t), Listed(ids(within)), instead)
	}
}

// Replaced is the fault of a name that was found to stand for a target which is not shown any more, and which others have now. verb is
// what the user confirms the other for, instead what to make again where there are several.
func Replaced(t v1alpha1.TargetReference, gone string, others []astro.Target, verb, instead string) *fault.Fault {
	if len(others) > 1 {
		return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetReplaced,
			"Astro shows no %s with id %s any more, and more than one other has its name: %s; "+
				"recreate %s with one of these ids as spec.target.id, or delete or rename the others in Astro",
			TargetWords(t), gone, Listed(ids(others)), instead)
	}
	return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTargetReplaced,
		"Astro shows no %s with id %s any more, and another with id %s has its name; set the annotation %s to %s to %s that one",
		TargetWords(t), gone, others[0].ID, v1alpha1.AnnotationConfirmTarget, others[0].ID, verb)
}

func ids(targets []astro.Target) []string {
	all := make([]string, 0, len(targets))
	for _, t := range targets {
		all = append(all, t.ID)
	}
	return all
}

// Listed names ids in order, the first few of them.
func Listed(ids []string) string {
	const most = 5
	sorted := slices.Sorted(slices.Values(ids))
	words := strings.Join(sorted[:min(len(sorted), most)], ", ")
	if len(sorted) > most {
		words += fmt.Sprintf(" and %d more", len(sorted)-most)
	}
	return words
}
