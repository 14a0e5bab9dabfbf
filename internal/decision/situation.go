package decision

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Situation is all that is known of one token when its bindings are decided on. Nobody changes it once it is made: a
// later look makes another one.
type Situation struct {
	Key      Key
	Now      time.Time
	Began    time.Time // when this process began: writes of the one before may still arrive for a while
	Bindings []Binding // in the order of namespace and name
	Token    Observation
	Memory   Memory

	// What this reconcile has done so far.
	Pending map[types.UID]Pending      // claims that are being taken
	Out     map[types.UID]*fault.Fault // bindings that are left alone until the next reconcile, and why
	Awaited map[types.UID]bool         // those of them for whom a role that goes waits, if they are to take it over
	Lost    map[string]*fault.Fault    // by connection: why nobody could read or write the token through it
	Limited map[roleset.Target]bool    // revocations that the connection's limit holds back
	Done    map[types.UID]Done         // what was changed in Astro for a binding
	Unseen  map[roleset.Target]string  // changes that Astro took and does not show, in words
	Drop    map[astro.RoleKey]bool     // roles on targets that are gone, to be left out of the next write
	Dead    []astro.Role               // such roles that were found and that nobody declared
	Lapsed  []astro.Role               // and those that were declared

	Retired  []astro.Role // roles that nobody declared, whose custom role is gone or whose Deployment moved away: Astro need not refuse a set for them
	Unlisted []astro.Role // such roles that are not left out: on hold, or not proven to be such

	held     map[roleset.Target]string // the token's roles by their place; nil: to be looked for in the token
	heldHome string                    // where the token was made, as its roles tell; counts with held
}

// withRoles is the situation with the roles of its token by their place, so that thousands of bindings find theirs.
func (s Situation) withRoles() Situation {
	s.heldHome = s.Token.Token.Home()
	s.held = make(map[roleset.Target]string, len(s.Token.Token.Roles))
	for _, r := range s.Token.Token.Roles {
		at := roleset.Target{Kind: r.EntityType, ID: r.EntityID}
		if _, known := s.held[at]; !known {
			s.held[at] = r.Role
		}
	}
	return s
}

// roleOn is the role that the token holds in the place; empty if it holds none.
func (s *Situation) roleOn(t roleset.Target) string {
	if s.held == nil {
		return s.Token.Token.RoleOn(t.Key())
	}
	return s.held[t]
}

// entry is the place in the role set that a binding speaks of.
func (s *Situation) entry(d *Decision, i int) roleset.Target {
	return s.Bindings[i].entry(d.Rulings[i].Target)
}

// another reports whether Astro holds another role than the claim's in its place.
func (s *Situation) another(c *pin.Claim) bool {
	held := s.roleOn(roleset.Target{Kind: resolve.Entities[c.TargetKind], ID: c.Target})
	return held != "" && held != c.Role
}

// partial reports whether Astro shows no role in the place, and not the token's role on its own scope either: it did not show
// all roles, so that the place need not be empty.
func (s *Situation) partial(place roleset.Target) bool {
	return s.Token.Presence == Present && s.roleOn(place) == "" && !s.observed().SeesOwnScope()
}

func (s *Situation) observed() roleset.Observed {
	return roleset.Observed{Scope: s.Token.Token.Scope, Home: s.home(), Roles: s.Token.Token.Roles}
}

// home is the id of the entity in which the token was made, as far as it is known without its roles.
func (s *Situation) home() string {
	if s.Token.Token.Scope == astro.ScopeOrganization {
		return s.Key.Organization
	}
	return s.tokenHome()
}

// tokenHome is the id of the entity in which the token was made, as its roles tell; empty if they do not.
func (s *Situation) tokenHome() string {
	if s.held == nil {
		return s.Token.Token.Home()
	}
	return s.heldHome
}

// connection is that of the id, as a binding refers to it; nil if none does.
func (s *Situation) connection(id string) *Connection {
	for i := range s.Bindings {
		if c := &s.Bindings[i].Connection; c.ID == id {
			return c
		}
	}
	return nil
}

func (s *Situation) credential(connection string) string {
	if c := s.connection(connection); c != nil {
		return c.Credential
	}
	return ""
}

