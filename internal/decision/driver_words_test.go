package decision

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// words are an effect as one reads it.
func (w *driver) words(_ Progress, e Effect) string {
	through := func(id string) string { return strings.TrimPrefix(id, "ClusterAstroConnection//") }
	who := func(uids []types.UID) string {
		all := make([]string, len(uids))
		for i, uid := range uids {
			all[i] = strings.TrimPrefix(string(uid), "uid-")
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	switch e := e.(type) {
	case Read:
		return "Read " + through(e.Through)
	case ReadForWrite:
		return "ReadForWrite " + through(e.Through)
	case AddFinalizers:
		return "AddFinalizers " + who(e.Bindings)
	case WriteJournal:
		return "WriteJournal " + who(slices.Collect(maps.Keys(e.Claims)))
	case MayRevoke:
		return "MayRevoke " + through(e.Through) + " " + where(e.Targets)
	case Post:
		return "Post " + through(e.Through) + " " + changeWords(e.Changes)
	case Diagnose:
		words := "Diagnose " + changeWords(e.Changes)
		if e.Dangling {
			words += ", dangling"
		}
		return words
	case Withdraw:
		return "Withdraw " + who(e.Bindings)
	case Clear:
		return "Clear " + who(e.Bindings)
	case Report:
		return "Report"
	}
	return fmt.Sprintf("%T", e)
}

func where(targets []roleset.Target) string {
	all := make([]string, len(targets))
	for i, t := range targets {
		all[i] = t.ID
	}
	return strings.Join(all, " ")
}

func changeWords(changes []Change) string {
	if len(changes) == 0 {
		return "as it is"
	}
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = fmt.Sprintf("%s: %s", c.Target.ID, c.Change)
	}
	return strings.Join(all, ", ")
}

// state is what a binding was told: its Ready condition, its role, its claim, and what else became of it.
func (w *driver) state(name string) string {
	st, told := w.statements[types.UID("uid-"+name)]
	if !told {
		return "not told"
	}
	return st.words()
}

func (st Statement) words() string {
	words := "unchanged"
	if st.Write {
		words = ""
		for _, c := range st.Status.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				words = fmt.Sprintf("%s/%s", c.Status, c.Reason)
			}
		}
		if st.Status.Claim != nil {
			words += fmt.Sprintf(" %s %s", st.Status.Claim.State, st.Status.Origin)
		}
	}
	for _, mark := range []struct {
		is   bool
		word string
	}{{st.Release, "released"}, {st.Revoked, "revoked"}, {st.Kept, "kept"}, {st.Changed && !st.Revoked, "changed"}} {
		if mark.is {
			words += ", " + mark.word
		}
	}
	return words
}

// states are what all bindings were told, by name.
func (w *driver) states() map[string]string {
	all := map[string]string{}
	for uid, st := range w.statements {
		all[strings.TrimPrefix(string(uid), "uid-")] = st.words()
	}
	return all
}

// message is that of a binding's Ready condition.
func (w *driver) message(name string) string {
	for _, c := range w.statements[types.UID("uid-"+name)].Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Message
		}
	}
	return ""
}

// status is what a binding was given.
func (w *driver) status(name string) v1alpha1.ScopedTokenBindingStatus {
	return w.statements[types.UID("uid-"+name)].Status
}

// on is the role that Astro holds on the target in the end.
func (w *driver) on(t roleset.Target) string { return w.astro.RoleOn(t.Key()) }
