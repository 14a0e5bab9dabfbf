package plan

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

const (
	// rounds is how often every token is reconciled at most: what one reconcile leaves to the next is done after a few.
	rounds = 8
	// pause is between two rounds: longer than any wait for a write that had no answer, shorter than what is remembered.
	pause = time.Minute
)

// run is a world on which the operator works.
type run struct {
	world       *World
	connections map[ref.Key]v1alpha1.Connection
	targets     map[OrganizationKey]map[astro.RoleKey]astro.Target // by id
	names       map[OrganizationKey]map[pin.NameRef][]astro.Token

	now     time.Time
	objects map[types.UID]*v1alpha1.ScopedTokenBinding // as they are by now; those that are gone are not there
	listed  map[decision.Key]astro.Token               // as Astro has them
	tokens  map[decision.Key]astro.Token               // with the roles that they hold by now
	handed  map[types.UID]string                       // tokens that bindings were found to name
	memory  map[decision.Key]decision.Memory
	limits  map[string]*limit // of connections, by their id
	entries []entry           // what the audit log would say
	changed bool              // in this round
}

// entry is a line that the audit log would have, and where it is about.
type entry struct {
	audit.Entry

	at OrganizationKey
}

// Run lets the operator work on the world until nothing more happens.
func Run(w World) Result {
	r := newRun(&w)
	for range rounds {
		r.changed = false
		for _, g := range r.unresolved() {
			r.reconcileUnresolved(g)
		}
		for _, g := range r.groups() {
			r.reconcile(g)
		}
		if !r.changed {
			break
		}
		r.now = r.now.Add(pause)
	}
	return r.result()
}

func newRun(w *World) *run {
	r := &run{
		world: w, connections: map[ref.Key]v1alpha1.Connection{}, targets: map[OrganizationKey]map[astro.RoleKey]astro.Target{},
		names: map[OrganizationKey]map[pin.NameRef][]astro.Token{},
		now:   w.Now, objects: map[types.UID]*v1alpha1.ScopedTokenBinding{}, tokens: map[decision.Key]astro.Token{},
		handed: map[types.UID]string{}, memory: map[decision.Key]decision.Memory{}, limits: map[string]*limit{},
	}
	for _, c := range w.Connections {
		r.connections[ref.KeyOf(c)] = c
	}
	for _, b := range w.Bindings {
		if !b.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(b, v1alpha1.FinalizerRevoke) {
			if pin.Claimed(b) == nil {
				continue // it goes at once
			}
			b = b.DeepCopy() // the operator would see that a claim goes without it, and revoke the role all the same
			controllerutil.AddFinalizer(b, v1alpha1.FinalizerRevoke)
		}
		r.objects[b.UID] = b
	}
	for at, o := range w.Organizations {
		for _, t := range o.Tokens {
			r.tokens[decision.Key{Host: at.Host, Organization: at.ID, Token: t.ID}] = t
		}
		byID := make(map[astro.RoleKey]astro.Target, len(o.Targets))
		for _, t := range o.Targets {
			byID[astro.RoleKey{EntityType: t.Kind, EntityID: t.ID}] = t
		}
		r.targets[at], r.names[at] = byID, o.byName()
	}
	r.listed = maps.Clone(r.tokens)
	return r
}

// inOrder are the bindings that there are by now, by namespace and name.
func (r *run) inOrder() []*v1alpha1.ScopedTokenBinding {
	all := make([]*v1alpha1.ScopedTokenBinding, 0, len(r.objects))
	for _, b := range r.world.Bindings {
		if now := r.objects[b.UID]; now != nil {
			all = append(all, now)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.ScopedTokenBinding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}