// byUID is where the bindings stand in the situation, by their UID.
func (s *Situation) byUID() map[types.UID]int {
	all := make(map[types.UID]int, len(s.Bindings))
	for i := range s.Bindings {
		all[s.Bindings[i].Object.UID] = i
	}
	return all
}

func (s *Situation) uids(at []int) []types.UID {
	all := make([]types.UID, 0, len(at))
	for _, i := range at {
		all = append(all, s.Bindings[i].Object.UID)
	}
	return all
}

// Doubting is the situation in which it could not be looked up whether a binding means this token and no other: it is left alone, and
// waited for.
func (s Situation) Doubting(uid types.UID, err error) Situation {
	f := fault.FromAstroError(v1alpha1.ConditionResolved, "look up the token", err)
	f.Silent = true // that is said where its name is looked up
	return s.leftAlone(f, true, uid)
}

// leftAlone is the situation in which bindings are left alone until the next reconcile.
func (s Situation) leftAlone(f *fault.Fault, awaited bool, uids ...types.UID) Situation {
	s.Out, s.Awaited = maps.Clone(s.Out), maps.Clone(s.Awaited)
	if s.Out == nil {
		s.Out = map[types.UID]*fault.Fault{}
	}
	if s.Awaited == nil {
		s.Awaited = map[types.UID]bool{}
	}
	for _, uid := range uids {
		s.Out[uid], s.Awaited[uid] = f, awaited
	}
	return s
}

// Key names one Astro token.
type Key struct{ Host, Organization, Token string }

// Presence says what is known of a token's existence.
type Presence int

const (
	// Unseen: nobody could look.
	Unseen Presence = iota
	// Present: Astro shows the token.
	Present
	// Absent: Astro does not show the token, which proves nothing.
	Absent
	// Gone: the token is proven to be gone, to one of the connections at least.
	Gone
)

// Observation is what Astro showed of the token.
type Observation struct {
	Token    astro.Token
	Presence Presence
	// ByID says that the token was read by its id in this reconcile, and not taken from a listing.
	ByID bool
	// At is when it was read by its id.
	At time.Time
	// Listed is since when the listing was made that it was taken from; zero if it was not.
	Listed time.Time
	// Why an absent token is not taken for gone, in words for everybody.
	Why string
	// WhyTo is the same, by connection, for those alone who use it: what Astro says to one credential is not for those who use another.
	WhyTo map[string]string
	// NotRead is why nobody could look, by the connection through which it was tried.
	NotRead map[string]*fault.Fault
	// Err is what went wrong when it was looked for; it may have been seen all the same, or be proven gone.
	Err error
	// HiddenFrom are the connections that do not show the token although others do.
	HiddenFrom map[string]bool
	// Unasked are the connections that could not be asked whether they see a token that others do, and why.
	Unasked map[string]error
	// Unproven are the connections to which a token that is gone by the word of others is not proven to be gone: they may know it,
	// and those others may never have been allowed to see it.
	Unproven map[string]bool
	// CredentialOf are the connections that work with this token as their credential.
	CredentialOf []string
	// Protected says that one of them is a ClusterAstroConnection, or that this could not be found out: nobody writes it.
	Protected bool
}

// shown is the observation once Astro has shown the token by its id.
func (o Observation) shown(t astro.Token, at time.Time) Observation {
	o.Token, o.Presence, o.ByID, o.At = t, Present, true, at
	return o
}

// Pending is a claim that a binding is taking in this reconcile.
type Pending struct {
	Claim     pin.Claim
	Journaled bool // the journal holds the claim as it is here
	Retain    bool // the journal says that the role is to stay when the binding goes
	Sent      bool // a write that gives the role may have reached Astro
	Given     bool // Astro has taken that write
}

// Done is what a reconcile changed in Astro for one binding.
type Done struct {
	Update bool // the role was another one under the same claim, as the status said already
	Drift  bool // the status said already that Astro held the role
	Found  Found
}

// Found is what stood in a role's place before it was restored: when that was seen, and whom Astro named as the last to
// write the token.
type Found struct {
	Role string // empty: none
	At   time.Time
	By   string // empty: Astro names nobody
}
