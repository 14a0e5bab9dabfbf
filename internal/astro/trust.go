package astro

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

const (
	// A listing lacks too many tokens if it lacks more than both of these: of the tokens of the last trusted listing, or of
	// the bound tokens.
	shrinkPart = 0.1
	shrinkRows = 3
	// A shrunken listing is trusted once this many sweeps in a row found the same total.
	shrinkSweeps = 3
)

// trust decides whether a complete listing is evidence that a token which it lacks is gone. Astro filters lists by
// permission and does not refuse them, so a credential that lost rights sees a shorter list and no error. Three conditions
// must hold; in doubt, a token is kept:
//
//   - The credential's own token is listed, and has lost none of the roles by which it is measured: those that it had when it
//     was first seen, by this process or an earlier one, or when somebody last vouched for it. Roles that it was given besides
//     hide nothing from it, and strangers can give and take those; so they count neither when they come nor when they go. Where
//     another token was put in its place, which may have other roles, every bound token is listed: a token that it has never
//     seen is not gone because it does not see it.
//   - The bound tokens are listed, except for a few. A role can lose rights and keep its name. Bindings tell which tokens
//     are bound, so this holds after a restart too.
//   - The listing has not shrunk suddenly. A clean-up shrinks it as well, so it is trusted once three sweeps in a row found
//     the same total. Listings made for a proof do not count, because they come in bursts when many tokens seem gone.
//
// A listing that fails the first or second condition is no evidence, however often it is repeated, until a trust request.
type trust struct {
	selfID    string
	ownRights []string // by which the token selfID is measured; nil: not seen yet
	successor bool     // they are those of another token, which may have seen more by roles that it was given besides
	total     int      // of the last trusted listing; 0: none yet

	shrunkTotal  int // total of the last shrunken listing
	shrunkSweeps int // sweeps in a row with that total

	request        trustRequest
	requestedAfter int      // listings up to this number began before the request
	confirmedGone  []string // bound tokens that are gone because of a request

	distrust string // why the last listing is no evidence
	lasting  bool   // the same listing again will be no evidence either
}

// snapshot is one complete listing, and the tokens that were bound when it began.
type snapshot struct {
	number int
	tokens []Token
	ids    map[string]struct{}
	sweep  bool
	bound  []string // sorted, without duplicates
	err    error    // why the bound tokens are not known
}

// judge decides whether one complete listing is evidence, and remembers it.
func (t *trust) judge(s snapshot) (trusted bool, reason string) {
	request := noTrustRequest
	if s.number > t.requestedAfter {
		request = t.request
	}
	own, missing := t.rightsOfSelf(s.tokens), t.missing(s)
	t.distrust, t.lasting = t.checkSelf(own, slices.DeleteFunc(slices.Clone(missing), memberOf(t.confirmedGone)), request)
	if t.distrust == "" {
		t.distrust, t.lasting = t.checkBound(s, missing, request)
	}
	if t.distrust != "" {
		t.shrunkSweeps = 0
		return false, t.distrust
	}
	if t.distrust = t.checkTotal(len(s.tokens), s.sweep, request); t.distrust != "" {
		return false, t.distrust
	}
	t.accept(s, own, missing, request)
	return true, ""
}

// accept makes a trusted listing the measure of later ones. Roles become the measure only if they are the first seen or meant.
func (t *trust) accept(s snapshot, own, missing []string, request trustRequest) {
	t.total, t.shrunkSweeps = len(s.tokens), 0
	if t.ownRights == nil || request != noTrustRequest {
		t.ownRights, t.successor = shorten(sight(own)), false
	}
	switch request {
	case noTrustRequest:
		return
	case trustListing:
		t.confirmedGone = missing
	}
	t.request = noTrustRequest
}

// rightsOfSelf are the rights of the credential's own token; nil if it is not listed with its roles.
func (t *trust) rightsOfSelf(tokens []Token) []string {
	for _, token := range tokens {
		if token.ID == t.selfID && token.RolesKnown {
			return allRights(token.Roles)
		}
	}
	return nil
}

// sight are those of the credential's rights by which it may see tokens. An owner of the Organization sees all of them by that role
// alone, whatever it was given besides.
func sight(rights []string) []string {
	if i := slices.IndexFunc(rights, ownsOrganization); i >= 0 {
		return rights[i : i+1]
	}
	return rights
}

