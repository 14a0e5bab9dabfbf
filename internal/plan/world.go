package plan

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/lookalike"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// World is what is declared and what Astro holds. Nothing in it is changed.
type World struct {
	Now           time.Time
	Bindings      []*v1alpha1.ScopedTokenBinding // one that is to go has a deletion timestamp
	Connections   []v1alpha1.Connection
	Namespaces    map[string]Namespace // those that are not here have no labels
	Organizations map[OrganizationKey]*Organization
}

// Namespace is what rules may ask of a namespace.
type Namespace struct {
	Labels map[string]string
	Err    error // why the labels could not be read
}

// OrganizationKey names an Organization of one Astro.
type OrganizationKey struct{ Host, ID string }

// KeyOf is the Organization to which the connection leads.
func KeyOf(c v1alpha1.Connection) OrganizationKey {
	return OrganizationKey{Host: ref.Host(c.ConnectionSpec()), ID: string(c.ConnectionSpec().OrganizationID)}
}

// Organization is what Astro shows of one Organization.
type Organization struct {
	Tokens  []astro.Token // with their roles
	Missing map[string]Missing
	Targets []astro.Target
	// Roles are the custom ones; RolesKnown is false where they could not be listed.
	Roles      []astro.CustomRole
	RolesKnown bool
}

// Missing is a token that Astro does not list.
type Missing struct {
	Gone bool   // that is proven
	Why  string // it is not
}

// byName are the tokens by how bindings name them, as astro.Directory finds them.
func (o *Organization) byName() map[pin.NameRef][]astro.Token {
	all := make(map[pin.NameRef][]astro.Token, len(o.Tokens))
	for _, t := range o.Tokens {
		if n, err := pin.NameRefTo(t); err == nil {
			all[n] = append(all[n], t)
		}
	}
	return all
}

// alike are the tokens whose name only looks like the one that is asked for.
func (o *Organization) alike(n pin.NameRef) (found []astro.Token) {
	for _, t := range o.Tokens {
		is, err := pin.NameRefTo(t)
		if err == nil && is.Scope == n.Scope && is.Home == n.Home && lookalike.Difference(n.Name, t.Name) != "" {
			found = append(found, t)
		}
	}
	return found
}

// alikeTargets are the targets whose name only looks like the one that is asked for.
func (o *Organization) alikeTargets(q astro.TargetQuery) (found []astro.Target) {
	for _, t := range o.Targets {
		within := q.Kind == t.Kind && (q.Kind == astro.EntityWorkspace || q.WorkspaceID == "" || q.WorkspaceID == t.WorkspaceID)
		if within && lookalike.Difference(q.Name, t.Name) != "" {
			found = append(found, t)
		}
	}
	return found
}

// connection is what decisions are made on of a connection. One at which no operator has looked yet is taken for ready where
// its Organization could be read.
func (w *World) connection(key ref.Key, object v1alpha1.Connection) decision.Connection {
	c := decision.Connection{ID: key.String(), Words: key.Words()}
	if object == nil {
		return c
	}
	status, at := object.ConnectionStatus(), KeyOf(object)
	c.Object, c.Host, c.Organization, c.Credential = object, at.Host, at.ID, status.CredentialTokenID
	c.Deleting = !object.GetDeletionTimestamp().IsZero()
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready == nil {
		c.Ready = w.Organizations[at] != nil
	} else {
		c.Ready, c.Reason = Works(object), ready.Reason
		c.NeedsUser = meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)
		c.Distrusts = ready.Reason == v1alpha1.ReasonListIncomplete
	}
	c.Callable = c.Ready || status.CredentialTokenID != ""
	return c
}

// Works reports whether the operator works through a connection at which it has looked, as far as the status tells. The condition
// Ready alone does not: that Astro cannot be asked for a while (Unknown), or that the connection is being deleted, takes nothing
// from a credential that was proven, and roles are given and revoked with it all the same.
func Works(c v1alpha1.Connection) bool {
	status := c.ConnectionStatus()
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return false
	case ready.Status == metav1.ConditionTrue:
		return true
	case status.CredentialTokenID == "":
		return false
	default:
		return ready.Status == metav1.ConditionUnknown || ready.Reason == v1alpha1.ReasonInUse
	}
}

// credentialOf are the connections that work with the token as their credential, and whether nobody may write it because of them.
func (w *World) credentialOf(token string) (all []string, protected bool) {
	for _, c := range w.Connections {
		if c.ConnectionStatus().CredentialTokenID == token {
			all = append(all, ref.KeyOf(c).String())
			protected = protected || c.ConnectionKind() == v1alpha1.KindClusterAstroConnection
		}
	}
	slices.Sort(all)
	return all, protected
}
