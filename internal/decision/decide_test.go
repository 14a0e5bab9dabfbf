package decision

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

func TestClaimsToTake(t *testing.T) {
	never, same := v1alpha1.AdoptNever, v1alpha1.AdoptIfSameRole
	cases := map[string]struct {
		reason          string
		parts           []part
		take, readFirst string
	}{
		"New":               {"A new grant takes its claim.", of(binding("a")), "a", ""},
		"InSync":            {"So does one whose role is there.", of(binding("a"), holds(w1, member)), "a", ""},
		"Changed":           {"And one that takes another role over.", of(binding("a"), holds(w1, owner)), "a", ""},
		"Claimed":           {"Not one that has it.", of(binding("a").claimed(1), holds(w1, member)), "", ""},
		"Conflict":          {"Not the loser of a conflict.", of(binding("a").claimed(1), binding("b").role(owner), holds(w1, member)), "", ""},
		"SameRole":          {"The same grant twice is fine.", of(binding("a").claimed(1), binding("b"), holds(w1, member)), "b", ""},
		"BothNew":           {"For two that want the same as well.", of(binding("a"), binding("b")), "a b", ""},
		"OldestOfTwo":       {"Of two that differ the earlier made takes it.", of(binding("a").made(2), binding("b").role(owner).made(1)), "b", ""},
		"WhoseRoleIsThere":  {"But first the one whose role Astro holds.", of(binding("a").made(2), binding("b").role(owner).made(1), holds(w1, member)), "a", ""},
		"BesideAHold":       {"Nobody takes the place of a claim on hold.", of(binding("a").claimed(1).suspended(), binding("b")), "", ""},
		"Suspended":         {"Nor does one that is suspended.", of(binding("a").suspended()), "", ""},
		"Observing":         {"Nor one that observes.", of(binding("a").observing(), holds(w1, member)), "", ""},
		"Deleting":          {"Nor one that is being deleted.", of(binding("a").finalized().deleting()), "", ""},
		"NeverUnread":       {"What may not adopt waits for a read by id.", of(binding("a").adopt(never)), "", "a"},
		"SameUnread":        {"Adopting the same role only does so, too.", of(binding("a").adopt(same), holds(w1, member)), "", "a"},
		"NeverRead":         {"After the read it is taken.", of(binding("a").adopt(never), readByID), "a", ""},
		"NeverExisting":     {"Unless there is a role.", of(binding("a").adopt(never), holds(w1, member), readByID), "", ""},
		"SameDiffers":       {"Or another one.", of(binding("a").adopt(same), holds(w1, owner), readByID), "", ""},
		"NeverLost":         {"A token that could not be read is not read again.", of(binding("a").adopt(never), lost(connection("acme").ID, errLost)), "", ""},
		"NeverOfAClaim":     {"What another claim covers is nobody's foreign role.", of(binding("a").claimed(1).deleting(), binding("b").adopt(never), holds(w1, member), readByID), "b", ""},
		"NeverOfAnOrphan":   {"Nor what an orphan left.", of(binding("a").claimed(1).orphan(), binding("b").adopt(never), holds(w1, member), readByID), "b", ""},
		"NeverOfAnObserver": {"One that observes covers nothing.", of(binding("a").claimed(1).observing(), binding("b").adopt(never), holds(w1, member), readByID), "", ""},
		"Absent":            {"Without the token there is nothing to take.", of(binding("a"), presence(Absent)), "", ""},
		"OwnScopeUnseen":    {"Nor while its own-scope role is not shown.", of(binding("a"), token(func(o *Observation) { o.Token.Roles = nil })), "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			d := Decide(s)
			differ(t, c.reason, "take", c.take, names(s, d.Take))
			differ(t, c.reason, "read first", c.readFirst, names(s, d.ReadFirst))
		})
	}
}

