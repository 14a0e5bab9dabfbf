package decision

import (
	"cmp"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// Reaches reports whether the binding's connection leads to the token. One that lost its Secret still does for bindings
// whose role is to go: what was granted with it can be revoked with it.
func (b *Binding) Reaches(k Key, now time.Time) bool {
	c := &b.Connection
	return c.Callable && c.Host == k.Host && c.Organization == k.Organization && (c.Ready || b.leaving(now))
}

func (s *Situation) reaches(b *Binding) bool { return b.Reaches(s.Key, s.Now) }

// leaving reports whether the role that the binding holds is to go: it is deleted, or its time is over.
func (b *Binding) leaving(now time.Time) bool {
	return b.Deleting() || b.Claim != nil && b.expired(now) && !b.Observes() && !b.Object.Spec.Suspend
}

// unreachable is why the binding's connection does not lead to the token; nil if it does.
func (s *Situation) unreachable(b *Binding) *fault.Fault {
	c, accepted := &b.Connection, v1alpha1.ConditionAccepted
	status := b.Object.Status
	switch {
	case c.Object == nil:
		return fault.NotTrue(accepted, v1alpha1.ReasonConnectionNotFound,
			"there is no %s; create it, or make another binding with another spec.connectionRef", c.Words)
	case c.unknown():
		f := fault.CouldNotCheck(accepted, v1alpha1.ReasonConnectionNotReady, "%s has not been looked at yet", c.Words)
		f.Silent, f.Transient = true, true
		return f
	case b.Claim != nil && (c.Host != s.Key.Host || c.Organization != s.Key.Organization):
		return fault.NotTrue(accepted, v1alpha1.ReasonOrganizationMismatch,
			"the role is held in Organization %s at %s, but %s leads to Organization %s at %s; make the connection as it was",
			s.Key.Organization, s.Key.Host, c.Words, c.Organization, c.Host)
	case status.Token.ID != "" && status.OrganizationID != "" && status.OrganizationID != c.Organization:
		return fault.NotTrue(accepted, v1alpha1.ReasonOrganizationMismatch,
			"the binding was found to be of Organization %s, but %s leads to Organization %s; make the connection as it was, or the binding again",
			status.OrganizationID, c.Words, c.Organization)
	case !c.Ready && (!c.Callable || !b.leaving(s.Now)):
		f := fault.CouldNotCheck(accepted, v1alpha1.ReasonConnectionNotReady, "%s is not ready (%s); see its status", c.Words, c.Reason)
		f.Transient, f.NeedsUser = true, c.NeedsUser
		return f
	case c.Deleting && b.Claim == nil:
		f := fault.CouldNotCheck(accepted, v1alpha1.ReasonConnectionNotReady,
			"%s is being deleted, and takes nothing new; make it again once it is gone", c.Words)
		f.NeedsUser = true
		return f
	}
	return nil
}

// shareCredential reports whether two bindings use one credential, so that one write can serve both.
func (s *Situation) shareCredential(i, j int) bool {
	a, b := &s.Bindings[i].Connection, &s.Bindings[j].Connection
	return a.ID == b.ID || a.Credential != "" && a.Credential == b.Credential
}

// presenceTo is what the binding's connection knows of the token's existence, which may be less than others do. One that does not lead to
// the token was not asked for it: that others have proven it gone says nothing of what its credential may see.
func (s *Situation) presenceTo(b *Binding) Presence {
	switch is, through := s.Token.Presence, b.Connection.ID; {
	case is == Present && s.Token.HiddenFrom[through], is == Gone && (s.Token.Unproven[through] || !s.reaches(b)):
		return Absent
	case is == Present && b.Claim == nil && s.Token.Unasked[through] != nil: // one that has its claim has seen it
		return Unseen
	default:
		return is
	}
}

// unasked reports whether a connection that is ready could not be asked about a token that others see.
func (s *Situation) unasked(b *Binding) bool {
	return s.Token.Presence == Present && s.presenceTo(b) == Unseen && s.unreachable(b) == nil
}

// misses is why a token that is absent to the binding is not taken for gone.
func (s *Situation) misses(b *Binding) string {
	return cmp.Or(s.Token.WhyTo[b.Connection.ID], s.Token.Why, "the listing could not be trusted")
}

// drifted reports whether Astro holds another role than the binding has its claim for.
func (s *Situation) drifted(b *Binding) bool {
	return s.Token.Presence == Present && b.Claim != nil && s.roleOn(b.entry(nil)) != b.Role()
}

// selfProtected reports whether the token is a credential that the binding may not change: that of a
// ClusterAstroConnection is nobody's to change, that of another connection not through that connection.
func (s *Situation) selfProtected(b *Binding) bool {
	return s.Token.Protected || slices.Contains(s.Token.CredentialOf, b.Connection.ID)
}

// selfProtection is what the binding of such a token says.
func (s *Situation) selfProtection(b *Binding) *fault.Fault {
	words := "the token is the credential of " + b.Connection.Words + ", and is not written through it; use another connection, or bind another token"
	if s.Token.Protected {
		words = "the token is the credential of a ClusterAstroConnection, whose roles the operator never changes; bind another token"
	}
	return fault.NotTrue(v1alpha1.ConditionAccepted, v1alpha1.ReasonSelfProtected, "%s", words)
}

// notSeen says how far looking for the token got.
func (s *Situation) notSeen(b *Binding) *fault.Fault {
	switch {
	case s.presenceTo(b) == Unseen && s.Token.Unasked[b.Connection.ID] != nil:
		return fault.FromAstroError(v1alpha1.ConditionResolved, "look up the token", s.Token.Unasked[b.Connection.ID])
	case s.Token.Presence == Unseen:
		return cmp.Or(s.notRead(b), nobodyLooked(b))
	case s.presenceTo(b) == Absent && b.Claim != nil:
		f := fault.CouldNotCheck(v1alpha1.ConditionResolved, v1alpha1.ReasonListIncomplete,
			"Astro does not show %s, which does not prove that it was deleted: %s", b.TokenWords(), s.misses(b))
		f.Transient = b.Connection.Distrusts // the connection says so for all
		return f
	default:
		return tokenNotFound(b)
	}
}

// notRead is why nobody could look for the token; nil if somebody could, or nobody tried. What others met is not told.
func (s *Situation) notRead(b *Binding) *fault.Fault {
	if len(s.Token.NotRead) == 0 {
		return nil
	}
	return cmp.Or(s.Token.NotRead[b.Connection.ID], nobodyLooked(b))
}

func nobodyLooked(b *Binding) *fault.Fault {
	f := fault.CouldNotCheck(v1alpha1.ConditionResolved, v1alpha1.ReasonUnreachable, "nobody could look for %s", b.TokenWords())
	f.Transient = true
	return f
}

func tokenNotFound(b *Binding) *fault.Fault {
	return fault.NotTrue(v1alpha1.ConditionResolved, v1alpha1.ReasonTokenNotFound,
		"Astro shows no %s; check spec.token, and that the connection's API token may see it", b.TokenWords())
}
