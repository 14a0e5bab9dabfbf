package decision

import (
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// A read that lacks the token's role on its own scope lacks what Astro does not show, and may lack any other role. Nobody is let go
// by it whose role it does not show, and nothing is looked at over and over meanwhile.
func TestNobodyIsLetGoByAPartialRead(t *testing.T) {
	ago := now.Add(-time.Hour)
	waits := "False/OwnScopeRoleProtected"
	for name, c := range map[string]struct {
		reason string
		parts  []part
		want   string
		says   string
		wake   time.Duration
	}{
		"Deleted":         {"The claim of a binding that is deleted is kept.", of(binding("a").claimed(1).deleting()), waits + " Held Created", "the role is not revoked until then: set the annotation " + v1alpha1.AnnotationRelease, 0},
		"Released":        {"Its user may let it go.", of(binding("a").claimed(1).deleting().annotated(v1alpha1.AnnotationRelease, "true")), "unchanged, released", "", 0},
		"Expired":         {"So is one whose time is over.", of(binding("a").claimed(1).until(now)), waits + " Held Created", "make sure that the connection's API token may see all roles", 0},
		"Withdrawn":       {"So is one whose role is withdrawn.", of(binding("a").claimed(1).through("acme", onlyRole(owner), withdrawing)), waits + " Held Created", "own scope", 0},
		"OnHold":          {"So is one that its rules keep from giving its role up.", of(binding("a").adopted(1).deleting().through("acme", onlyRole(owner))), "False/RoleNotAllowed Held Adopted", "", 0},
		"Orphan":          {"An orphan stays in the journal, and is looked at again in a while.", of(binding("a").claimed(1).orphan()), "unchanged", "", orphanAgain},
		"Recovered":       {"So does one that only the journal knows.", of(binding("a").recovered(ago).orphan()), "unchanged", "", orphanAgain},
		"RecoveredStays":  {"A binding that stays keeps a claim that only the journal has.", of(binding("a").recovered(ago).suspended()), "False/Suspended", "", orphanAgain},
		"RecoveredEdited": {"So does one that was edited since.", of(binding("a").recovered(ago).but(func(b *Binding) { b.Claim.Role = owner })), "Unknown/Pending", "", orphanAgain},
		"Shared":          {"A role that another binding holds too is that one's, be it there or not.", of(binding("a").claimed(1).deleting(), binding("b").claimed(2)), "unchanged, released, kept", "", 0},
		"SharedUntaken":   {"One that nobody else holds is not.", of(binding("a").claimed(1).deleting(), binding("b")), waits + " Held Created", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation(append(c.parts, ownScopeHidden)...)
			journaled := s.Bindings[0].Journaled
			w := drive(t, s)
			differ(t, c.reason, "the binding is told", c.want, w.state("a"))
			differ(t, c.reason, "Astro is written", 0, len(w.posts))
			differ(t, c.reason, "another look", c.wake, w.progress.Wake)
			if says := w.message("a"); !strings.Contains(says, c.says) {
				t.Errorf("%s\nwant %q in %q", c.reason, c.says, says)
			}
			for _, e := range w.effects {
				if journaled && (e == "Clear a" || e == "Withdraw a") {
					t.Errorf("%s\nthe journal forgets the claim: %v", c.reason, w.effects)
				}
			}
		})
	}
}

// Once Astro shows all roles again, what waited goes on.
func TestAPartialReadIsOnlyWaitedFor(t *testing.T) {
	w := drive(t, situation(binding("a").claimed(1).deleting(), ownScopeHidden))
	again := drive(t, w.next(time.Minute, token(func(o *Observation) { o.Token = situation(holds(w1, member)).Token.Token })))
	differ(t, "The role is there and goes.", "the binding is told", "unchanged, released, revoked", again.state("a"))
	again = drive(t, w.next(time.Minute, token(func(o *Observation) { o.Token = situation().Token.Token })))
	differ(t, "The role is gone.", "the binding is told", "unchanged, released", again.state("a"))
}
