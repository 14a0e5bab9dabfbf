package astro

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// look is one listing that a trust has to judge: the own token with a role, so many others (t0, t1, ...), and what is
// bound of these.
type look struct {
	role   string // of the own token on the Organization; none at all: it is not listed
	roles  []Role // that it has besides
	others int
	bound  int // t0 to this one
	// unbound are so many more that nobody binds.
	unbound int

	request trustRequest
	late    bool // it was said while the listing was made
	err     error
}

func (l look) snapshot(number int) snapshot {
	s := snapshot{number: number, ids: map[string]struct{}{}, sweep: true, err: l.err}
	add := func(t Token) {
		s.tokens, s.ids[t.ID] = append(s.tokens, t), struct{}{}
	}
	roles := slices.Clone(l.roles)
	if l.role != "" {
		roles = append(roles, NewRole(EntityOrganization, "o", l.role))
	}
	if len(roles) > 0 {
		add(Token{ID: "self", RolesKnown: true, Roles: roles})
	}
	for i := range l.others {
		add(Token{ID: fmt.Sprint("t", i)})
	}
	for i := range l.bound {
		s.bound = append(s.bound, fmt.Sprint("t", i))
	}
	for i := range l.unbound {
		add(Token{ID: fmt.Sprint("u", i)})
	}
	return s
}

