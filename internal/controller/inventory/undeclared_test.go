package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

var (
	onData = astro.RoleKey{EntityType: astro.EntityWorkspace, EntityID: "w1"}
	first  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	second = first.Add(5 * time.Minute)
)

// madeByHand is an Organization token with a role on the Workspace, but for the edits.
func madeByHand(edits ...func(*astro.Token)) astro.Token {
	t := astro.Token{
		ID: "t1", Name: "ci", Scope: astro.ScopeOrganization, Kind: astro.KindStandard, RolesKnown: true,
		Roles: []astro.Role{astro.NewRole(astro.EntityOrganization, "o1", "ORGANIZATION_MEMBER"), astro.NewRole(astro.EntityWorkspace, "w1", "WORKSPACE_OWNER")},
	}
	for _, edit := range edits {
		edit(&t)
	}
	return t
}

func plus(r ...astro.Role) func(*astro.Token) {
	return func(t *astro.Token) { t.Roles = append(slices.Clone(t.Roles), r...) }
}

func instead(r ...astro.Role) func(*astro.Token) { return func(t *astro.Token) { t.Roles = r } }

// TestUndeclared: whose role is to be removed.
func TestUndeclared(t *testing.T) {
	organization := astro.NewRole(astro.EntityOrganization, "o1", "ORGANIZATION_MEMBER")
	accessor := astro.NewRole(astro.EntityWorkspace, "w1", "WORKSPACE_ACCESSOR")
	inside := astro.NewRole(astro.EntityDeployment, "d1", "DEPLOYMENT_ADMIN")
	none := protection{
		credential: func(string) bool { return false }, allowed: func(*astro.Token, string) bool { return true },
		speaker: func(*astro.Token) string { return "" },
	}
	but := func(edit func(*protection)) protection {
		p := none
		edit(&p)
		return p
	}
	cases := map[string]struct {
		reason string
		token  astro.Token
		by     string // who declares it, by the list
		p      protection
		want   bool
	}{
		"ByHand":       {"Nobody declares it, and the rules allow its removal.", madeByHand(), "", none, true},
		"Claimed":      {"What a binding holds stays.", madeByHand(), "team/a", none, false},
		"ClaimedApart": {"Though it may not be named.", madeByHand(), v1alpha1.DeclaredByAnother, none, false},
		"Declared":     {"And what one speaks of that holds nothing.", madeByHand(), "", but(func(p *protection) { p.speaker = func(*astro.Token) string { return "ScopedTokenBinding team/b" } }), false},
		"Credential":   {"The operator's own tokens are left alone.", madeByHand(), "", but(func(p *protection) { p.credential = func(string) bool { return true } }), false},
		"NotAllowed":   {"So is what the rules do not speak of.", madeByHand(), "", but(func(p *protection) { p.allowed = func(*astro.Token, string) bool { return false } }), false},
		"OtherTarget":  {"A role elsewhere is none on the target.", madeByHand(instead(organization, astro.NewRole(astro.EntityWorkspace, "w2", "WORKSPACE_OWNER"))), "", none, false},
		"OwnScope":     {"What a token has where it was made is its own.", madeByHand(func(t *astro.Token) { t.Scope = astro.ScopeWorkspace }), "", none, false},
		"OwnHidden":    {"A write would drop an own-scope role that Astro does not show.", madeByHand(instead(astro.NewRole(astro.EntityWorkspace, "w1", "WORKSPACE_OWNER"))), "", none, false},
		"Accessor":     {"Astro may have put it there, since the token has a role inside.", madeByHand(instead(organization, accessor, inside)), "", none, false},
		"Twice":        {"Of several in one place the list tells one, and all would go.", madeByHand(plus(astro.NewRole(astro.EntityWorkspace, "w1", "WORKSPACE_MEMBER"))), "", none, false},
		"AccessorOnly": {"Without one, somebody gave it.", madeByHand(instead(organization, accessor)), "", none, true},
		"RoleAndMore":  {"Another role was given, whatever is inside.", madeByHand(plus(inside)), "", none, true},
		"OtherKind":    {"A token that no binding can name is left alone.", madeByHand(func(t *astro.Token) { t.Kind = "AGENT" }), "", none, false},
		"Unread":       {"What a token holds is not known.", madeByHand(func(t *astro.Token) { t.RolesKnown = false }), "", none, false},
		"LongRole":     {"What cannot be told as it is is not removed.", madeByHand(instead(organization, astro.NewRole(astro.EntityWorkspace, "w1", strings.Repeat("x", 5000)))), "", none, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rows := list([]astro.Token{tc.token}, onData, map[string]string{"t1": tc.by}).rows
			if got, _ := undeclared([]astro.Token{tc.token}, rows, onData, tc.p); (len(got) == 1) != tc.want {
				t.Errorf("%s\nwant %t, got %v", tc.reason, tc.want, got)
			}
		})
	}
	spoken := but(func(p *protection) { p.speaker = func(*astro.Token) string { return "ScopedTokenBinding team/b" } })
	_, kept := undeclared([]astro.Token{madeByHand()}, list([]astro.Token{madeByHand()}, onData, nil).rows, onData, spoken)
	if diff := cmp.Diff([]string{`that of token "ci", of which ScopedTokenBinding team/b speaks`}, kept); diff != "" {
		t.Errorf("who keeps it is not told: %s", diff)
	}
	if got, _ := undeclared([]astro.Token{madeByHand()}, nil, onData, none); len(got) != 0 {
		t.Errorf("what is beyond the tokens that are listed is removed: %v", got)
	}
}

