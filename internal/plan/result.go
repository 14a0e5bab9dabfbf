package plan

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
)

// Result is how a world ends.
type Result struct {
	Changes []Change // to roles in Astro, in the order in which the operator makes them
	States  map[types.UID]State
}

// Change is what becomes of one role in Astro, as the audit log will say.
type Change struct {
	Organization string           `json:"organization"`
	Connection   audit.Connection `json:"connection"`
	Token        audit.Named      `json:"token"`
	Target       audit.Target     `json:"target"`
	From         string           `json:"from"` // empty: none
	To           string           `json:"to"`
	Cause        audit.Cause      `json:"cause"`
	Bindings     []Binding        `json:"bindings"`

	host string
	uids []types.UID
}

// Binding names one ScopedTokenBinding.
type Binding struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// same reports whether two results make the same of the same role.
func (c Change) same(o Change) bool {
	return c.host == o.host && c.Organization == o.Organization && c.Token.ID == o.Token.ID &&
		c.Target.Kind == o.Target.Kind && c.Target.ID == o.Target.ID && c.From == o.From && c.To == o.To
}

// State is what has become of one binding.
type State struct {
	Before *v1alpha1.ScopedTokenBinding
	Object *v1alpha1.ScopedTokenBinding // nil: it is gone
	Token  audit.Named
	Target audit.Target
	From   string // the role in its place before; empty: none, or the place is not known
	To     string
	Change *Change // that it is a cause of
}

// place is one entry of a role set.
type place struct {
	at         OrganizationKey
	token      string
	kind, onto string
}

func (r *run) result() Result {
	result := Result{Changes: r.changes(), States: map[types.UID]State{}}
	causes := map[types.UID]*Change{}
	for i := range result.Changes {
		for _, uid := range result.Changes[i].uids {
			causes[uid] = &result.Changes[i]
		}
	}
	for _, b := range r.world.Bindings {
		st := State{Before: b, Object: r.objects[b.UID], Change: causes[b.UID]}
		r.locate(&st)
		result.States[b.UID] = st
	}
	return result
}

// changes are the entries of the log, of several about one role the sum.
func (r *run) changes() []Change {
	var all []Change
	at := map[place]int{}
	for _, e := range r.entries {
		if e.Outcome != audit.Confirmed {
			continue
		}
		where := place{e.at, e.Token.ID, e.Target.Kind, e.Target.ID}
		i, known := at[where]
		if !known {
			i = len(all)
			at[where], all = i, append(all, Change{
				Organization: e.at.ID, Connection: e.Connection, Token: e.Token, Target: e.Target, From: e.From, Cause: e.Cause, host: e.at.Host,
			})
		}
		c := &all[i]
		c.To = e.To
		for _, b := range e.Bindings {
			if uid := types.UID(b.UID); !slices.Contains(c.uids, uid) {
				c.Bindings, c.uids = append(c.Bindings, Binding{b.Namespace, b.Name}), append(c.uids, uid)
			}
		}
	}
	return slices.DeleteFunc(all, func(c Change) bool { return c.From == c.To })
}

// locate finds out which place a binding speaks of, and which role is there before and after.
func (r *run) locate(st *State) {
	now := cmp.Or(st.Object, st.Before)
	if pin.TokenID(now) == "" || pin.TargetID(now) == "" { // what it has left is told by what it held
		now = st.Before
	}
	st.Token = audit.Named{ID: pin.TokenID(now), Name: cmp.Or(now.Status.Token.Name, now.Spec.Token.Name)}
	st.Target = audit.Target{
		Kind: string(now.Spec.Target.Kind), ID: pin.TargetID(now), Name: cmp.Or(now.Status.Target.Name, now.Spec.Target.Name),
	}
	b := r.binding(now)
	at := organizationOf(r.keyOf(&b))
	token := at.token(st.Token.ID)
	if t, listed := r.listed[token]; listed {
		st.Token.Name = t.Name
	}
	on := astro.RoleKey{EntityType: resolve.Entities[now.Spec.Target.Kind], EntityID: st.Target.ID}
	if t, listed := r.targets[at][on]; listed {
		st.Target.Name = t.Name
	}
	if st.Token.ID != "" && st.Target.ID != "" {
		st.From, st.To = r.listed[token].RoleOn(on), r.tokens[token].RoleOn(on)
	}
}
