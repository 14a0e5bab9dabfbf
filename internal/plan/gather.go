package plan

import (
	"cmp"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// group are bindings that are worked on together: those of one token, or those without one whose connection is the same.
type group struct {
	key      decision.Key
	bindings []decision.Binding
}

func (k OrganizationKey) token(id string) decision.Key {
	return decision.Key{Host: k.Host, Organization: k.ID, Token: id}
}

func organizationOf(k decision.Key) OrganizationKey {
	return OrganizationKey{Host: k.Host, ID: k.Organization}
}

// binding is a binding as decisions are made on it.
func (r *run) binding(b *v1alpha1.ScopedTokenBinding) decision.Binding {
	key := ref.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	namespace := r.world.Namespaces[b.Namespace]
	d := decision.Binding{Object: b, Connection: r.world.connection(key, r.connections[key]), Claim: pin.Claimed(b)}
	d.Labels = namespace.Labels
	if c := d.Connection.Object; c != nil && policy.GoesByLabels(c) { // else nothing hangs on what kept them from being read
		d.LabelsErr = namespace.Err
	}
	d.Connection.Own = r.ownRoles(&d.Connection)
	return d
}

// ownRoles are the roles of the connection's own API token, as far as it is listed: by them it is known what it may write.
func (r *run) ownRoles(c *decision.Connection) []astro.Role {
	return r.tokens[decision.Key{Host: c.Host, Organization: c.Organization, Token: c.Credential}].Roles
}

// keyOf is the key of a binding, without a token while that is only named, the rules refuse it, or the connection does not exist. A claim keeps
// its key without the connection.
func (r *run) keyOf(b *decision.Binding) decision.Key {
	if b.Claim != nil {
		return decision.Key{Host: b.Claim.Host, Organization: b.Claim.Organization, Token: b.Claim.Token}
	}
	if b.Connection.Object == nil {
		return decision.Key{}
	}
	if b.Refused() != nil { // whatever Astro shows, so that the operator does not look
		return KeyOf(b.Connection.Object).token("")
	}
	return KeyOf(b.Connection.Object).token(cmp.Or(pin.TokenID(b.Object), r.handed[b.Object.UID]))
}

// gather are the groups whose Organization was read, or which have none.
func (r *run) gather() []group {
	at := map[decision.Key]int{}
	var all []group
	for _, object := range r.inOrder() {
		b := r.binding(object)
		key := r.keyOf(&b)
		if _, read := r.world.Organizations[organizationOf(key)]; !read && key.Host != "" {
			continue
		}
		i, known := at[key]
		if !known {
			i = len(all)
			at[key], all = i, append(all, group{key: key})
		}
		all[i].bindings = append(all[i].bindings, b)
	}
	return all
}

// unresolved are the groups without a token.
func (r *run) unresolved() []group {
	return slices.DeleteFunc(r.gather(), func(g group) bool { return g.key.Token != "" })
}

// groups are those of tokens.
func (r *run) groups() []group {
	return slices.DeleteFunc(r.gather(), func(g group) bool { return g.key.Token == "" })
}

// observation is what Astro shows of a token.
func (r *run) observation(key decision.Key) decision.Observation {
	o := decision.Observation{HiddenFrom: map[string]bool{}}
	o.CredentialOf, o.Protected = r.world.credentialOf(key.Token)
	if t, listed := r.tokens[key]; listed {
		o.Token, o.Presence, o.ByID, o.At = t, decision.Present, true, r.now
		return o
	}
	missing, asked := r.world.Organizations[organizationOf(key)].Missing[key.Token]
	switch {
	case !asked:
		o.Presence = decision.Absent
	case missing.Gone:
		o.Presence = decision.Gone
	default:
		o.Presence, o.Why = decision.Absent, missing.Why
	}
	return o
}

// lookUp adds to the bindings what a look at their targets and at the names of tokens shows.
func (r *run) lookUp(s decision.Situation) []decision.Binding {
	at, now := organizationOf(s.Key), slices.Clone(s.Bindings)
	o := r.world.Organizations[at]
	for i := range now {
		b := &now[i]
		b.Target = r.targetOf(at, s, b)
		if s.HintsAtTokens(b) {
			b.Names.Alike = o.alike(b.NameRef())
		}
		if s.HintsAtTargets(b) {
			b.Target.Alike = o.alikeTargets(b.TargetQuery())
		}
		if s.NeedsNames(b) {
			b.Names.Tokens = r.names[at][b.NameRef()]
		}
	}
	return now
}

// targetOf is the target of a binding. What Astro lists of it is at hand, so that it is looked at wherever the operator might.
func (r *run) targetOf(at OrganizationKey, s decision.Situation, b *decision.Binding) (f decision.TargetFinding) {
	if !s.Leads(b) {
		return f
	}
	f.Found, f.Looked = r.lookedUp(at, b.TargetQuery()), true
	if byName, named := b.NameQuery(); named && len(f.Found) == 0 && s.AsksForTarget(b) {
		f.Named = r.lookedUp(at, byName)
	}
	return f
}

func (r *run) lookedUp(at OrganizationKey, q astro.TargetQuery) []astro.Target {
	if q.ID == "" {
		return q.Among(r.world.Organizations[at].Targets)
	}
	if t, listed := r.targets[at][astro.RoleKey{EntityType: q.Kind, EntityID: q.ID}]; listed {
		return []astro.Target{t}
	}
	return nil
}
