package decision

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// Effect is one thing to be done for a token. A shell performs it and gives the result to After.
type Effect any

// The effects, in the order in which a reconcile needs them. Their results are the fields of the type in parentheses.
type (
	// Read reads the token by id through a connection (TokenRead).
	Read struct{ Through string }
	// AddFinalizers adds the finalizer to bindings (Patched).
	AddFinalizers struct{ Bindings []types.UID }
	// WriteJournal stores the claims that are about to be written to Astro (Stored).
	WriteJournal struct{ Claims map[types.UID]pin.Claim }
	// ReadForWrite waits for a write slot of the connection's credential, looks at the bindings again and reads the token,
	// to write to it at once (TokenRead). If what Next asks for then is no MayRevoke or Post, the slot is given back (Close).
	ReadForWrite struct{ Through string }
	// MayRevoke asks the revocation limit of the connection about removals (Permitted).
	MayRevoke struct {
		Through    string
		Targets    []roleset.Target
		Namespaces map[roleset.Target]string // of the binding that gives the role up
	}
	// Post replaces the role set of the token and looks whether Astro shows it (Replaced).
	Post struct {
		Through string
		Changes []Change // none: the set is written as it was read, to see whether the credential may
		Roles   []astro.Role
	}
	// Diagnose looks for the cause of a refusal (Findings).
	Diagnose struct {
		Through  string
		Changes  []Change
		Dangling bool // look for roles on targets that are gone as well
	}
	// Withdraw takes claims out of the journal, of which nothing was given (Stored).
	Withdraw struct{ Bindings []types.UID }
	// Report writes statuses, takes finalizers off and records events (Reported).
	Report struct{ Statements []Statement }
	// Clear takes claims out of the journal that the statuses hold by now (Stored).
	Clear struct{ Bindings []types.UID }
)

// The results of effects.
type (
	// TokenRead is the token as it was read by id, and, for ReadForWrite, the bindings as they are after the wait.
	TokenRead struct {
		Token        astro.Token
		Bindings     []Binding // nil: as before; with CredentialOf and Protected as in Observation otherwise
		CredentialOf []string
		Protected    bool
		Credential   string // the id of the API token with which it was read for a write, and would be written
		Now          time.Time
		Err          error
	}
	// Patched is what became of each binding's patch. A binding that is missing in both was patched.
	Patched struct {
		Objects map[types.UID]Binding
		Gone    map[types.UID]bool
		Errs    map[types.UID]error
	}
	// Stored says whether the journal took it.
	Stored struct{ Err error }
	// Permitted are the removals that the revocation limit lets through.
	Permitted struct{ Targets map[roleset.Target]bool }
	// Replaced is what became of a Post. Update counts where Err is nil.
	Replaced struct {
		Update astro.Update
		Now    time.Time
		Err    error
	}
	// Findings are what may be the cause of a refusal.
	Findings struct {
		Roles      []astro.CustomRole // the custom roles; nil: not looked up
		RolesKnown bool
		Missing    map[roleset.Target]bool // targets that Astro no longer shows
		Dead       []astro.Role            // roles nobody declared, on targets that are gone
		Lapsed     []astro.Role            // declared roles that Astro knows no more, or on targets that are gone
	}
	// Reported is what became of each statement; those that are missing were written. That an object is gone, or another
	// one by now, is an error where a status was to be written: what it was to hold nobody knows then.
	Reported struct{ Errs map[types.UID]error }
)

// Progress is how far the work on a token has come. It is a value: Next and After make another one.
type Progress struct {
	Situation Situation
	Decision  Decision

	// Wake is when to look again; zero: a change will tell. Errs are errors because of which to try again.
	Wake time.Duration
	Errs []error

	parts     [][]roleset.Target // changes that are tried together, the next first
	slot      bool               // the token was read in a write slot that is still ours
	permitted map[roleset.Target]bool
	sending   *Post
	refused   *refusedPart
	accepted  int  // writes that Astro took
	searched  bool // dangling roles were looked for
	inVain    int  // how many dead roles were left out for a change that was refused all the same
	slots     int  // slots that were waited for

	unsent     []types.UID // bindings that are gone since the journal took their claim, and for which nothing was sent
	withdrawn  map[types.UID]bool
	reported   map[types.UID]bool         // bindings that were told
	unwritten  map[types.UID]bool         // statements that could not be written
	unreleased map[types.UID]*fault.Fault // bindings whose finalizer Kubernetes does not let the operator take off, and its words
	cleared    bool
}

// refusedPart are changes that Astro refused together, where splitting them is no use or not possible.
type refusedPart struct {
	changes []Change
	err     error
}
