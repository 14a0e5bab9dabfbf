package decision

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// bindingBuilder makes a binding that differs from the plainest: one that was just made in namespace team, declares
// token and target by their ids, and goes through the connection acme.
type bindingBuilder struct{ b Binding }

func (x *bindingBuilder) into(s *Situation) { s.Bindings = append(s.Bindings, x.b) }

func binding(name string) *bindingBuilder {
	o := &v1alpha1.ScopedTokenBinding{}
	o.Namespace, o.Name, o.UID, o.Generation = "team", name, types.UID("uid-"+name), 1
	o.CreationTimestamp = metav1.NewTime(onDay(1))
	o.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: token1}
	o.Spec.Mode, o.Spec.Adopt, o.Spec.DeletionPolicy = v1alpha1.ModeEnforce, v1alpha1.AdoptAlways, v1alpha1.DeletionRevoke
	o.Status.ObservedGeneration = -1
	x := &bindingBuilder{Binding{Object: o, Connection: connection("acme")}}
	return x.on(w1)
}

// edit changes the object.
func (x *bindingBuilder) edit(edit func(*v1alpha1.ScopedTokenBinding)) *bindingBuilder {
	edit(x.b.Object)
	return x
}

// but changes what was gathered for the object.
func (x *bindingBuilder) but(edit func(*Binding)) *bindingBuilder {
	edit(&x.b)
	return x
}

func (x *bindingBuilder) in(namespace string) *bindingBuilder {
	x.b.Object.Namespace = namespace
	return x
}

// on declares the target by its id, with the role that is usual there.
func (x *bindingBuilder) on(t roleset.Target) *bindingBuilder {
	x.b.Object.Spec.Target = v1alpha1.TargetReference{Kind: kinds[t.Kind], ID: v1alpha1.AstroID(t.ID)}
	x.b.Object.Spec.Role = defaults[t.Kind]
	x.b.Target = TargetFinding{Looked: true, Found: []astro.Target{shown(t)}}
	return x
}

func (x *bindingBuilder) role(role string) *bindingBuilder {
	x.b.Object.Spec.Role = role
	return x
}

// named declares the token by its name.
func (x *bindingBuilder) named(name string) *bindingBuilder {
	x.b.Object.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: name}
	return x
}

// targetNamed declares the target by its name.
func (x *bindingBuilder) targetNamed() *bindingBuilder {
	t := &x.b.Object.Spec.Target
	t.Name, t.WorkspaceID, t.ID = "name of "+string(t.ID), v1alpha1.AstroID(parents[string(t.ID)]), ""
	return x
}

// found replaces what the lookup of the target showed.
func (x *bindingBuilder) found(targets ...astro.Target) *bindingBuilder {
	x.b.Target = TargetFinding{Looked: true, Found: targets}
	return x
}

func (x *bindingBuilder) adopt(p v1alpha1.AdoptPolicy) *bindingBuilder {
	x.b.Object.Spec.Adopt = p
	return x
}

func (x *bindingBuilder) made(day int) *bindingBuilder {
	x.b.Object.CreationTimestamp = metav1.NewTime(onDay(day))
	return x
}

// seen says that the status speaks of this spec and says Ready, of a token and a target that were found.
func (x *bindingBuilder) seen() *bindingBuilder {
	o := x.b.Object
	target := shown(x.b.entry(&x.b.Target.Found[0]))
	o.Status = v1alpha1.ScopedTokenBindingStatus{
		ObservedGeneration: o.Generation, OrganizationID: org,
		Token:  v1alpha1.BoundToken{ID: token1, Name: "ci", Scope: v1alpha1.ScopeOrganization},
		Target: v1alpha1.BoundTarget{Kind: o.Spec.Target.Kind, ID: target.ID, Name: target.Name},
	}
	if target.Kind == astro.EntityDeployment {
		o.Status.Target.WorkspaceID = target.WorkspaceID
	}
	for _, c := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionResolved, v1alpha1.ConditionSynced, v1alpha1.ConditionReady} {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: c, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted, ObservedGeneration: o.Generation,
			LastTransitionTime: metav1.NewTime(onDay(1)),
		})
	}
	return x
}

// claimed says that the binding was given its role on that day, and has been told so. Target and role come before.
func (x *bindingBuilder) claimed(day int) *bindingBuilder {
	return x.seen().holding(day, v1alpha1.OriginCreated, "")
}

// adopted says that it took over a role that was there.
func (x *bindingBuilder) adopted(day int) *bindingBuilder {
	return x.seen().holding(day, v1alpha1.OriginAdopted, x.b.Role())
}

func (x *bindingBuilder) holding(day int, origin v1alpha1.Origin, previous string) *bindingBuilder {
	o := x.b.Object
	o.Finalizers = []string{v1alpha1.FinalizerRevoke}
	o.Status.Role, o.Status.Origin, o.Status.PreviousRole = x.b.Role(), origin, previous
	o.Status.Claim = &v1alpha1.Claim{UID: o.UID, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(onDay(day)), Host: host, GrantedRole: x.b.Role()}
	x.b.Claim = pin.Claimed(o)
	return x
}

// recovered says that only the journal knows the claim, since the time.
func (x *bindingBuilder) recovered(at time.Time) *bindingBuilder {
	o := x.b.Object
	o.Finalizers = []string{v1alpha1.FinalizerRevoke}
	x.b.Claim = &pin.Claim{
		Host: host, Organization: org, Token: token1, TargetKind: o.Spec.Target.Kind, Target: x.b.Target.Found[0].ID,
		Role: x.b.Role(), Origin: v1alpha1.OriginCreated, ClaimedAt: onDay(1),
	}
	x.b.Recovered, x.b.Journaled = at, true
	return x
}

func (x *bindingBuilder) edited() *bindingBuilder {
	x.b.Object.Generation++
	return x
}

func (x *bindingBuilder) finalized() *bindingBuilder {
	x.b.Object.Finalizers = []string{v1alpha1.FinalizerRevoke}
	return x
}

func (x *bindingBuilder) deleting() *bindingBuilder {
	x.b.Object.DeletionTimestamp = new(metav1.NewTime(onDay(28)))
	return x
}

func (x *bindingBuilder) orphan() *bindingBuilder {
	x.b.Orphan = true
	return x
}

func (x *bindingBuilder) suspended() *bindingBuilder {
	x.b.Object.Spec.Suspend = true
	return x
}

func (x *bindingBuilder) observing() *bindingBuilder {
	x.b.Object.Spec.Mode = v1alpha1.ModeObserve
	return x
}

func (x *bindingBuilder) annotated(name, value string) *bindingBuilder {
	x.b.Object.Annotations = map[string]string{name: value}
	return x
}

// through names the connection, and edits it.
func (x *bindingBuilder) through(name string, edits ...func(*Connection)) *bindingBuilder {
	x.b.Connection = connection(name)
	for _, edit := range edits {
		edit(&x.b.Connection)
	}
	return x
}