func TestOrigins(t *testing.T) {
	back := func(role string, origin v1alpha1.Origin, previous string) func(*v1alpha1.ScopedTokenBinding) {
		return func(o *v1alpha1.ScopedTokenBinding) {
			o.Status.Role, o.Status.Origin, o.Status.PreviousRole = role, origin, previous
		}
	}
	cases := map[string]struct {
		reason string
		parts  []part
		want   string
	}{
		"Created":         {"Where nothing was, the role is created.", of(binding("z")), "Created "},
		"Adopted":         {"Where a role was, it is adopted.", of(binding("z"), holds(w1, member)), "Adopted WORKSPACE_MEMBER"},
		"AdoptedOther":    {"And what it was is remembered.", of(binding("z"), holds(w1, owner)), "Adopted WORKSPACE_OWNER"},
		"FromAClaim":      {"A role that another claim covers has that claim's origin.", of(binding("a").claimed(1), binding("z"), holds(w1, member)), "Created "},
		"FromAnAdoption":  {"Whatever that is.", of(binding("a").adopted(1), binding("z"), holds(w1, member)), "Adopted WORKSPACE_MEMBER"},
		"FromTheFirst":    {"The earliest claim counts.", of(binding("a").adopted(2), binding("b").claimed(1), binding("z"), holds(w1, member)), "Created "},
		"FromALeaver":     {"An heir takes over the origin of one that leaves.", of(binding("a").claimed(1).deleting(), binding("z"), holds(w1, member)), "Created "},
		"FromAnOrphan":    {"And of one that is gone.", of(binding("a").adopted(1).orphan(), binding("z"), holds(w1, member)), "Adopted WORKSPACE_MEMBER"},
		"NotFromObserver": {"Not of one that counts for nothing.", of(binding("a").claimed(1).observing(), binding("z"), holds(w1, member)), "Adopted WORKSPACE_MEMBER"},
		"Restored":        {"A status that came back says how this very role came about.", of(binding("z").seen().edit(back(member, v1alpha1.OriginCreated, "")), holds(w1, member)), "Created "},
		"RestoredAdopted": {"The previous role with it.", of(binding("z").seen().edit(back(member, v1alpha1.OriginAdopted, owner)), holds(w1, member)), "Adopted WORKSPACE_OWNER"},
		"RestoredOther":   {"Another role is somebody else's.", of(binding("z").seen().edit(back(member, v1alpha1.OriginCreated, "")), holds(w1, owner)), "Adopted WORKSPACE_OWNER"},
		"RestoredElsewhere": {
			"As is that of another Organization.",
			of(binding("z").seen().edit(back(member, v1alpha1.OriginCreated, "")).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.Target.ID = "w2" }), holds(w1, member)), "Adopted WORKSPACE_MEMBER",
		},
		"RestoredMayAdopt": {"It needs no leave to adopt.", of(binding("z").adopt(v1alpha1.AdoptNever).seen().edit(back(member, v1alpha1.OriginCreated, "")), holds(w1, member), readByID), "Created "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			d := Decide(s)
			claim, takes := d.claims[s.byUID()["uid-z"]]
			if !takes {
				t.Fatalf("%s\nno claim is taken: %s", c.reason, ruled(d))
			}
			differ(t, c.reason, "origin", c.want, fmt.Sprintf("%s %s", claim.Origin, claim.PreviousRole))
			differ(t, c.reason, "claim", pin.Claim{
				Host: host, Organization: org, Token: token1, TargetKind: v1alpha1.TargetWorkspace, Target: "w1", Role: member,
				Origin: claim.Origin, PreviousRole: claim.PreviousRole, ClaimedAt: claim.ClaimedAt,
			}, claim)
		})
	}
}

