package decision

import (
	"cmp"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Ruling is what is decided for one binding.
type Ruling struct {
	Class roleset.Class
	Fault *fault.Fault // the first thing that stands in its way
	// Withheld is the class that the claim would have if the connection did not observe, where it has another for that.
	Withheld roleset.Class
	Target   *astro.Target

	Allowed   bool // the rules allow it, so its status may show what Astro says
	Withdrawn bool // the rules allowed once what they refuse now
	Rebind    bool // the user has confirmed the token that has the name now: the one that is gone is left
	Retarget  bool // the same of the target: its role is taken away before the binding looks for its name again
	Expired   bool // its time is over
	Release   bool // the finalizer may go: there is nothing to revoke, or it is to stay
	Overruled bool // it is to give its role up, and its credential may not write what another claims: it goes once that one has the role
	Denied    bool // its credential may not write the token, so that it has no say beside another's
	Uncertain bool // whether Astro was given the role shows only in a while

	// Obstacle is what is told of a binding that has expired beside that it has: nothing hangs on it any more.
	Obstacle *fault.Fault

	Verdict roleset.Verdict
}

// enforced is the class that the claim would have if its connection did not observe.
func (r *Ruling) enforced() roleset.Class { return cmp.Or(r.Withheld, r.Class) }

// withheld reports whether it is only said what would follow: the connection observes.
func (r *Ruling) withheld() bool { return r.Withheld != roleset.None }

// looksOn reports whether the binding wants to know what would happen if it did not observe.
func (b *Binding) looksOn(r Ruling) bool {
	return b.Observes() && r.Fault == nil && !b.Deleting() && !r.Expired
}

// where is TargetWords with the name and the Workspace that were found now, as far as the rules let the reader know.
func (b *Binding) where(r *Ruling) string {
	if r.Allowed {
		return b.targetWords(r.Target)
	}
	return b.targetWords(nil)
}

// onHold is the class of a binding that may not be worked on now: what it holds is not touched, and what it never held
// does not count.
func onHold(b *Binding) roleset.Class {
	if b.Claim == nil || (b.Observes() && !b.Deleting()) {
		return roleset.None
	}
	return roleset.Hold
}

// Decision is what follows from a situation: a ruling for each binding, the claims to take, and the changes to make.
type Decision struct {
	Rulings []Ruling // as the situation's bindings
	Plan    roleset.Plan

	Take       []int    // bindings that are to take their claim, or whose claim is to be taken on other terms
	Finalizers []int    // bindings that need the finalizer first
	ReadFirst  []int    // bindings before whose claim the token has to be read by id
	Looks      []int    // bindings of which nothing can be said before the token was read by id
	Changes    []Change // in an order in which every prefix can be written by itself

	claims map[int]pin.Claim // by binding, for those in Take
	byID   map[string]int    // bindings by their name among the claims
	rivals map[string]int    // by the binding that has the say over a role, the first that declares another
}

// indices are the places of bindings by their names among the claims; those that are gone by now are left out.
func (d *Decision) indices(ids []string) (all []int) {
	for _, id := range ids {
		if i, known := d.byID[id]; known {
			all = append(all, i)
		}
	}
	return all
}

// Change is a role change, and with whose credential it is made.
type Change struct {
	roleset.Change

	Owner   int          // the binding for which it is made, and through whose connection
	Refused *fault.Fault // Astro refused it before, and it is not tried again now
	Alone   bool         // Astro refused it before, so it is tried by itself
}
