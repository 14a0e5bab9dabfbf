package decision

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Binding is one ScopedTokenBinding, with what was looked up for it.
type Binding struct {
	Object     *v1alpha1.ScopedTokenBinding
	Orphan     bool // the object is gone, and what it was granted is to be revoked
	Undeclared bool // an orphan that never was a binding: a role nobody declares, which the inventory of that UID is to remove
	Connection Connection

	Labels    map[string]string // of its namespace
	LabelsErr error             // why they could not be read, where the rules of its connection may speak of them

	// Postponed says that what the user asks for by annotation has to wait, because the namespace has asked for more than its
	// share.
	Postponed bool
	// Together says that it is beyond the share, and is answered with others of the namespace by a listing that is new enough. Else
	// it takes a read of the token by its id.
	Together bool
	// Asked is since when Astro has to have been asked for what answers it.
	Asked time.Time

	// Claim is what the binding holds, by its status or by the journal, whichever is later; nil if it holds nothing.
	Claim *pin.Claim
	// Recovered is when a claim was read that only the journal of an earlier process knows, or whose write had no answer:
	// whether Astro was given the role has to be seen. Zero: the claim is known to have been given.
	Recovered time.Time
	// Journaled says that the journal holds the claim, and is to be cleared once the status does.
	Journaled bool

	Target TargetFinding
	Names  NameFinding
}

// TargetFinding is what a lookup of the binding's target showed.
type TargetFinding struct {
	Looked bool
	Found  []astro.Target
	Err    error
	// Named are the targets that have the name now for which the one that is not found was bound.
	Named []astro.Target
	Alike []astro.Target // where a name was not found: targets whose name looks like it
	// Old: the answer is from before, and has none or several. It is new to the user, for whom the target may have been made since.
	Old bool
}

// NameFinding is which tokens have the binding's name now. It is looked up where the token that the name stood for is gone.
type NameFinding struct {
	Tokens []astro.Token
	Err    error
	Alike  []astro.Token // where there is none: tokens whose name looks like it
}

// ID is the binding's name among the claims of its token. The name of an orphan may be another object's by now.
func (b *Binding) ID() string {
	if b.Orphan {
		return string(b.Object.UID)
	}
	return types.NamespacedName{Namespace: b.Object.Namespace, Name: b.Object.Name}.String()
}

// Deleting reports whether the binding is to go.
func (b *Binding) Deleting() bool { return b.Orphan || !b.Object.DeletionTimestamp.IsZero() }

// Observes reports whether the binding only looks, by its own mode, and so gives up what it holds. That its connection
// observes is another matter: what it holds it keeps then.
func (b *Binding) Observes() bool { return b.Object.Spec.Mode == v1alpha1.ModeObserve }

// Role is the role that the binding declares.
func (b *Binding) Role() string { return cmp.Or(b.Object.Spec.Role, v1alpha1.RoleDeploymentAdmin) }

// granted is the role that was last in place under the claim, as the status has it; empty if none was.
func (b *Binding) granted() string {
	if b.Claim == nil || b.Journaled || b.Object.Status.Claim == nil {
		return ""
	}
	return b.Object.Status.Claim.GrantedRole
}

// given is the role that the binding was given last: by its status, or by the journal where no status tells of it yet.
func (b *Binding) given() string {
	if b.Journaled && b.Claim != nil {
		return b.Claim.Role
	}
	return b.granted()
}

// entersFirst reports whether the claim has to come to the status before its role is changed: only the journal has it, with
// another role, by which it would not be known again.
func (b *Binding) entersFirst() bool {
	return b.Journaled && b.Claim != nil && b.Claim.Role != b.Role()
}

// Requested reports whether the user asks for a look at Astro by annotation, and need not wait for it.
func (b *Binding) Requested() bool { return b.Asks() && !b.Postponed }

// RequestedAlone reports whether Astro is to be asked for this look as for no other: no listing answers it.
func (b *Binding) RequestedAlone() bool { return b.Requested() && !b.Together }

// Asks reports whether the user asks for a look at Astro by annotation.
func (b *Binding) Asks() bool {
	want := b.Object.Annotations[v1alpha1.AnnotationRequestedAt]
	return want != "" && want != b.Object.Status.LastHandledReconcileAt && !b.Orphan // which nobody can be answered on
}

