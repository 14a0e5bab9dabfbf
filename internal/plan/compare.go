package plan

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// Operation is what applying the manifests does to an object.
type Operation string

// The operations.
const (
	Create    Operation = "create"
	Update    Operation = "update"
	Delete    Operation = "delete"
	Unchanged Operation = "unchanged"
)

// Action is what becomes of the role that a binding declares.
type Action string

// The actions.
const (
	Grant   Action = "grant"
	Alter   Action = "change"
	Revoke  Action = "revoke"
	Adopt   Action = "adopt"   // the role is there, and the binding takes its claim
	Release Action = "release" // the binding gives its claim up, and the role stays
	Blocked Action = "blocked" // the binding does not become Ready
	Nothing Action = "none"
)

// Actions are all actions, in the order in which a summary counts them.
func Actions() []Action { return []Action{Grant, Alter, Revoke, Adopt, Release, Blocked, Nothing} }

// Declared is what the manifests do to one binding.
type Declared struct {
	Operation Operation
	Source    string // where the manifest is; empty: nowhere
}

// Ready is what the condition Ready says.
type Ready struct {
	Status  metav1.ConditionStatus `json:"status"`
	Reason  string                 `json:"reason"`
	Message string                 `json:"message,omitempty"`
}

// Item is what the manifests change for one binding.
type Item struct {
	Namespace  string       `json:"namespace"`
	Name       string       `json:"name"`
	Operation  Operation    `json:"operation"`
	Source     string       `json:"source,omitempty"`
	Connection string       `json:"connection"` // as Kind/name
	Token      audit.Named  `json:"token"`
	Target     audit.Target `json:"target"`
	Action     Action       `json:"action"`
	From       string       `json:"from"` // the role in Astro now; empty: none
	To         string       `json:"to"`   // the role in Astro then
	// Pending says that the operator does the same without the manifests.
	Pending bool   `json:"pending,omitempty"`
	Now     *Ready `json:"readyNow,omitempty"`
	Then    *Ready `json:"readyThen,omitempty"`
}

// Changes reports whether anything is done, to the object, in Astro or to the claim of the binding.
func (i *Item) Changes() bool {
	idle := i.Action == Nothing || i.Action == Blocked
	return i.Operation != Unchanged || !idle || !i.Now.same(i.Then)
}

func (r *Ready) same(o *Ready) bool {
	if r == nil || o == nil {
		return o == nil // of what is not looked at nobody says anything new
	}
	return r.Status == o.Status && r.Reason == o.Reason
}

// Compare lists the bindings that the manifests declare or delete, and those others that fare otherwise with them than
// without. now is the result without the manifests, then with them.
func Compare(now, then Result, declared map[types.UID]Declared) []Item {
	var all []Item
	for uid, st := range then.States {
		d, is := declared[uid]
		before, was := now.States[uid]
		if !is {
			d.Operation = Unchanged
			if was && before.fares(st) {
				continue
			}
		}
		item := st.item(d)
		if was {
			item.Now = readyOf(before.Before)
			item.Pending = item.Action != Nothing && item.Action != Blocked && before.fares(st)
		}
		all = append(all, item)
	}
	slices.SortFunc(all, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// fares reports whether the binding ends the same way in both.
func (s State) fares(o State) bool {
	if (s.Object == nil) != (o.Object == nil) || s.To != o.To || s.action() != o.action() || (s.Change == nil) != (o.Change == nil) {
		return false
	}
	if s.Change != nil && !s.Change.same(*o.Change) {
		return false
	}
	return s.Object == nil || readyOf(s.Object).same(readyOf(o.Object))
}

func (s State) item(d Declared) Item {
	b := cmp.Or(s.Object, s.Before)
	key := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	item := Item{
		Namespace: b.Namespace, Name: b.Name, Operation: d.Operation, Source: d.Source, Connection: string(key.Kind) + "/" + key.Name,
		Token: s.Token, Target: s.Target, Action: s.action(), From: s.From, To: s.To,
	}
	if s.Object != nil {
		item.Then = readyOf(s.Object)
	}
	return item
}

// action is what becomes of the binding's role.
func (s State) action() Action {
	held, holds := pin.Claimed(s.Before) != nil, s.Object != nil && pin.Claimed(s.Object) != nil
	switch {
	case s.Change != nil && s.Change.To == "":
		return Revoke
	case s.Change != nil && s.Change.From == "":
		return Grant
	case s.Change != nil:
		return Alter
	case held && !holds && (s.Object != nil || s.To != ""): // else there is no role that could stay
		return Release
	case !held && holds:
		return Adopt
	case s.Object == nil:
		return Nothing
	}
	if ready := readyOf(s.Object); !s.Object.DeletionTimestamp.IsZero() || ready == nil || ready.Status != metav1.ConditionTrue {
		return Blocked
	}
	return Nothing
}

func readyOf(b *v1alpha1.ScopedTokenBinding) *Ready {
	if b == nil {
		return nil
	}
	c := meta.FindStatusCondition(b.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return nil
	}
	return &Ready{Status: c.Status, Reason: c.Reason, Message: c.Message}
}

// Concerned are the changes of which a binding in the list is a cause.
func Concerned(changes []Change, items []Item) (all []Change) {
	listed := make(map[Binding]bool, len(items))
	for i := range items {
		listed[Binding{items[i].Namespace, items[i].Name}] = true
	}
	for _, c := range changes {
		if slices.ContainsFunc(c.Bindings, func(b Binding) bool { return listed[b] }) {
			all = append(all, c)
		}
	}
	return all
}
