package decision

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
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
	// Before either, the connections of ActsFor are read from Kubernetes; if they are not as they were, that is another TokenRead.
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
		Unchecked    error // what is to be written must not be: what it is decided on could not be read from Kubernetes
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
		Retired    []astro.Role            // roles nobody declared that Astro knows no more, or on Deployments that were moved away
		Unlisted   []astro.Role            // such roles that are on hold, or not proven to be such
	}
	// Reported is what became of each statement; those that are missing were written. That an object is gone, or another
	// one by now, is an error where a status was to be written: what it was to hold nobody knows then.
	Reported struct{ Errs map[types.UID]error }
)

// Statement is what one binding is told at the end of a reconcile.
type Statement struct {
	UID        types.UID
	Object     *v1alpha1.ScopedTokenBinding // as it was looked at, not to be changed
	Orphan     bool
	Undeclared bool   // an orphan that stands for an inventory
	Why        string // what keeps an orphan's role from being revoked: it has no status that could say so

	Write   bool // the status is to be written
	Status  v1alpha1.ScopedTokenBindingStatus
	Release bool // the finalizer is to go, after the status was written
	Left    bool // it stays, and has given its claim up

	Gives   bool // the claim that the status takes up was given its role in this reconcile, and only the journal knows it
	Changed bool // something was changed in Astro for it
	Revoked bool // its role was taken away in this reconcile
	Kept    bool // another binding has the say over its role
	Stays   bool // its role stays in Astro, as the user wants it
	Missed  bool // an orphan leaves another role than the one that only the journal knew, and nobody can say whose it is
}

// holds reports whether the status says that the binding holds its claim.
func (st Statement) holds() bool {
	if st.Orphan {
		return false // nobody reads its status any more
	}
	claim := st.Object.Status.Claim
	if st.Write {
		claim = st.Status.Claim
	}
	return claim != nil && claim.State == v1alpha1.ClaimHeld && claim.UID == st.UID
}