// Looked reports whether the status speaks of this spec.
func (b *Binding) Looked() bool { return pin.Looked(b.Object) }

// UpToDate reports whether the status speaks of this spec and says Ready. It is left as it is while Astro cannot be
// reached, so that an outage costs no status write a binding.
func (b *Binding) UpToDate() bool { return pin.UpToDate(b.Object) }

// deletionPolicy is what the binding says of its deletion, or where it says nothing, what its connection does. Of one that is
// gone, what it said last holds. Empty: nobody knows.
func (b *Binding) deletionPolicy() v1alpha1.DeletionPolicy {
	return cmp.Or(b.Object.Spec.DeletionPolicy, b.Connection.deletionPolicy(), b.Object.Status.DeletionPolicy)
}

// Retains reports whether the role is to stay when the binding is deleted, by its own words or its connection's.
func (b *Binding) Retains() bool { return b.deletionPolicy() == v1alpha1.DeletionRetain }

// MayStay reports whether the role is to stay in Astro when the binding goes.
func (b *Binding) MayStay() bool {
	return b.Object.Annotations[v1alpha1.AnnotationRelease] == "true" ||
		b.Retains() || b.Observes()
}

// finalized reports whether the object carries the finalizer.
func (b *Binding) finalized() bool {
	return controllerutil.ContainsFinalizer(b.Object, v1alpha1.FinalizerRevoke)
}

// otherFinalizers are those that are not the operator's.
func (b *Binding) otherFinalizers() []string {
	return slices.DeleteFunc(slices.Clone(b.Object.Finalizers), func(f string) bool { return f == v1alpha1.FinalizerRevoke })
}

// outlives reports whether a binding that is being deleted stays when the operator lets it go, with a claim in its status.
func (b *Binding) outlives() bool {
	return b.Deleting() && !b.Orphan && pin.Claimed(b.Object) != nil && len(b.otherFinalizers()) > 0
}

// mayBeLost reports whether the binding, which is being deleted, may have had a claim whose record is lost: nobody had
// looked at the object before it was deleted.
func (b *Binding) mayBeLost() bool {
	if !b.Deleting() || b.Orphan || b.Claim != nil || !b.finalized() || b.MayStay() {
		return false
	}
	resolved := meta.FindStatusCondition(b.Object.Status.Conditions, v1alpha1.ConditionResolved)
	return b.Object.Status.ObservedGeneration < 0 || resolved != nil && resolved.Reason == v1alpha1.ReasonPinLost
}

// pinned reports whether the binding is this token's whatever its name: declared by id, claimed, or found before.
func (b *Binding) pinned() bool {
	return b.Object.Spec.Token.ID != "" || b.Claim != nil || b.Object.Status.Token.ID != ""
}

// ByNameOnly reports whether nothing but its name says that the binding is this token's.
func (b *Binding) ByNameOnly() bool { return !b.pinned() }

// NameRef is how the binding names its token.
func (b *Binding) NameRef() pin.NameRef { return pin.NameRefOf(b.Object) }

// targetID is the id of the target: as found, claimed, declared or pinned; empty while it is only named.
func (b *Binding) targetID(found *astro.Target) string {
	switch {
	case b.Claim != nil:
		return b.Claim.Target
	case found != nil:
		return found.ID
	case b.pinnedElsewhere():
		return string(b.Object.Spec.Target.ID)
	default:
		return pin.TargetID(b.Object)
	}
}

// pinnedElsewhere reports whether the status has a target of another Organization than the one that the connection leads to by now,
// and nothing else was found there: the connection was made again, and the names are looked up anew.
func (b *Binding) pinnedElsewhere() bool {
	s, c := &b.Object.Status, &b.Connection
	return b.Claim == nil && s.Token.ID == "" && s.OrganizationID != "" && c.Organization != "" && s.OrganizationID != c.Organization
}

// entry is the place in the token's role set that the binding speaks of.
func (b *Binding) entry(found *astro.Target) roleset.Target {
	return roleset.Target{Kind: resolve.Entities[b.Object.Spec.Target.Kind], ID: b.targetID(found)}
}

