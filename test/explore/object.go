package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

const (
	namespace = "team"
	host      = "astro.test"
	org       = "org"
	tokenID   = "token"
	tokenName = "ci"
)

// roles that bindings and other writers use; the last is refused by Astro.
var roles = []string{"", "DEPLOYMENT_ADMIN", "Viewer", "Foreign", "Broken"}

const (
	roleForeign = 3
	roleBroken  = 4
)

var targets = [maxTargets]string{"d1", "d2"}

var names = [maxNames]string{"a", "b", "c"}

// object is a binding as the API server keeps it: never changed, and with the bytes that stand for it in a state.
type object struct {
	*v1alpha1.ScopedTokenBinding

	name int
	code string
}

// template is how a user makes a binding.
type template struct {
	role, target int
	conn         int
	adopt        v1alpha1.AdoptPolicy
	policy       v1alpha1.DeletionPolicy
	observe      bool
	suspend      bool
	named        bool // the token is named by its name, not by its id
}

// uidOf is the uid of the nth object of a name.
func uidOf(name int, n uint8) types.UID { return types.UID(fmt.Sprintf("%s%d", names[name], n)) }

// newObject is a binding as its user makes it, without a resourceVersion yet.
func newObject(name int, n uint8, t template) *v1alpha1.ScopedTokenBinding {
	b := &v1alpha1.ScopedTokenBinding{}
	b.Namespace, b.Name, b.UID, b.Generation = namespace, names[name], uidOf(name, n), 1
	b.CreationTimestamp = metav1.NewTime(epoch.Add(time.Duration(n) * time.Second))
	b.Spec.ConnectionRef = v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: connections[t.conn].Object.GetName()}
	b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: tokenID}
	if t.named {
		b.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: tokenName}
	}
	b.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(targets[t.target])}
	b.Spec.Role, b.Spec.Adopt, b.Spec.DeletionPolicy, b.Spec.Suspend = roles[t.role], t.adopt, t.policy, t.suspend
	b.Spec.Mode = v1alpha1.ModeEnforce
	if t.observe {
		b.Spec.Mode = v1alpha1.ModeObserve
	}
	b.Status.ObservedGeneration = -1
	return b
}

// version is the object's resourceVersion, which counts the writes of its name.
func version(b *v1alpha1.ScopedTokenBinding) int {
	n, err := strconv.Atoi(b.ResourceVersion)
	if err != nil {
		return 0
	}
	return n
}

// target is the place of the binding's target.
func target(b *v1alpha1.ScopedTokenBinding) int {
	return slices.Index(targets[:], string(b.Spec.Target.ID))
}

// role is the place of the binding's role.
func role(b *v1alpha1.ScopedTokenBinding) int { return slices.Index(roles, b.Spec.Role) }

func observes(b *v1alpha1.ScopedTokenBinding) bool { return b.Spec.Mode == v1alpha1.ModeObserve }

func released(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Annotations[v1alpha1.AnnotationRelease] == "true"
}

func finalized(b *v1alpha1.ScopedTokenBinding) bool {
	return controllerutil.ContainsFinalizer(b, v1alpha1.FinalizerRevoke)
}

// mayStay reports whether the role stays when the binding goes, as its user says.
func mayStay(b *v1alpha1.ScopedTokenBinding) bool {
	return released(b) || observes(b) || b.Spec.DeletionPolicy == v1alpha1.DeletionRetain
}

// claims reports whether the binding's own status says that it holds its claim.
func claims(b *v1alpha1.ScopedTokenBinding) bool {
	return b.Status.Claim != nil && b.Status.Claim.UID == b.UID && isHeld(b.Status.Claim)
}

// claimedAt is when the binding took its last claim, zero if it never took one.
func claimedAt(b *v1alpha1.ScopedTokenBinding) time.Time {
	if b.Status.Claim == nil || b.Status.Claim.UID != b.UID {
		return time.Time{}
	}
	return b.Status.Claim.ClaimedAt.Time
}

// connections are those that bindings refer to, each with a credential of its own.
var connections = []decision.Connection{connection("one"), connection("two")}

func connection(name string) decision.Connection {
	object := &v1alpha1.AstroConnection{}
	object.Namespace, object.Name = namespace, name
	object.Spec.OrganizationID = org
	object.Spec.SweepInterval.Duration = 5 * time.Minute
	object.Spec.MaxRevocationsPerSweep = 100
	own := astro.NewRole(astro.EntityOrganization, org, "ORGANIZATION_OWNER")
	if name == "two" { // it may write as well, which nobody knows before it has
		own = astro.NewRole(astro.EntityWorkspace, "elsewhere", "WORKSPACE_OWNER")
	}
	return decision.Connection{
		ID: "AstroConnection/" + namespace + "/" + name, Words: "AstroConnection " + name, Object: object,
		Host: host, Organization: org, Credential: "credential of " + name, Ready: true, Callable: true,
		Own: []astro.Role{own},
	}
}

// connectionOf is the place of a connection by its id.
func connectionOf(id string) int {
	return slices.IndexFunc(connections, func(c decision.Connection) bool { return c.ID == id })
}

func connOf(b *v1alpha1.ScopedTokenBinding) int {
	return connectionOf("AstroConnection/" + namespace + "/" + b.Spec.ConnectionRef.Name)
}