func TestTimesOfClaims(t *testing.T) {
	future := now.Add(time.Hour)
	claimAt := func(x *bindingBuilder, at time.Time) *bindingBuilder {
		return x.claimed(1).but(func(b *Binding) { b.Claim.ClaimedAt = at })
	}
	released := binding("z").seen().holding(1, v1alpha1.OriginCreated, "").edit(func(o *v1alpha1.ScopedTokenBinding) {
		o.Status.Claim.State, o.Status.Claim.ClaimedAt.Time, o.Status.Origin = v1alpha1.ClaimReleased, future, ""
	}).but(func(b *Binding) { b.Claim = nil })
	cases := map[string]struct {
		reason string
		parts  []part
		want   time.Time // of the claim of z
	}{
		"Now":          {"A claim is taken now.", of(binding("z")), now},
		"ClockBehind":  {"It is later than every claim of the token, whatever the clock says.", of(claimAt(binding("a"), future), binding("z").on(w2)), future.Add(time.Microsecond)},
		"SameMoment":   {"Not at the same time.", of(claimAt(binding("a"), now), binding("z").on(w2)), now.Add(time.Microsecond)},
		"OneByOne":     {"Claims that are taken together follow each other.", of(binding("a").on(d1), binding("b").on(w2), binding("z")), now.Add(2 * time.Microsecond)},
		"AfterPending": {"Those that are being taken count.", of(binding("z"), pending("uid-x", future)), future.Add(time.Microsecond)},
		"Pending":      {"One that is being taken keeps its time.", of(binding("z"), pending("uid-z", onDay(9))), onDay(9)},
		"Released":     {"A claim that was left counts as well.", of(released), future.Add(time.Microsecond)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			differ(t, c.reason, "claimed at", c.want, Decide(s).claims[s.byUID()["uid-z"]].ClaimedAt)
		})
	}
}

// pending is a claim that is being taken since a time.
func pending(uid types.UID, at time.Time) with {
	return func(s *Situation) { s.Pending = map[types.UID]Pending{uid: {Claim: pin.Claim{ClaimedAt: at}}} }
}

func TestFinalizersAndLooks(t *testing.T) {
	stripped := func(o *v1alpha1.ScopedTokenBinding) { o.Finalizers = nil }
	requested := func(x *bindingBuilder) *bindingBuilder {
		return x.annotated(v1alpha1.AnnotationRequestedAt, "now")
	}
	together := func(x *bindingBuilder) *bindingBuilder {
		return x.but(func(b *Binding) { b.Together, b.Asked = true, now })
	}
	tokens := func(rule v1alpha1.TokenRule) func(*Connection) {
		return allowing(func(r *v1alpha1.AllowRule) { r.Tokens = []v1alpha1.TokenRule{rule} })
	}
	renamed := tokens(v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"new-"}})
	strange := tokens(v1alpha1.TokenRule{Scope: v1alpha1.ScopeOrganization, IDs: []string{"t2"}})
	hidden := token(func(o *Observation) { o.HiddenFrom = map[string]bool{connection("acme").ID: true} })
	cases := map[string]struct {
		reason            string
		parts             []part
		finalizers, looks string
	}{
		"New":              {"Who takes a claim needs the finalizer and a look by id.", of(binding("a")), "a", "a"},
		"InSync":           {"Who is in sync needs neither.", of(binding("a").claimed(1), holds(w1, member)), "", ""},
		"Stripped":         {"Who holds a claim gets the finalizer back.", of(binding("a").claimed(1).edit(stripped), holds(w1, member)), "a", ""},
		"StrippedOnHold":   {"On hold as well.", of(binding("a").claimed(1).suspended().edit(stripped), holds(w1, member)), "a", ""},
		"StrippedUnseen":   {"And while nobody can look.", of(binding("a").claimed(1).edit(stripped), presence(Unseen)), "a", ""},
		"StrippedDeleting": {"Not one that is being deleted, whose finalizers nobody may add.", of(binding("a").claimed(1).edit(stripped).deleting(), holds(w1, member)), "", "a"},
		"StrippedObserver": {"Nor one that leaves its claim.", of(binding("a").claimed(1).edit(stripped).observing(), holds(w1, member)), "", ""},
		"Refused":          {"What counts for nothing has no finalizer.", of(binding("a").suspended()), "", ""},
		"Leaving":          {"That a role is gone is looked at by id.", of(binding("a").claimed(1).deleting()), "", "a"},
		"LeavingRead":      {"Once.", of(binding("a").claimed(1).deleting(), readByID), "", ""},
		"Requested":        {"A user may ask for a look.", of(requested(binding("a").claimed(1)), holds(w1, member)), "", "a"},
		"RequestedOnHold":  {"Also while the binding is on hold.", of(requested(binding("a").claimed(1)).suspended(), holds(w1, member)), "", "a"},
		"RequestedNothing": {"Or counts for nothing.", of(requested(binding("a")).suspended(), holds(w1, member)), "", "a"},
		"RequestedRefused": {"What the rules refuse may be allowed by now.", of(requested(binding("a").through("acme", renamed)), holds(w1, member)), "", "a"},
		"RefusedTogether":  {"It costs no read beyond the share.", of(together(requested(binding("a").through("acme", renamed))), holds(w1, member)), "", ""},
		"NeverAllowed":     {"What no rule can allow costs none.", of(requested(binding("a").through("acme", strange)), holds(w1, member)), "", ""},
		"RequestedHidden":  {"Nor does a token that the connection does not show.", of(requested(binding("a").suspended()), hidden, holds(w1, member)), "", ""},
		"RequestedRead":    {"Once.", of(requested(binding("a").suspended()), readByID, holds(w1, member)), "", ""},
		"Handled":          {"What was asked is answered once.", of(requested(binding("a").claimed(1)).edit(func(o *v1alpha1.ScopedTokenBinding) { o.Status.LastHandledReconcileAt = "now" }), holds(w1, member)), "", ""},
		"Edited":           {"A new spec is looked at.", of(binding("a").claimed(1).edited(), holds(w1, member)), "", "a"},
		"ObserverNew":      {"One that observes as well.", of(binding("a").observing()), "", "a"},
		"ObserverSeen":     {"Once.", of(binding("a").observing().seen()), "", ""},
		"Lost":             {"Not through a connection that could not read.", of(binding("a").claimed(1).edited(), holds(w1, member), lost(connection("acme").ID, errLost)), "", ""},
		"Uncertain":        {"A write that may still arrive is looked for.", of(binding("a").recovered(now).deleting()), "", "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			d := Decide(s)
			differ(t, c.reason, "finalizers", c.finalizers, names(s, d.Finalizers))
			differ(t, c.reason, "looks", c.looks, names(s, d.Looks))
		})
	}
}

