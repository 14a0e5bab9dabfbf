package astro

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// A listing lacks too much if it lost more than both of these: of all tokens against the last trusted one, or of the
	// tokens that are bound.
	shrinkPart = 0.1
	shrinkRows = 3
	// So many sweeps in a row with one and the same total make a shrunken listing the new measure.
	shrinkSweeps = 3
)

// trust decides whether a complete listing is evidence that a token which it lacks is gone. Lists are filtered by
// permission and not refused, so a credential that lost rights sees a shorter list and no error. Hence three conditions,
// all to err on the side of keeping what may still be there:
//
//   - The credential's own token is listed, with the roles that it had when it was first seen, be it by a process before
//     this one. Roles that changed since may be the lost rights themselves.
//   - The tokens that are bound are listed, but for a few. A role can lose rights and keep its name, and what it hides
//     matters where something hangs on it. Since it is known from elsewhere what is bound, a restart is no gap.
//   - The listing has not shrunk suddenly. There are honest reasons for that, a clean-up above all, so it is believed
//     once three sweeps in a row found the same total. Listings made for a proof do not count among these: they come in
//     bursts, just when many tokens seem gone.
//
// What fails the first or the second is no evidence however often it is repeated, until somebody who knows says so.
type trust struct {
	self  string
	own   []string // rights of self; nil: not seen yet
	total int      // of the last trusted listing; 0: none yet

	shrunken int // total of the last shrunken listing
	sweeps   int // in a row with that total

	word     word
	given    int      // listings up to this number began before the word
	accepted []string // bound tokens that are gone by somebody's word

	doubt   string // why the last listing is no evidence
	lasting bool   // and will not be if it comes again
}

// seen is one complete listing, and the tokens that were bound when it began.
type seen struct {
	number int
	tokens []Token
	ids    map[string]struct{}
	sweep  bool
	bound  []string // sorted, each once
	err    error    // why nobody knows what is bound
}

// judge takes one complete listing into account.
func (t *trust) judge(s seen) (trusted bool, reason string) {
	said := noWord
	if s.number > t.given {
		said = t.word
	}
	own, lost := t.rights(s.tokens), t.lost(s)
	t.doubt, t.lasting = t.doubtSelf(own, said)
	if t.doubt == "" {
		t.doubt, t.lasting = t.doubtBound(s, lost, said)
	}
	if t.doubt != "" {
		t.sweeps = 0
		return false, t.doubt
	}
	if t.doubt = t.doubtTotal(len(s.tokens), s.sweep, said); t.doubt != "" {
		return false, t.doubt
	}
	t.believe(s, own, lost, said)
	return true, ""
}

// believe makes a trusted listing the measure of the next.
func (t *trust) believe(s seen, own, lost []string, said word) {
	t.own, t.total, t.sweeps = own, len(s.tokens), 0
	switch said {
	case noWord:
		return
	case fullWord:
		t.accepted = lost
	}
	t.word = noWord
}

// rights of the credential's own token; nil if it is not listed with its roles.
func (t *trust) rights(tokens []Token) []string {
	for _, token := range tokens {
		if token.ID == t.self && token.RolesKnown {
			return Rights(token.Roles)
		}
	}
	return nil
}

func (t *trust) doubtSelf(own []string, said word) (doubt string, lasting bool) {
	switch {
	case t.self == "":
		return "the credential does not say which token it is", true
	case own == nil:
		return "the connection's own token is not listed with its roles", false
	case t.own != nil && said == noWord && !slices.Equal(t.own, own):
		return fmt.Sprintf("the roles of the connection's own token have changed, from %s to %s", words(t.own), words(own)), true
	}
	return "", false
}

func words(rights []string) string {
	if len(rights) == 0 {
		return "none"
	}
	return clip(strings.Join(rights, ", "), 120)
}

// lost are the bound tokens that the listing lacks.
func (t *trust) lost(s seen) []string {
	var lost []string
	for _, id := range s.bound {
		if _, listed := s.ids[id]; !listed {
			lost = append(lost, id)
		}
	}
	return lost
}

func (t *trust) doubtBound(s seen, lost []string, said word) (doubt string, lasting bool) {
	if s.err != nil {
		return "nobody could tell which tokens are bound", false
	}
	t.accepted = slices.DeleteFunc(t.accepted, notIn(lost)) // it is back, or nobody's any more
	unheard := slices.DeleteFunc(slices.Clone(lost), in(t.accepted))
	if said == fullWord || !tooMuch(len(unheard), len(s.bound)) {
		return "", false
	}
	return fmt.Sprintf("%d of the %d tokens that bindings hold a role of are not listed, such as %s",
		len(unheard), len(s.bound), strings.Join(unheard[:min(len(unheard), 3)], ", ")), true
}

func (t *trust) doubtTotal(total int, sweep bool, said word) string {
	if said == fullWord || !tooMuch(t.total-total, t.total) {
		return ""
	}
	if total != t.shrunken {
		t.shrunken, t.sweeps = total, 0
	}
	if sweep {
		t.sweeps++
	}
	if t.sweeps >= shrinkSweeps {
		return ""
	}
	return fmt.Sprintf("the listing went from %d tokens to %d", t.total, total)
}

// in is membership of a sorted list.
func in(list []string) func(string) bool {
	return func(id string) bool {
		_, found := slices.BinarySearch(list, id)
		return found
	}
}

func notIn(list []string) func(string) bool {
	return func(id string) bool { return !in(list)(id) }
}

func tooMuch(lost, of int) bool {
	return lost > shrinkRows && float64(lost) > shrinkPart*float64(of)
}