func TestDated(t *testing.T) {
	told := []v1alpha1.Removal{{ID: "t1", Role: "R", Since: new(metav1.NewTime(first))}, {ID: "t2", Role: "R", Since: new(metav1.NewTime(first))}, {ID: "t4", Role: "R"}}
	got := dated([]removal{{token: "t1", name: "renamed", role: "R"}, {token: "t2", role: "S"}, {token: "t3", role: "R"}, {token: "t4", role: "R"}}, told, second)
	want := []time.Time{first, second, second, second} // another role, another token and what was not dated are new
	if len(got) != len(want) {
		t.Fatalf("want %d, got %v", len(want), got)
	}
	for i, v := range got {
		if !v.since.Equal(want[i]) {
			t.Errorf("%s: want %v, got %v", v.token, want[i], v.since)
		}
	}
}

func TestDigest(t *testing.T) {
	i := &v1alpha1.TargetInventory{ObjectMeta: metav1.ObjectMeta{UID: "u1"}}
	a, b := removal{token: "t1", role: "R", since: first}, removal{token: "t2", role: "R", since: first}
	young := removal{token: "t3", role: "R", since: second}
	on := func(i *v1alpha1.TargetInventory, target string, all ...removal) string {
		s := removals{all: all}
		return s.digest(i, &survey{target: v1alpha1.BoundTarget{ID: target}, began: second})
	}
	of := func(all ...removal) string { return on(i, "w1", all...) }
	both := of(a, b)
	if both == "" || both != of(b, a) || both != of(a, b, young) {
		t.Error("the order matters, or what is new does")
	}
	renamed, other, later := a, a, a
	renamed.name, other.role, later.since = "x", "S", first.Add(time.Minute)
	if of(renamed, b) != both {
		t.Error("the name matters")
	}
	if of() != "" || of(young) != "" {
		t.Error("nothing is to be confirmed, and something stands for it")
	}
	copied := i.DeepCopy()
	copied.UID = "u2"
	for name, got := range map[string]string{
		"OneLess": of(a), "OtherRole": of(other, b), "Later": of(later, b), "Copied": on(copied, "w1", a, b),
		"OtherTarget": on(i, "w2", a, b),
	} {
		if got == both || got == "" {
			t.Errorf("%s: %q stands for others as well", name, got)
		}
	}
}

// underWay is a Remover that is at work already.
type underWay map[string]decision.Removal

func (underWay) Remove(context.Context, map[decision.Key]decision.Removal) {}
func (u underWay) Removing(types.UID) map[string]decision.Removal          { return u }
func (underWay) KnowsClaims() bool                                         { return true }
func (underWay) Claims(decision.Key, string) bool                          { return false }

func TestFindDue(t *testing.T) {
	a, b := removal{token: "t1", role: "R", since: first}, removal{token: "t2", role: "R", since: first}
	i := &v1alpha1.TargetInventory{ObjectMeta: metav1.ObjectMeta{UID: "u1"}}
	find := func(told, given string, under underWay) (survey, []string) {
		s := survey{target: v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, ID: "w1"}, began: second}
		s.removals, i.Status.Confirm = &removals{all: []removal{a, b}, given: given}, told
		(&Reconciler{Remover: under}).findDue(i, &s, connection.Handle{Host: "astro", Organization: "o1"})
		var due []string
		for k, v := range s.removals.due {
			if v.Confirmed != given || v.Role != "R" || v.Inventory != "u1" || string(v.Target.ID) != "w1" {
				t.Errorf("hands over %+v", v)
			}
			due = append(due, k.Token)
		}
		slices.Sort(due)
		return s, due
	}
	s, due := find("", "", nil)
	both := s.removals.confirm
	if both == "" || len(due) > 0 || len(s.removals.underWay) > 0 {
		t.Errorf("nobody has confirmed anything: %q, %v, %v", both, due, s.removals.underWay)
	}
	if s, due = find("", both, nil); len(due) > 0 || s.again != settling {
		t.Errorf("the status does not tell yet what it stands for: %v", due)
	}
	before := underWay{"t1": {Confirmed: "before", Role: "R", Target: v1alpha1.TargetReference{ID: "w1"}}}
	if s, due = find(both, "before", before); len(due) > 0 || !maps.Equal(s.removals.underWay, map[string]bool{"t1": true}) || s.removals.confirm != both {
		t.Errorf("one is under way: %v, %v", due, s.removals.underWay)
	}
	whole := underWay{"t1": before["t1"], "t2": before["t1"]}
	if s, due = find(both, "before", whole); len(due) > 0 || len(s.removals.underWay) != 2 || s.removals.confirm != "" {
		t.Errorf("all are under way, and nothing is to be confirmed: %v, %v, %q", due, s.removals.underWay, s.removals.confirm)
	}
	if s, due = find(both, both, before); !slices.Equal(due, []string{"t1", "t2"}) || s.removals.confirm != "" {
		t.Errorf("who confirms more goes on meaning what is under way: %v, %q", due, s.removals.confirm)
	}
	s.removals.blocked = "so"
	if (&Reconciler{Remover: before}).findDue(i, &s, connection.Handle{}); len(s.removals.underWay) > 0 {
		t.Errorf("what is blocked is not under way: %v", s.removals.underWay)
	}
}

