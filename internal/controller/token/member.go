package token

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// member is one binding of a group, with what a reconcile finds out about it on its way.
type member struct {
	binding *v1alpha1.ScopedTokenBinding
	owned   bool // the object is a copy, and not the cache's
	conn    connection.Handle
	found   bool // the connection exists

	ghost   bool // the object is gone, and only the role is left to be revoked
	given   bool // a ghost for which this process sent the role
	held    *v1alpha1.HeldClaim
	takes   bool              // the claim is taken in this reconcile
	sent    bool              // a change for it may have reached Astro in this reconcile
	allowed bool              // the rules allow it, so its status may show what Astro says
	labels  map[string]string // of its namespace, as far as rules speak of them
	moveTo  string            // the token that the user has confirmed in place of one that is gone

	target  *astro.Target
	class   roleset.Class
	fault   *fault // the first thing that stands in the way
	verdict roleset.Verdict
	done    change // what this reconcile did for the member
	release bool   // the finalizer may go
}

// change is what a reconcile did in Astro for a member.
type change struct {
	written bool
	update  bool // another role was there under the same claim, as its status said already
	drift   bool
}

func (m *member) id() string {
	if m.ghost {
		return string(m.binding.UID) // its name may be another's by now
	}
	return types.NamespacedName{Namespace: m.binding.Namespace, Name: m.binding.Name}.String()
}

func (m *member) leaving() bool { return !m.binding.DeletionTimestamp.IsZero() }

func (m *member) observes() bool { return m.binding.Spec.Mode == v1alpha1.ModeObserve }

// role is the role that the binding declares.
func (m *member) role() string {
	if m.binding.Spec.Role == "" {
		return v1alpha1.RoleDeploymentAdmin
	}
	return m.binding.Spec.Role
}

// targetID is the id of the target, "" while it is only spelled.
func (m *member) targetID() string {
	if m.target != nil {
		return m.target.ID
	}
	return pin.TargetID(m.binding)
}

// entry is the place in the token's role set that the member speaks of.
func (m *member) entry() roleset.Target {
	return roleset.Target{Kind: entities[m.binding.Spec.Target.Kind], ID: m.targetID()}
}

// claim is the member as the planner sees it. A claim that is taken in this very reconcile counts as not held, so that
// a fresh look at the token decides anew whether it may be taken.
func (m *member) claim() roleset.Claim {
	c := roleset.Claim{ID: m.id(), Target: m.entry(), Role: m.role(), Class: m.class, Adopt: adoptOf(m.binding.Spec.Adopt)}
	switch {
	case m.held != nil && (!m.takes || m.sent):
		c.HeldAt = m.held.Time.Time
	case m.vouched():
		c.HeldAt = m.binding.CreationTimestamp.Time
	}
	c.Observe = m.class == roleset.None && m.observes() && m.fault == nil && !m.leaving()
	return c
}

func adoptOf(p v1alpha1.AdoptPolicy) roleset.Adopt {
	switch p {
	case v1alpha1.AdoptNever:
		return roleset.AdoptNever
	case v1alpha1.AdoptIfSameRole:
		return roleset.AdoptIfSameRole
	default:
		return roleset.AdoptAlways
	}
}

// settled reports whether the status already speaks of this spec and says Ready. Such a member is left as it is while
// Astro cannot be reached, so that an outage costs no status write a binding.
func (m *member) settled() bool { return pin.Settled(m.binding) }

// requested reports whether the user asks for a look at Astro by annotation.
func (m *member) requested() bool {
	want := m.binding.Annotations[v1alpha1.AnnotationRequestedAt]
	return want != "" && want != m.binding.Status.LastHandledReconcileAt
}

// vouched reports whether the status says that the claim was held, which only its annotation has lost since.
func (m *member) vouched() bool {
	s := m.binding.Status
	return s.Origin != "" && s.Token.ID != "" && s.Token.ID == pin.TokenID(m.binding) && s.Target.ID != "" && s.Target.ID == m.targetID()
}

// borneOut reports whether the operator's own word agrees with the held claim: the status, or, for a binding that vanished
// before it had one, what this process remembers.
func (m *member) borneOut() bool { return m.given || pin.Verified(m.binding, m.held) }

// pinnedElsewhere reports whether the status has the token of another Organization than the one that the connection leads
// to, since it was made again.
func (m *member) pinnedElsewhere() bool {
	s := m.binding.Status
	return s.Token.ID != "" && s.OrganizationID != "" && s.OrganizationID != m.conn.Organization
}

// expired reports whether the token's validity has ended.
func expired(t astro.Token, now time.Time) bool { return t.EndAt != nil && !t.EndAt.After(now) }