func ownsOrganization(right string) bool {
	return strings.HasPrefix(right, string(EntityOrganization)+"/") && strings.HasSuffix(right, "=ORGANIZATION_OWNER")
}

// lost reports whether a right of the measure is missing. What a long measure shows as a checksum is there only while all of it is.
func lost(measure, own []string) bool {
	shown := slices.Concat(own, shorten(own))
	return slices.ContainsFunc(measure, func(right string) bool { return !slices.Contains(shown, right) })
}

func (t *trust) checkSelf(own, missing []string, request trustRequest) (distrust string, lasting bool) {
	changed := lost(t.ownRights, own) || t.successor && !slices.ContainsFunc(own, ownsOrganization)
	switch {
	case t.selfID == "":
		return "the credential does not say which token it is", true
	case own == nil:
		return "the connection's own token is not listed with its roles", false
	case changed && request == noTrustRequest:
		return fmt.Sprintf("the roles of the connection's own token have changed, from %s to %s", joinRights(t.ownRights), joinRights(own)), true
	case changed && request == trustOwnRoles && len(missing) > 0:
		return fmt.Sprintf("the connection's API token was replaced, or its roles were, %s instead of %s, and Astro does not list to it "+
			"%d token(s) that bindings hold a role of, such as %s", joinRights(own), joinRights(t.ownRights), len(missing), firstOf(missing)), true
	}
	return "", false
}

func joinRights(rights []string) string {
	if len(rights) == 0 {
		return "none"
	}
	return text.Clip(text.Line(strings.Join(rights, ", ")), 120) // a status of an earlier release may have them as Astro wrote them
}

// missing are the bound tokens that the listing lacks.
func (t *trust) missing(s snapshot) []string {
	var missing []string
	for _, id := range s.bound {
		if _, listed := s.ids[id]; !listed {
			missing = append(missing, id)
		}
	}
	return missing
}

func (t *trust) checkBound(s snapshot, missing []string, request trustRequest) (distrust string, lasting bool) {
	if s.err != nil {
		return "nobody could tell which tokens are bound", false
	}
	t.confirmedGone = slices.DeleteFunc(t.confirmedGone, notIn(missing)) // without those that are listed again or no longer bound
	unexplained := slices.DeleteFunc(slices.Clone(missing), memberOf(t.confirmedGone))
	if request == trustListing || !tooMany(len(unexplained), len(s.bound)) {
		return "", false
	}
	return fmt.Sprintf("%d of the %d tokens that bindings hold a role of are not listed, such as %s",
		len(unexplained), len(s.bound), firstOf(unexplained)), true
}

func firstOf(ids []string) string { return strings.Join(ids[:min(len(ids), 3)], ", ") }

func (t *trust) checkTotal(total int, sweep bool, request trustRequest) string {
	if request == trustListing || !tooMany(t.total-total, t.total) {
		return ""
	}
	if total != t.shrunkTotal {
		t.shrunkTotal, t.shrunkSweeps = total, 0
	}
	if sweep {
		t.shrunkSweeps++
	}
	if t.shrunkSweeps >= shrinkSweeps {
		return ""
	}
	return fmt.Sprintf("the listing went from %d tokens to %d", t.total, total)
}

// memberOf reports membership of a sorted list.
func memberOf(list []string) func(string) bool {
	return func(id string) bool {
		_, found := slices.BinarySearch(list, id)
		return found
	}
}

func notIn(list []string) func(string) bool {
	return func(id string) bool { return !memberOf(list)(id) }
}

func tooMany(missing, of int) bool {
	return missing > shrinkRows && float64(missing) > shrinkPart*float64(of)
}

// trustRequest asks to trust what the next listing shows.
type trustRequest int

const (
	noTrustRequest trustRequest = iota
	trustOwnRoles               // the credential is meant to have the roles that it has, if it sees every bound token
	trustListing                // besides, what the listing lacks is gone
)

// addRequest keeps a request for listings with a higher number.
func (t *trust) addRequest(r trustRequest, number int) {
	t.request, t.requestedAfter, t.lasting = max(t.request, r), number, false
}