// notBegun is a Remover that does not know yet what is claimed.
type notBegun struct{ underWay }

func (notBegun) KnowsClaims() bool { return false }

func TestRemovalsBeforeAllClaimsAreKnown(t *testing.T) {
	i := &v1alpha1.TargetInventory{Spec: v1alpha1.TargetInventorySpec{Undeclared: v1alpha1.UndeclaredRemove}}
	s := survey{listing: &listing{}}
	err := (&Reconciler{Remover: notBegun{}}).withRemovals(t.Context(), i, &s, connection.Handle{}, policy.Subject{}, nil)
	if err != nil || s.removals != nil {
		t.Errorf("they are judged: %v, %v; what was told is to stay", s.removals, err)
	}
}

func TestConfirmed(t *testing.T) {
	for name, tc := range map[string]struct {
		reason             string
		told, finds, given string
		want               bool
	}{
		"Confirmed": {"The annotation says what the status does, and still would.", "x", "x", "x", true},
		"Nothing":   {"Nothing confirms nothing.", "", "", "", false},
		"Not":       {"Nobody has.", "x", "x", "", false},
		"Stale":     {"It stands for others.", "x", "x", "y", false},
		"Untold":    {"It has to have been told.", "", "x", "x", false},
		"Changed":   {"They are others by now.", "x", "y", "x", false},
	} {
		i := &v1alpha1.TargetInventory{Status: v1alpha1.TargetInventoryStatus{Confirm: tc.told}}
		s := removals{confirm: tc.finds, given: tc.given}
		if got := s.confirmed(i); got != tc.want {
			t.Errorf("%s: %s\nwant %t, got %t", name, tc.reason, tc.want, got)
		}
	}
}

func TestRemovalWarnings(t *testing.T) {
	a, b := removal{token: "t1", role: "R", since: first}, removal{token: "t2", role: "R", since: second}
	target := v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, Name: "data"}
	for name, tc := range map[string]struct {
		reason string
		s      removals
		want   map[string][]string
	}{
		"None":     {"There is nothing to warn of.", removals{given: "old"}, nil},
		"Young":    {"They were not listed long enough.", removals{all: []removal{b}}, map[string][]string{"RemovalUnconfirmed": {"1 role(s)", "once another listing"}}},
		"Open":     {"It says what to do.", removals{all: []removal{a}, confirm: "x"}, map[string][]string{"RemovalUnconfirmed": {"1 role(s) on Workspace", `confirm-undeclared to "x"`, "declare it"}}},
		"Mixed":    {"And what it is not for.", removals{all: []removal{a, b}, confirm: "x"}, map[string][]string{"RemovalUnconfirmed": {"2 role(s)", "for 1 of them, which are new"}}},
		"Stale":    {"And that it was another.", removals{all: []removal{a}, confirm: "x", given: "y"}, map[string][]string{"RemovalUnconfirmed": {`"y", which stands for others`}}},
		"Unlisted": {"And what it does not reach.", removals{all: []removal{a}, confirm: "x", unlisted: true}, map[string][]string{"RemovalUnconfirmed": {"beyond the 200"}}},
		"Blocked":  {"Or why it would be of no use.", removals{all: []removal{a}, blocked: "so"}, map[string][]string{"RemovalUnconfirmed": {"none is removed: so"}}},
		"Kept": {
			"And who keeps others.", removals{kept: []string{"that of a", "that of b", "that of c", "that of d"}},
			map[string][]string{"RemovalKept": {"4 role(s) on Workspace", "that of a, that of b, that of c, and 1 more", "deleted"}},
		},
		"UnderWay": {
			"What was confirmed is told apart.", removals{all: []removal{a, b}, confirm: "x", underWay: map[string]bool{"t1": true}, paused: true},
			map[string][]string{"RemovalUnconfirmed": {"1 role(s)"}, "RemovalUnderWay": {"1 role(s)", "RevocationsPaused"}},
		},
	} {
		got := map[string]bool{}
		for _, w := range tc.s.warnings(target, second) {
			got[w.Reason] = true
			for _, says := range tc.want[w.Reason] {
				if !strings.Contains(w.Message, says) {
					t.Errorf("%s: %s\n%q does not say %q", name, tc.reason, w.Message, says)
				}
			}
		}
		want := map[string]bool{}
		for reason := range tc.want {
			want[reason] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s\n%s", name, tc.reason, diff)
		}
	}
}