func TestTrust(t *testing.T) {
	owner := func(others int) look { return look{role: "OWNER", others: others} }
	member := func(others int) look { return look{role: "MEMBER", others: others} }
	bound := func(bound, others int) look { return look{role: "OWNER", others: others, bound: bound, unbound: 1000} }
	asked := func(w trustRequest, l look) look { l.request = w; return l }
	late := func(w trustRequest, l look) look { l.request, l.late = w, true; return l }
	cases := map[string]struct {
		reason string
		before []string // own roles, from an earlier process
		looks  []look
		want   string // y or n for each
	}{
		"steady":           {"the same again and again", nil, []look{owner(99), owner(99)}, "yy"},
		"slow shrinking":   {"a few at a time", nil, []look{owner(99), owner(89), owner(81)}, "yyy"},
		"few tokens":       {"three of a few may go", nil, []look{owner(5), owner(2)}, "yy"},
		"sudden":           {"three sweeps of one total are believed", nil, []look{owner(99), owner(49), owner(49), owner(49), owner(49)}, "ynnyy"},
		"unsteady":         {"of one total", nil, []look{owner(99), owner(49), owner(40), owner(49), owner(49), owner(49)}, "ynnnny"},
		"back":             {"what comes back is fine", nil, []look{owner(99), owner(49), owner(99), owner(49), owner(49)}, "ynynn"},
		"growing":          {"as is what grows", nil, []look{owner(49), owner(99)}, "yy"},
		"downgraded":       {"changed roles are never believed", nil, []look{owner(99), member(49), member(49), member(49), member(49)}, "ynnnn"},
		"roles in between": {"and interrupt what would be", nil, []look{owner(99), owner(49), owner(49), member(49), owner(49), owner(49), owner(49)}, "ynnnnny"},
		"self missing":     {"no own token", nil, []look{owner(99), {others: 99}}, "yn"},

		"before a restart": {"roles are measured by what an earlier process found", []string{"ORGANIZATION/o=OWNER"}, []look{member(9), member(9), owner(9)}, "nny"},
		"roles are meant":  {"until somebody says so", nil, []look{owner(9), member(9), asked(trustOwnRoles, member(9)), member(9), owner(9)}, "ynyyn"},
		"another's roles":  {"of a credential in the place of another", []string{"ORGANIZATION/o=OWNER"}, []look{asked(trustOwnRoles, member(9)), member(9)}, "yy"},
		"another's sight": {
			"which has to see what is bound, from the first", []string{"ORGANIZATION/o=OWNER"},
			[]look{asked(trustOwnRoles, look{role: "MEMBER", others: 8, bound: 9}), {role: "MEMBER", others: 8, bound: 9}, {role: "MEMBER", others: 9, bound: 9}}, "nny",
		},
		"the same roles": {
			"may be those of another credential, which then sees the same", []string{"ORGANIZATION/o=OWNER"},
			[]look{asked(trustOwnRoles, look{role: "OWNER", others: 8, bound: 9})}, "y",
		},
		"said too late":   {"for a listing that began before", nil, []look{owner(9), late(trustOwnRoles, member(9)), member(9)}, "yny"},
		"shrinking meant": {"somebody says so at once", nil, []look{owner(99), asked(trustListing, owner(49)), owner(49)}, "yyy"},
		"only the roles":  {"are meant, not the shrinking", nil, []look{owner(99), asked(trustOwnRoles, owner(49)), owner(49), owner(49)}, "ynny"},

		"few bound":            {"three of them may go", nil, []look{bound(5, 5), bound(5, 2)}, "yy"},
		"a tenth":              {"or a tenth", nil, []look{bound(50, 50), bound(50, 45), bound(50, 44)}, "yyn"},
		"at the start":         {"with nothing known from before", nil, []look{bound(50, 0), bound(50, 0)}, "nn"},
		"for ever":             {"repetition makes no evidence of it", nil, []look{bound(50, 50), bound(50, 9), bound(50, 9), bound(50, 9), bound(50, 9), bound(50, 9)}, "ynnnnn"},
		"back again":           {"what is back is fine", nil, []look{bound(50, 50), bound(50, 9), bound(50, 50)}, "yny"},
		"unbound":              {"what nobody binds any more is nobody's loss", nil, []look{bound(50, 0), bound(0, 0)}, "ny"},
		"gone by request":      {"somebody says that they are gone", nil, []look{bound(50, 9), asked(trustListing, bound(50, 9)), bound(50, 9), bound(50, 9)}, "nyyy"},
		"more after a request": {"which says nothing of others", nil, []look{asked(trustListing, bound(50, 40)), bound(50, 40), bound(50, 30)}, "yyn"},
		"back after a request": {"and none for ever", nil, []look{asked(trustListing, bound(50, 40)), bound(50, 50), bound(50, 40)}, "yyn"},
		"only of the roles":    {"nor does one on the roles count", nil, []look{bound(50, 50), asked(trustOwnRoles, bound(50, 9)), bound(50, 9)}, "ynn"},
		"nobody to ask":        {"what is bound is not known", nil, []look{{role: "OWNER", others: 9, err: errors.New("no cache")}, owner(9)}, "ny"},
		"first sight":          {"the roles seen by a listing that is no evidence are no measure", nil, []look{{role: "MEMBER", bound: 50}, owner(50), member(50)}, "nyn"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			judge, got := trust{selfID: "self", ownRights: c.before}, []byte(nil)
			for i, l := range c.looks {
				if l.request != noTrustRequest && l.late {
					judge.addRequest(l.request, i)
				} else if l.request != noTrustRequest {
					judge.addRequest(l.request, i-1)
				}
				answer := byte('y')
				if ok, reason := judge.judge(l.snapshot(i)); !ok {
					if answer = 'n'; reason == "" || reason != judge.distrust {
						t.Errorf("reason %q, distrust %q", reason, judge.distrust)
					}
				}
				got = append(got, answer)
			}
			if string(got) != c.want {
				t.Errorf("%s: got %s, want %s", c.reason, got, c.want)
			}
		})
	}
}

func TestALesserWordTakesNoneBack(t *testing.T) {
	judge := trust{selfID: "self"}
	judge.addRequest(trustListing, 0)
	judge.addRequest(trustOwnRoles, 0)
	if ok, distrust := judge.judge(look{role: "OWNER", bound: 50}.snapshot(1)); !ok {
		t.Error(distrust)
	}
}

