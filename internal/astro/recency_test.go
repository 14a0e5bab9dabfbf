package astro

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestRecencyLags(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ws := RoleKey{EntityType: EntityWorkspace, EntityID: "w1"}
	dep := RoleKey{EntityType: EntityDeployment, EntityID: "d1"}
	member, admin := NewRole(ws.EntityType, ws.EntityID, "WORKSPACE_MEMBER"), NewRole(dep.EntityType, dep.EntityID, "DEPLOYMENT_ADMIN")
	key := recentKey{"https://api.astronomer.io", "t1"}
	token := func(updated int, roles ...Role) Token {
		u := Token{ID: "t1", RolesKnown: true, Roles: roles}
		if updated >= 0 {
			u.UpdatedAt = at.Add(time.Duration(updated) * time.Second)
		}
		return u
	}
	cases := map[string]struct {
		reason  string
		happens func(*Recency)
		later   time.Duration
		read    Token
		lags    bool
	}{
		"Nothing":          {"Of what nobody has seen anything may be true.", func(*Recency) {}, 0, token(1), false},
		"Older":            {"Astro has shown a later state.", func(r *Recency) { r.saw(key, token(5)) }, 0, token(4), true},
		"Same":             {"The same state is as good.", func(r *Recency) { r.saw(key, token(5)) }, 0, token(5), false},
		"OlderForLong":     {"No replica is behind for so long.", func(r *Recency) { r.saw(key, token(5)) }, laggingFor, token(4), false},
		"OlderSeenLast":    {"What was seen in between does not make it newer.", func(r *Recency) { r.saw(key, token(5)); r.saw(key, token(3)) }, 0, token(4), true},
		"Undated":          {"Without a date nothing is known of its age.", func(r *Recency) { r.saw(key, token(5)) }, 0, token(-1), false},
		"AnotherHost":      {"An id is one host's.", func(r *Recency) { r.saw(recentKey{"https://x", "t1"}, token(5)) }, 0, token(4), false},
		"GivenAndMissing":  {"A role that was just given is missing.", func(r *Recency) { r.wrote(key, token(1), of(member), nil) }, 0, token(1), true},
		"GivenAndThere":    {"It is there.", func(r *Recency) { r.wrote(key, token(1), of(member), nil) }, 0, token(1, member), false},
		"TakenAndThere":    {"A role that was just taken out is there again.", func(r *Recency) { r.wrote(key, token(1, member, admin), of(admin), nil) }, 0, token(1, member, admin), true},
		"TakenAndAnother":  {"It is another one, by the same date.", func(r *Recency) { r.wrote(key, token(1, member), nil, nil) }, 0, token(1, NewRole(ws.EntityType, ws.EntityID, "WORKSPACE_OWNER")), true},
		"ChangedBack":      {"Somebody has changed it back since, as the date says.", func(r *Recency) { r.wrote(key, token(1), of(member), nil) }, 0, token(2), false},
		"ChangedBackLater": {"Or time does.", func(r *Recency) { r.wrote(key, token(1), of(member), nil) }, laggingFor, token(1), false},
		"UndatedWrite":     {"Without dates the roles tell.", func(r *Recency) { r.wrote(key, token(-1), of(member), nil) }, 0, token(-1), true},
		"Unchanged":        {"What the write left alone tells nothing.", func(r *Recency) { r.wrote(key, token(1, admin), of(admin, member), nil) }, 0, token(1, member), false},
		"Otherwise":        {"Nor what Astro shows otherwise.", func(r *Recency) { r.wrote(key, token(1), of(member), map[RoleKey]bool{ws: true}) }, 0, token(1), false},
		"Unreadable":       {"Of roles that are not known nothing can be said.", func(r *Recency) { r.wrote(key, token(1), of(member), nil) }, 0, Token{ID: "t1", UpdatedAt: at.Add(time.Second)}, false},
		"Doubted":          {"After a write of the same without an answer nobody knows.", func(r *Recency) { r.wrote(key, token(1), of(member), nil); r.doubt(key, token(1, member), nil) }, 0, token(1), false},
		"DoubtedOther": {"A write of something else makes no difference.", func(r *Recency) {
			r.wrote(key, token(1), of(member), nil)
			r.doubt(key, token(1, member), of(member, admin))
		}, 0, token(1), true},
		"TakenTwice": {
			"What an earlier write took out is there again, while the state agrees with the last one.",
			func(r *Recency) {
				r.wrote(key, token(1, admin), of(member), nil)
				r.wrote(key, token(1, member), nil, nil)
			}, 0, token(1, admin), true,
		},
		"EachForItsTime": {
			"The earlier write was too long ago, the last one was not.",
			func(r *Recency) {
				r.wrote(key, token(1, admin), of(member), nil)
				r.now = func() time.Time { return at.Add(laggingFor) }
				r.wrote(key, token(1, member), nil, nil)
			},
			0, token(1, admin), false,
		},
		"OtherwiseByNow": {
			"The last write says that the place is otherwise.",
			func(r *Recency) {
				r.wrote(key, token(1), of(member), nil)
				r.wrote(key, token(1, member), nil, map[RoleKey]bool{ws: true})
			}, 0, token(1, member), false,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			now := at
			r := NewRecency(func() time.Time { return now })
			c.happens(r)
			now = now.Add(c.later)
			if why := r.lags(key, c.read); (why != "") != c.lags {
				t.Errorf("%s\nwant %t, got %q", c.reason, c.lags, why)
			}
		})
	}
}

