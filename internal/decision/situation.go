package decision

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
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

// tokenHome is the id of the entity in which the token was made, as its roles tell; empty if they do not.
func (s *Situation) tokenHome() string {
	if s.held == nil {
		return s.Token.Token.Home()
	}
	return s.heldHome
}

// Key names one Astro token.
type Key struct{ Host, Organization, Token string }

// Connection is what is known of the connection that a binding refers to.
type Connection struct {
	ID     string              // Kind/namespace/name
	Words  string              // the same for a reader
	Object v1alpha1.Connection // nil: there is none

	Host, Organization string // empty: its controller has not looked at it yet
	OrganizationName   string // empty: its status has it, if anything
	Credential         string // the id of the API token that it works with

	// Own are the roles of that API token itself; nil if it does not see itself.
	Own []astro.Role

	Ready     bool   // its credential was proven and not refused since
	Callable  bool   // a credential was proven once, so that Astro can be called
	Deleting  bool   // it takes nothing new
	Distrusts bool   // its own status says that its listing is no evidence
	Reason    string // why it is not ready
	NeedsUser bool   // it does not become ready by itself
}

// observes reports whether nothing is written to Astro through the connection.
func (c *Connection) observes() bool {
	return c.Object != nil && c.Object.ConnectionSpec().Mode == v1alpha1.ModeObserve
}

// deletionPolicy is that of the bindings which name none; empty if there is no connection.
func (c *Connection) deletionPolicy() v1alpha1.DeletionPolicy {
	if c.Object == nil {
		return ""
	}
	return c.Object.ConnectionSpec().DeletionPolicy
}

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

// Memory is what is remembered of a token from one reconcile to the next. Nothing in it matters to what Astro ends up
// holding: without it, a refused change is tried once more, and a contention goes one round further.
type Memory struct {
	Refusals    map[Attempt]Refusal
	Contentions map[types.UID]Contention
	// Unanswered is when a write that gives a role last had no answer, by its place.
	Unanswered map[roleset.Target]time.Time
	// Arriving is when writes without an answer were sent, by what they would make of their places, for as long as it may be there.
	Arriving map[Made]time.Time
	// Untold is what this process made last of places of which no status tells yet; empty: it took the role out.
	Untold map[roleset.Target]string
	// Writers are the credentials that are known to be allowed to write the token, or not to be.
	Writers map[string]bool
	// Forbidden are the connections to a credential of which Astro refused to write the token, until it has let one.
	Forbidden map[string]bool
	// Again are the credentials that Astro has refused to write the token, and whose users ask for another try.
	Again map[string]bool
	// Wrote are the places in which a credential was seen to write.
	Wrote map[Writing]Wrote
	// Undecided is when a credential was challenged last without Astro saying whether it may write the token.
	Undecided map[string]time.Time
}

// Writing is the role on a target that a credential writes.
type Writing struct {
	Credential string // the id of the API token
	Target     roleset.Target
}

// Wrote is when a credential wrote, and with which rights.
type Wrote struct {
	Rights string // empty: it does not see its own
	At     time.Time
}

// Made is what a write makes of a place.
type Made struct {
	Target roleset.Target
	Role   string // empty: it takes the role out
}

// Attempt is a change that was tried for a binding.
type Attempt struct {
	Target  roleset.Target
	To      string // empty: a removal
	Binding types.UID
}

// Refusal is how Astro refused a change by itself, or took it and did not show it.
type Refusal struct {
	Generation int64 // of the binding's spec
	At         time.Time
	Credential string // the id of the API token that made it
	Forbidden  bool   // to that; another one may be allowed
	Invalid    bool
	Unshown    int // how often Astro has taken the change and not shown it; 0: it refused it
	Fault      *fault.Fault
}

// Contention is a role that somebody else keeps changing back.
type Contention struct {
	Generation int64
	Restored   []time.Time
}