func TestTrustIsGivenBack(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	w.crowd(30)
	w.DowngradeCredential(w.self, "ORGANIZATION_BILLING_ADMIN")
	d := w.directory()
	refreshed(t, d, listedIDs(t, d)...)
	w.DowngradeCredential(w.self, "ORGANIZATION_MEMBER")
	for range 5 {
		if s, err := d.Refresh(t.Context()); err != nil || s.Trusted || s.Reason == "" || d.Doubt() != s.Reason {
			t.Errorf("with other roles: %+v, %v, %q", s, err, d.Doubt())
		}
	}
	d.TrustRoles()
	if s := refreshed(t, d); !s.Trusted || d.Doubt() != "" || !slices.Equal(d.OwnRoles(), []string{"ORGANIZATION/" + w.org + "=ORGANIZATION_MEMBER"}) {
		t.Errorf("after the request: %+v, %q, %q", s, d.Doubt(), d.OwnRoles())
	}
}

// TestLostSight: five hundred tokens, all bound, are hidden by a credential that lost its rights, once in the middle of a
// run and once before a start. Nothing is known of what is hidden, and nothing is concluded.
func TestLostSight(t *testing.T) {
	const many = 500
	w := newWorld(t, astrosim.Options{})
	w.crowd(many)
	var bound []string
	for _, token := range w.Tokens(w.org) {
		if token.ID != w.self {
			bound = append(bound, token.ID)
		}
	}
	start := func(own []string) *Directory {
		return w.directory(func(o *DirectoryOptions) { o.OwnRoles, o.Bound = own, w.bound(bound) })
	}
	blind := func(t *testing.T, d *Directory, words string) {
		t.Helper()
		for range 2 * shrinkSweeps {
			if s, err := d.Refresh(t.Context()); err != nil || s.Trusted || !strings.Contains(s.Reason, words) || len(s.Changed) > 1 {
				t.Fatalf("%+v, %v", s, err)
			}
		}
		listings := w.Counts().ByEndpoint[astrosim.TokensList]
		for _, id := range bound[:50] {
			if gone, why, err := d.ProveGone(t.Context(), id); gone || err != nil || why != NoEvidence {
				t.Fatalf("gone %t, %q, %v", gone, why, err)
			}
		}
		if n := w.Counts().ByEndpoint[astrosim.TokensList] - listings; n != 0 {
			t.Errorf("%d listings for what no listing can prove", n)
		}
	}
	d := start(nil)
	refreshed(t, d, listedIDs(t, d)...)
	own := d.OwnRoles()
	w.DowngradeCredential(w.self, "ORGANIZATION_MEMBER")

	t.Run("in the middle of a run", func(t *testing.T) {
		blind(t, d, "have changed, from ORGANIZATION/"+w.org+"=ORGANIZATION_OWNER to ORGANIZATION/"+w.org+"=ORGANIZATION_MEMBER")
		if all, _, err := d.All(t.Context()); err != nil || len(all) != many+2 {
			t.Errorf("%d tokens are known, %v", len(all), err)
		}
	})
	t.Run("before a start", func(t *testing.T) { blind(t, start(own), "have changed") })
	t.Run("by a role that kept its name", func(t *testing.T) {
		blind(t, start([]string{"ORGANIZATION/" + w.org + "=ORGANIZATION_MEMBER"}), "501 of the 501 tokens that bindings hold a role of are not listed")
	})
	t.Run("with nothing kept from before", func(t *testing.T) {
		fresh := start(nil)
		blind(t, fresh, "501 of the 501")
		if fresh.OwnRoles() != nil {
			t.Errorf("%q is what is measured by from now on", fresh.OwnRoles())
		}
	})
	t.Run("until it is given back", func(t *testing.T) {
		w.DowngradeCredential(w.self, "ORGANIZATION_OWNER")
		if s := refreshed(t, d, w.self); !s.Trusted {
			t.Errorf("%+v", s)
		}
	})
	t.Run("and they are gone if somebody says so", func(t *testing.T) {
		for _, id := range bound[:100] {
			w.DeleteToken(id)
		}
		if s := refreshed(t, d); s.Trusted {
			t.Errorf("%+v", s)
		}
		d.Trust()
		if gone, why, err := d.ProveGone(t.Context(), bound[0]); !gone || err != nil {
			t.Errorf("%q, %v", why, err)
		}
		if s := refreshed(t, d, bound[:100]...); !s.Trusted {
			t.Errorf("%+v", s)
		}
	})
}

// bound is who knows what is bound.
func (w *world) bound(ids []string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return ids, nil }
}