func of(roles ...Role) []Role { return roles }

func TestRecencyForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRecency(func() time.Time { return now })
	for _, id := range []string{"a", "b", "c"} {
		r.saw(recentKey{"", id}, Token{ID: id, UpdatedAt: now})
	}
	now = now.Add(2 * laggingFor)
	r.saw(recentKey{"", "d"}, Token{ID: "d", UpdatedAt: now})
	if len(r.tokens) != 1 {
		t.Errorf("%d tokens are remembered", len(r.tokens))
	}
}

// TestRecencyForgetsPlaces: a token that is looked at all the time keeps nothing of the places that were written long ago.
func TestRecencyForgetsPlaces(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewRecency(func() time.Time { return now })
	key := recentKey{"", "a"}
	for i := range 20 {
		role := NewRole(EntityDeployment, fmt.Sprintf("d%d", i), "DEPLOYMENT_ADMIN")
		r.wrote(key, Token{ID: "a", UpdatedAt: now}, of(role), nil)
		now = now.Add(laggingFor / 2)
		r.saw(key, Token{ID: "a", UpdatedAt: now})
	}
	if n := len(r.tokens[key].changed); n != 2 {
		t.Errorf("%d places are remembered, of which 2 were written lately", n)
	}
}

// behind makes every read by id one of the past for a while.
func (w *world) behind(age time.Duration) (over func()) {
	return w.Inject(astrosim.Fault{Kind: astrosim.FaultStale, Endpoint: astrosim.TokensGet, Age: age})
}

func TestLaggingReads(t *testing.T) {
	member := NewRole(EntityWorkspace, "", "WORKSPACE_MEMBER")
	for _, dates := range []astrosim.Choice{astrosim.Moves, astrosim.Stays} {
		t.Run("updatedAt "+string(dates), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubbleWorld(astrosim.Options{})
				member.EntityID = w.ws
				if err := w.SetBehaviour("updated-at-on-role-change", dates); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if _, err := w.client.UpdateRoles(t.Context(), w.ci, add(member)); err != nil {
					t.Fatal(err)
				}
				defer w.behind(3 * time.Second)()
				if got, err := w.client.GetToken(t.Context(), w.ci); !errors.Is(err, ErrUnreachable) {
					t.Errorf("the old state is no answer: %v, %v", got.Roles, err)
				}
				time.Sleep(3 * time.Second)
				got, err := w.client.GetToken(t.Context(), w.ci)
				if err != nil || got.RoleOn(member.Key()) == "" {
					t.Errorf("once the replica has caught up it is: %v, %v", got.Roles, err)
				}
			})
		})
	}
}

func TestAWriteNeverStartsFromALaggingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		ws := RoleKey{EntityType: EntityWorkspace, EntityID: w.ws}
		dep := NewRole(EntityDeployment, w.dep, "DEPLOYMENT_ADMIN")
		w.GrantRole(w.ci, astrosim.TypeWorkspace, w.ws, "WORKSPACE_MEMBER")
		time.Sleep(time.Minute)
		drop := func(now Token) ([]Role, bool) {
			var kept []Role
			for _, r := range now.Roles {
				if r.Key() != ws {
					kept = append(kept, r)
				}
			}
			return kept, true
		}
		if _, err := w.client.UpdateRoles(t.Context(), w.ci, drop); err != nil {
			t.Fatal(err)
		}
		defer w.behind(2 * time.Second)()
		u, err := w.client.UpdateRoles(t.Context(), w.ci, add(dep))
		for err != nil { // as the work queue does
			if !errors.Is(err, ErrUnreachable) || u.Attempted {
				t.Fatalf("%+v, %v", u, err)
			}
			time.Sleep(time.Second)
			u, err = w.client.UpdateRoles(t.Context(), w.ci, add(dep))
		}
		for _, r := range w.Roles(w.ci) {
			if r.EntityID == w.ws {
				t.Errorf("the role that was taken out is back: %s", r)
			}
		}
	})
}

func TestAForeignRoleSurvivesALaggingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubbleWorld(astrosim.Options{})
		time.Sleep(time.Minute)
		w.GrantRole(w.ci, astrosim.TypeDeployment, w.dep, "DEPLOYMENT_ADMIN")
		if _, err := w.client.ListTokens(t.Context()); err != nil { // it is seen in a listing
			t.Fatal(err)
		}
		over := w.behind(2 * time.Second)
		_, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER")))
		if !errors.Is(err, ErrUnreachable) || w.wire.count(http.MethodPost) > 0 {
			t.Errorf("nothing is written from an old state: %v", err)
		}
		over()
		if _, err := w.client.UpdateRoles(t.Context(), w.ci, add(NewRole(EntityWorkspace, w.ws, "WORKSPACE_MEMBER"))); err != nil {
			t.Fatal(err)
		}
		if got := w.Roles(w.ci); len(got) != 3 {
			t.Errorf("the foreign role is still there: %v", got)
		}
	})
}

// A role that was taken out stays out, whatever becomes of the answers to the write and of the looks after it, though no date
// tells that a read is old.
func TestARoleTakenOutStaysOut(t *testing.T) {
	roles := func(f astrosim.Fault) astrosim.Fault {
		f.Endpoint, f.Times = astrosim.TokensRoles, 1
		return f
	}
	cases := map[string]struct {
		reason string
		answer astrosim.Choice
		fault  astrosim.Fault
		behind bool // the looks after the write, too
	}{
		"Plain":         {"Astro says what it holds now.", astrosim.Full, astrosim.Fault{}, false},
		"LostAnswer":    {"The answer was lost, and the next look told that the write was taken.", astrosim.Full, roles(astrosim.Fault{Kind: astrosim.FaultDrop}), false},
		"OldAnswer":     {"The answer is what the token held before, and the looks after it are told by it.", astrosim.Stale, astrosim.Fault{}, false},
		"OldEverywhere": {"The answer is what the token held before, and so are the looks after it.", astrosim.Stale, astrosim.Fault{}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newBubbleWorld(astrosim.Options{})
				for name, choice := range map[string]astrosim.Choice{"updated-at-on-role-change": astrosim.Stays, "roles-answer": c.answer} {
					if err := w.SetBehaviour(name, choice); err != nil {
						t.Fatal(err)
					}
				}
				w.GrantRole(w.ci, astrosim.TypeWorkspace, w.ws, "WORKSPACE_MEMBER")
				time.Sleep(time.Minute)
				if c.fault.Kind != "" {
					w.Inject(c.fault)
				}
				if c.behind {
					defer w.behind(3 * time.Second)()
				}
				u, err := w.client.UpdateRoles(t.Context(), w.ci, func(now Token) ([]Role, bool) {
					return now.Roles[:1], len(now.Roles) > 1
				})
				if err != nil || !u.Written {
					t.Fatalf("%+v, %v", u, err)
				}
				defer w.behind(3 * time.Second)()
				if got, err := w.client.GetToken(t.Context(), w.ci); !errors.Is(err, ErrUnreachable) {
					t.Errorf("%s: got %v, %v", c.reason, got.Roles, err)
				}
			})
		})
	}
}
