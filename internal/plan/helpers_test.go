package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	org     = "clorg0000000000000000acme"
	ci      = "cltk0000000000000000000ci"
	other   = "cltk0000000000000000other"
	data    = "clws00000000000000000data"
	etl     = "clde00000000000000000petl"
	reports = "clde00000000000000reports"

	admin    = "DEPLOYMENT_ADMIN"
	deployer = "Deploy Only"
	member   = "WORKSPACE_MEMBER"
)

var (
	today = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	acme  = OrganizationKey{Host: "api.astronomer.io", ID: org}
)

// world is one in which the tokens ci and other hold nothing but their own role, and the connection acme allows everything.
func world(edits ...func(*World)) World {
	c := builders.Connection(builders.ConnectionName).To("https://api.astronomer.io", org).In("team").Object()
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Connected"}}
	c.Status.CredentialTokenID = operator
	w := World{
		Now: today, Connections: []v1alpha1.Connection{c},
		Organizations: map[OrganizationKey]*Organization{acme: {
			Tokens: []astro.Token{token(ci, "ci"), token(other, "other")},
			Targets: []astro.Target{
				{Kind: astro.EntityWorkspace, ID: data, Name: "data", WorkspaceID: data},
				{Kind: astro.EntityDeployment, ID: etl, Name: "etl", WorkspaceID: data},
				{Kind: astro.EntityDeployment, ID: reports, Name: "reports", WorkspaceID: data},
			},
			Roles: []astro.CustomRole{{Name: deployer}, {Name: "Elsewhere", WorkspaceIDs: []string{"clws0000000000000000other"}}}, RolesKnown: true,
		}},
	}
	for _, edit := range edits {
		edit(&w)
	}
	return w
}

func token(id, name string) astro.Token {
	return astro.Token{
		ID: id, Name: name, Scope: astro.ScopeOrganization, Kind: astro.KindStandard, RolesKnown: true,
		Roles: []astro.Role{astro.NewRole(astro.EntityOrganization, org, "ORGANIZATION_MEMBER")},
	}
}

// holds gives the token ci a role on a Deployment.
func holds(deployment, role string) func(*World) {
	return func(w *World) {
		t := &w.Organizations[acme].Tokens[0]
		t.Roles = append(t.Roles, astro.NewRole(astro.EntityDeployment, deployment, role))
	}
}

// readyIs has the connection say this of itself.
func readyIs(status metav1.ConditionStatus, reason string) func(*v1alpha1.AstroConnection) {
	return func(c *v1alpha1.AstroConnection) {
		c.Status.Conditions[0].Status, c.Status.Conditions[0].Reason = status, reason
	}
}

// inUse has the connection be deleted while bindings need it.
func inUse(c *v1alpha1.AstroConnection) {
	c.DeletionTimestamp = new(metav1.NewTime(today))
	readyIs(metav1.ConditionFalse, v1alpha1.ReasonInUse)(c)
}

// labelsNotRead keeps the labels of the namespace team from being known.
func labelsNotRead(w *World) { w.Namespaces = map[string]Namespace{"team": {Err: errors.New("away")}} }

// ruled edits the first rule of the connection.
func ruled(edit func(*v1alpha1.AllowRule)) func(*World) {
	return func(w *World) { edit(&w.Connections[0].ConnectionSpec().Allow[0]) }
}

// connection edits the connection acme.
func connection(edits ...func(*v1alpha1.AstroConnection)) func(*World) {
	return func(w *World) {
		c, _ := w.Connections[0].DeepCopyObject().(*v1alpha1.AstroConnection)
		for _, edit := range edits {
			edit(c)
		}
		w.Connections = []v1alpha1.Connection{c}
	}
}

// declares adds a new binding of the namespace team.
func declares(b *builders.BindingBuilder) func(*World) {
	return func(w *World) {
		o := b.In("team").Object()
		o.UID, o.Generation, o.CreationTimestamp = types.UID("uid-"+o.Name), 1, metav1.NewTime(today)
		o.Status.ObservedGeneration = -1
		w.Bindings = append(w.Bindings, o)
	}
}

// asLeft is the world once the operator has worked on it.
func asLeft(w World) World {
	result := Run(w)
	bindings := make([]*v1alpha1.ScopedTokenBinding, 0, len(w.Bindings))
	for _, b := range w.Bindings {
		if o := result.States[b.UID].Object; o != nil {
			bindings = append(bindings, o)
		}
	}
	organization := *w.Organizations[acme]
	tokens := append([]astro.Token{}, organization.Tokens...)
	for _, c := range result.Changes {
		for i := range tokens {
			if tokens[i].ID == c.Token.ID {
				tokens[i].Roles = withRole(tokens[i].Roles, astro.RoleKey{EntityType: astro.EntityType(strings.ToUpper(c.Target.Kind)), EntityID: c.Target.ID}, c.To)
			}
		}
	}
	organization.Tokens = tokens
	w.Bindings, w.Organizations, w.Now = bindings, map[OrganizationKey]*Organization{acme: &organization}, w.Now.Add(time.Hour)
	return w
}

func withRole(roles []astro.Role, at astro.RoleKey, role string) (all []astro.Role) {
	for _, r := range roles {
		if r.Key() != at {
			all = append(all, r)
		}
	}
	if role != "" {
		all = append(all, astro.NewRole(at.EntityType, at.EntityID, role))
	}
	return all
}

// edit changes the binding of the name, as a user does who edits its spec.
func edit(name string, do func(*v1alpha1.ScopedTokenBinding)) func(*World) {
	return func(w *World) {
		for i, b := range w.Bindings {
			if b.Name == name {
				o := b.DeepCopy()
				o.Generation++
				do(o)
				w.Bindings[i] = o
			}
		}
	}
}

// deleted marks the binding of the name as deleted.
func deleted(name string) func(*World) {
	return edit(name, func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = new(metav1.NewTime(today)) })
}

// words are a result as one reads it: for each binding the action, the role before and after, and Ready.
func words(r Result) map[string]string {
	all := map[string]string{}
	for _, st := range r.States {
		text := string(st.action())
		if st.From != st.To {
			text += fmt.Sprintf(" %q to %q", st.From, st.To)
		}
		if ready := readyOf(st.Object); ready != nil {
			text += " " + ready.Reason
		} else if st.Object == nil {
			text += " gone"
		}
		all[st.Before.Name] = text
	}
	return all
}

func on(name string) *builders.BindingBuilder {
	return builders.Binding(name).ForTokenID(ci).OnDeployment(etl).WithRole(admin)
}

func fails(t *testing.T, reason, diff string) {
	t.Helper()
	if diff != "" {
		t.Errorf("%s\n-want +got\n%s", reason, diff)
	}
}