func TestForeignRoles(t *testing.T) {
	s := situation(binding("a"), holds(w1, member), holds(w2, owner), holds(d1, admin))
	d := Decide(s)
	foreign := func(kind astro.EntityType) string { return roleWords(s.Foreign(d, kind)) }
	differ(t, "What a binding speaks of is not foreign.", "Workspaces", "WORKSPACE_OWNER on WORKSPACE w2", foreign(astro.EntityWorkspace))
	differ(t, "Each kind by itself.", "Deployments", "DEPLOYMENT_ADMIN on DEPLOYMENT d1", foreign(astro.EntityDeployment))
	differ(t, "The own-scope role is never foreign.", "Organizations", "", foreign(astro.EntityOrganization))
	differ(t, "A binding is found by its UID.", "byUID", map[types.UID]int{"uid-a": 0}, s.byUID())
	differ(t, "An id of another kind is another place.", "entry", w1, roleset.Target{Kind: astro.EntityWorkspace, ID: "w1"})
}

// TestClaimsTakenTogether: of bindings that are first seen in one reconcile, the older one has the say, whatever they are called.
func TestClaimsTakenTogether(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		parts  []part
		first  string
	}{
		"Older":    {"The older one is first.", of(binding("a").made(2), binding("b").made(1)), "b"},
		"SameAge":  {"Of two of one age the first by name.", of(binding("b"), binding("a")), "a"},
		"RoleHeld": {"So it is where the token holds the role.", of(binding("a").made(2), binding("b").made(1), holds(w1, member), readByID), "b"},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation(c.parts...)
			d := Decide(s)
			differ(t, c.reason, "claims", 2, len(d.claims))
			got := "a"
			if d.claims[1].ClaimedAt.Before(d.claims[0].ClaimedAt) {
				got = "b"
			}
			differ(t, c.reason, "first", c.first, got)
		})
	}
}
