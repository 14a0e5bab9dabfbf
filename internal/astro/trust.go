package astro

import "fmt"

const (
	// A listing has shrunk suddenly if it lost more than both of these against the last trusted one.
	shrinkPart = 0.1
	shrinkRows = 3
	// So many sweeps in a row with one and the same total make a shrunken listing the new measure.
	shrinkSweeps = 3
)

// trust decides whether a complete listing is evidence that a token which it lacks is gone. Lists are filtered by
// permission and not refused, so a credential that lost rights sees a shorter list and no error. Hence two conditions,
// both to err on the side of keeping what may still be there:
//
//   - The credential's own token is listed, with the roles that it had when it was first seen. Roles that changed since
//     may be the lost rights themselves, so no listing counts, however often it is repeated, until the connection was
//     proven again and whoever is responsible for it says so (Directory.Trust). A first sight is taken as it is: what a
//     credential could see before this process began is not known here.
//   - The listing has not shrunk suddenly. There are honest reasons for that, a clean-up above all, so it is believed
//     once three sweeps in a row found the same total. Listings made for a proof do not count among these: they come in
//     bursts, just when many tokens seem gone.
type trust struct {
	self  string
	own   []Role // of self; nil: not seen yet
	total int    // of the last trusted listing; 0: none yet

	shrunken int // total of the last shrunken listing
	sweeps   int // in a row with that total
}

// judge takes one complete listing into account.
func (t *trust) judge(tokens []Token, sweep bool) (trusted bool, reason string) {
	if reason := t.doubtSelf(tokens); reason != "" {
		t.sweeps = 0
		return false, reason
	}
	if reason := t.doubtTotal(len(tokens), sweep); reason != "" {
		return false, reason
	}
	t.total, t.sweeps = len(tokens), 0
	return true, ""
}

func (t *trust) doubtSelf(tokens []Token) string {
	if t.self == "" {
		return "the credential does not say which token it is"
	}
	for _, token := range tokens {
		if token.ID != t.self {
			continue
		}
		switch {
		case !token.RolesKnown:
			return "the connection's own token is listed without its roles"
		case t.own == nil:
			t.own = token.clone().Roles
		case !sameRoles(t.own, token.Roles):
			return "the roles of the connection's own token have changed"
		}
		return ""
	}
	return "the connection's own token is not listed"
}

func (t *trust) doubtTotal(total int, sweep bool) string {
	lost := t.total - total
	if lost <= shrinkRows || float64(lost) <= shrinkPart*float64(t.total) {
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

// Trust takes the own roles of the credential as the next listing shows them. The connection's controller calls it after
// it has proven a credential that was put there on purpose; not at routine proofs, which a credential with fewer rights
// passes as well.
func (d *Directory) Trust() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trust.own, d.trust.sweeps = nil, 0
}
