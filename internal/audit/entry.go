package audit

import "time"

// Version is the form of the lines. Fields may be added to a form; what one means does not change.
const Version = "v1"

// Entry is one line of the audit log: what became of one entry of a token's role set.
type Entry struct {
	// Audit marks the line among others, and is the form that it has.
	Audit string `json:"audit"`
	// Time is when the line was written.
	Time time.Time `json:"time"`
	// ID is the same in all lines about one change.
	ID string `json:"id"`

	Connection   Connection `json:"connection"`
	Organization Named      `json:"organization"`
	Token        Named      `json:"token"`
	Target       Target     `json:"target"`
	// From and To are the roles before and after; empty: none.
	From string `json:"from"`
	To   string `json:"to"`

	Cause   Cause   `json:"cause"`
	Outcome Outcome `json:"outcome"`
	// Bindings are those that caused the change, or that cover the role.
	Bindings []Binding `json:"bindings"`
	// Inventory is the TargetInventory that was confirmed to remove a role which no binding declares.
	Inventory *Binding `json:"inventory,omitempty"`
	// UpdatedBy is whom Astro named as the last to write the token before; empty if it names nobody.
	UpdatedBy string `json:"updatedBy,omitempty"`
	// RequestID is Astro's name for the request; empty if it gave none.
	RequestID string `json:"requestId,omitempty"`
}

// Connection names the connection whose credential is used.
type Connection struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Named is something in Astro.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Target is what the role is on.
type Target struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Binding is one ScopedTokenBinding, or another object of a namespace.
type Binding struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

// Cause is why a role is changed, or let go of.
type Cause string

// The causes. Whoever reads the log may rely on there being no others in this form but new ones for new features.
const (
	// Granted: a binding was given its role for the first time.
	Granted Cause = "granted"
	// Adopted: a binding has claimed a role that it found, and that stays as it was.
	Adopted Cause = "adopted"
	// RoleEdited: the role of the binding was edited.
	RoleEdited Cause = "roleEdited"
	// Drift: somebody else had changed the role or taken it away.
	Drift Cause = "drift"
	// Deleted: the binding was deleted.
	Deleted Cause = "deleted"
	// Orphan: the binding went without its finalizer having been asked.
	Orphan Cause = "orphan"
	// Withdrawn: the connection's rules do not allow the role any more.
	Withdrawn Cause = "withdrawn"
	// Expired: the binding's expiresAt is over.
	Expired Cause = "expired"
	// Retargeted: the user has confirmed another target of the same name.
	Retargeted Cause = "retargeted"
	// Dangling: the target of the role or its custom role is gone, or its Deployment was moved away, and Astro refuses every set with it.
	Dangling Cause = "dangling"
	// Undeclared: no binding declares the role, and an inventory was confirmed to remove it.
	Undeclared Cause = "undeclared"
	// Retain: the binding was deleted, and its deletionPolicy, or that of its connection, is Retain.
	Retain Cause = "retain"
	// Release: the binding was deleted, and its annotation says to let it go.
	Release Cause = "release"
	// Observe: the binding has only looked since its mode is Observe.
	Observe Cause = "observe"
)

// Causes are all causes.
func Causes() []Cause {
	return []Cause{Granted, Adopted, RoleEdited, Drift, Deleted, Orphan, Withdrawn, Expired, Retargeted, Dangling, Undeclared, Retain, Release, Observe}
}

// Outcome is what became of it.
type Outcome string

// The outcomes.
const (
	// Confirmed: Astro shows the change.
	Confirmed Outcome = "confirmed"
	// Written: Astro has taken the change and does not show it yet.
	Written Outcome = "written"
	// Unknown: the write was sent and had no answer that tells.
	Unknown Outcome = "unknown"
	// Refused: Astro has refused the change, or was seen not to have made it so late that it cannot arrive any more.
	Refused Outcome = "refused"
	// Retained: nothing was written; another binding covers the role.
	Retained Outcome = "retained"
	// Released: nothing was written; the role stays, and the operator has nothing to do with it any more.
	Released Outcome = "released"
)

// Outcomes are all outcomes.
func Outcomes() []Outcome {
	return []Outcome{Confirmed, Written, Unknown, Refused, Retained, Released}
}