// TargetQuery is how the target is looked up.
func (b *Binding) TargetQuery() astro.TargetQuery {
	return resolve.TargetQuery(b.Object.Spec.Target, b.targetID(nil))
}

// NeedsTarget reports whether the target has to be looked up. Else what a sweep or the status says is enough, so that
// nothing is asked while everything is in sync.
func (b *Binding) NeedsTarget() bool { return b.knownTarget() == nil }

// knownTarget is the target as the status has it, if it was found for this spec and the status says all of it.
func (b *Binding) knownTarget() *astro.Target {
	s, claim := b.Object.Status.Target, b.Object.Status.Claim
	if claim != nil && claim.UID != b.Object.UID {
		return nil // the status came back from a backup: the target may have gone since
	}
	resolved := meta.IsStatusConditionTrue(b.Object.Status.Conditions, v1alpha1.ConditionResolved)
	if !b.Looked() || !resolved || b.Requested() || s.ID == "" || s.ID != b.targetID(nil) ||
		(s.Kind == v1alpha1.TargetDeployment && s.WorkspaceID == "") {
		return nil
	}
	return &astro.Target{Kind: resolve.Entities[s.Kind], ID: s.ID, Name: s.Name, WorkspaceID: cmp.Or(s.WorkspaceID, s.ID)}
}

// target is the one target that the binding means, or why it is not known. What Astro shows counts before what the status
// says: a Deployment may have moved.
func (b *Binding) target() (*astro.Target, *fault.Fault) {
	if !b.Target.Looked {
		return b.knownTarget(), nil
	}
	t, f := resolve.Target(b.Object.Spec.Target, b.targetID(nil), b.Target.Found, b.Target.Err, "the binding")
	if t == nil && len(b.Target.Named) > 0 {
		f = b.targetReplaced(b.Target.Named)
	}
	return t, f
}

// targetReplaced is said where others have the name of the target that is gone.
func (b *Binding) targetReplaced(others []astro.Target) *fault.Fault {
	return resolve.Replaced(b.Object.Spec.Target, b.targetID(nil), others, "bind", "the binding")
}

// NameQuery is how to look for a target that has the name of the one that was bound; false if the binding gives none.
func (b *Binding) NameQuery() (astro.TargetQuery, bool) {
	return resolve.TargetQuery(b.Object.Spec.Target, ""), b.Object.Spec.Target.Name != "" && b.targetID(nil) != ""
}

// TargetWords is the target as the user spells it: one that is given by its name as the status has it, once it was found.
func (b *Binding) TargetWords() string { return b.targetWords(nil) }

func (b *Binding) targetWords(found *astro.Target) string {
	spelled, status := b.Object.Spec.Target, b.Object.Status.Target
	if spelled.ID != "" {
		return resolve.TargetWords(spelled)
	}
	name, within := "", ""
	switch {
	case found != nil:
		name, within = found.Name, found.WorkspaceID
	case status.ID != "" && status.ID == b.targetID(nil):
		name, within = status.Name, status.WorkspaceID
	}
	spelled.Name = cmp.Or(text.Clip(name, text.MostName), spelled.Name)
	if spelled.Kind == v1alpha1.TargetDeployment && within != "" {
		spelled.WorkspaceID = v1alpha1.AstroID(within)
	}
	return resolve.TargetWords(spelled)
}

// TokenWords is the token as the user spells it.
func (b *Binding) TokenWords() string {
	spec := b.Object.Spec.Token
	words := fmt.Sprintf("%s token %q", spec.Scope, cmp.Or(spec.Name, string(spec.ID)))
	if spec.WorkspaceID != "" {
		words += " of Workspace " + string(spec.WorkspaceID)
	}
	return words
}

// expired reports whether the time is over for which the binding was to have its role.
func (b *Binding) expired(now time.Time) bool { return pin.Expired(b.Object, now) }

// created reports whether the role can be revoked without asking the rules: the operator gave it.
func created(b *Binding) bool { return b.Claim != nil && b.Claim.Origin == v1alpha1.OriginCreated }
