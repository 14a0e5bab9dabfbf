package token

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// presence says what is known of a token's existence.
type presence int

const (
	unseen  presence = iota // nobody could look
	present                 // Astro shows the token
	absent                  // Astro does not show the token, which proves nothing
	gone                    // the token is proven to be gone
)

// group is all that one reconcile works with: the bindings of one token, and the token as last seen.
type group struct {
	key        TokenKey
	members    []*member
	token      astro.Token
	presence   presence
	why        string                  // why an absent token is not taken for gone
	fresh      bool                    // the token was read by id in this reconcile
	credential bool                    // the token is that of a connection
	blind      map[connection.Key]bool // connections that do not show the token, though others may
	urgent     bool                    // a user waits for it
	postponed  bool                    // it is worked on another time: it waits in a line, or for the cache
	outcome    outcome

	failures map[roleset.Target]*fault // changes that Astro did not make
	lost     map[connection.Key]*fault // connections through which nobody could look again
	handed   map[TokenKey]int          // the keys under which members go on, and where they go in the queue

	denied map[denial]bool // changes that a connection may not make
	passed bool            // one of them was left to another connection that may

	accepted  int                    // how many writes Astro took
	forbidden int                    // how many changes it forbade by themselves
	searched  bool                   // dangling roles were looked for
	dead      []astro.Role           // the dangling roles that were found
	drop      map[astro.RoleKey]bool // those that are dropped with the next write
}

// load finds the members of a key. Index values come from one object alone, so what the index yields is narrowed down
// to the bindings whose key this is.
func (r *Reconciler) load(ctx context.Context, key TokenKey) (*group, error) {
	g := &group{
		key: key, failures: map[roleset.Target]*fault{}, lost: map[connection.Key]*fault{}, blind: map[connection.Key]bool{},
		drop: map[astro.RoleKey]bool{}, handed: map[TokenKey]int{}, denied: map[denial]bool{},
	}
	field, value := index.BindingToken, pin.IDValue(key.Token)
	switch {
	case key.Token != "":
	case key.Spelling.Name != "":
		value = pin.NameValue(key.Spelling)
	default:
		field, value = index.BindingConnection, key.Connection.String()
	}
	if err := r.collect(ctx, g, field, value, func(m *member) bool { return r.keyOf(m) == key }); err != nil {
		return nil, err
	}
	return g, r.haunt(ctx, g)
}

// loadSpelled adds the bindings that spell the token by its present name and are not pinned yet. They are worked on
// here, where every other claim on the token is known, and not under the key of their spelling.
func (r *Reconciler) loadSpelled(ctx context.Context, g *group) error {
	if g.presence != present && g.token.ID == "" {
		return nil
	}
	spelling, err := spellingOf(g.token)
	if err != nil {
		return nil //nolint:nilerr // a token that no binding may name has no spelling
	}
	return r.collect(ctx, g, index.BindingToken, pin.NameValue(spelling), func(m *member) bool {
		key := r.keyOf(m)
		return key.Host == g.key.Host && key.Organization == g.key.Organization && key.Spelling == spelling &&
			r.spellsOnly(ctx, m, g.key.Token)
	})
}

// spellsOnly reports whether the member's name is that of the token and of no other.
func (r *Reconciler) spellsOnly(ctx context.Context, m *member, token string) bool {
	if m.conn.Directory == nil {
		return false
	}
	found, err := named(ctx, m)
	return err == nil && len(found) == 1 && found[0].ID == token
}

// collect adds the bindings under an index value that belong to the group, in the order of namespace and name.
func (r *Reconciler) collect(ctx context.Context, g *group, field, value string, belongs func(*member) bool) error {
	var list v1alpha1.ScopedTokenBindingList
	if err := r.Client.List(ctx, &list, client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list bindings of %s: %w", g.key, err)
	}
	seen := connections{}
	for i := range list.Items {
		m, err := r.newMember(ctx, &list.Items[i], seen)
		if err != nil {
			return err
		}
		if belongs(m) && r.speaksTo(m) {
			g.members = append(g.members, m)
		}
	}
	slices.SortFunc(g.members, func(a, b *member) int { return cmp.Compare(a.id(), b.id()) })
	return nil
}

// speaksTo reports whether it is this instance that tells the member how it stands: the one that serves its connection.
func (r *Reconciler) speaksTo(m *member) bool { return r.Registry.Serves(m.conn.Object) }

// own makes the members' objects copies of the group's own, in place of those of the cache. It is done once it is sure
// that the group is worked on.
func (g *group) own() {
	for _, m := range g.members {
		if !m.owned {
			m.binding, m.owned = m.binding.DeepCopy(), true
		}
	}
}

// connections are those that were read from the cache in one go, nil for those that are not there.
type connections map[connection.Key]v1alpha1.Connection

func (r *Reconciler) newMember(ctx context.Context, b *v1alpha1.ScopedTokenBinding, seen connections) (*member, error) {
	m := &member{binding: b, held: pin.Held(b)}
	key := connection.KeyFor(b.Namespace, b.Spec.ConnectionRef)
	object, known := seen[key]
	if !known {
		var err error
		if object, err = r.connectionObject(ctx, key); err != nil {
			return nil, err
		}
		seen[key] = object
	}
	if object == nil {
		return m, nil
	}
	m.found = true
	m.conn, _ = r.Registry.Get(key)
	m.conn.Key, m.conn.Object = key, object
	return m, nil
}

func (r *Reconciler) keyOf(m *member) TokenKey {
	if !m.found {
		return keyOf(m.binding, nil)
	}
	return keyOf(m.binding, m.conn.Object.ConnectionSpec())
}

// claims are the members as the planner sees them.
func (g *group) claims() []roleset.Claim {
	claims := make([]roleset.Claim, 0, len(g.members))
	for _, m := range g.members {
		claims = append(claims, m.claim())
	}
	return claims
}

// plan compares the token as last seen with what the members declare.
func (g *group) plan() roleset.Plan {
	plan := roleset.Make(roleset.Observed{Scope: g.token.Scope, Home: g.home(), Roles: g.token.Roles}, g.claims())
	for _, m := range g.members {
		m.verdict = plan.Verdicts[m.id()]
	}
	return plan
}

// home is the id of the entity in which the token was made, as far as it is known without its roles.
func (g *group) home() string {
	if g.token.Scope == astro.ScopeOrganization {
		return g.key.Organization
	}
	return g.token.Home()
}

// member returns the member with this id.
func (g *group) member(id string) *member {
	i := slices.IndexFunc(g.members, func(m *member) bool { return m.id() == id })
	if i < 0 {
		return nil
	}
	return g.members[i]
}
