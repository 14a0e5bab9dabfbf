package decision

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
)

// TestKeptByAnotherCredential: one that may write the token keeps the role that another gives up if it is known to be allowed to write
// that very role. Else the role goes with who gave it, and is given again by who may.
func TestKeptByAnotherCredential(t *testing.T) {
	own := func(all ...astro.Role) func(*Connection) { return func(c *Connection) { c.Own = all } }
	owns := func(workspace string) astro.Role {
		return astro.NewRole(astro.EntityWorkspace, workspace, "WORKSPACE_OWNER")
	}
	elsewhere := own(owns("w2"))
	wrote := func(rights string) with {
		at := Writing{Credential: "credential of weak", Target: w1}
		return remembered(func(Memory) Memory {
			return Memory{Writers: map[string]bool{at.Credential: true}, Wrote: map[Writing]Wrote{at: {Rights: rights, At: now}}}
		})
	}
	kept, revoked, regiven := "unchanged, released, kept", "unchanged, released, revoked", "unchanged, released, revoked, kept"
	for name, c := range map[string]struct {
		reason string
		weak   func(*Connection)
		also   []part
		forbid int // the write that Astro forbids
		says   string
		holds  string
		posts  int // with the one that asks
	}{
		"Owner":         {"It owns the Organization.", func(*Connection) {}, nil, 0, kept, member, 1},
		"OwnsWorkspace": {"It owns the Workspace.", own(owns("w1")), nil, 0, kept, member, 1},
		"Wrote":         {"It wrote the role before.", elsewhere, []part{wrote("WORKSPACE/w2=WORKSPACE_OWNER")}, 0, kept, member, 0},
		"WroteOnce":     {"It did when it had other rights.", elsewhere, []part{wrote("WORKSPACE/w1=WORKSPACE_OWNER")}, 0, regiven, member, 2},
		"OwnsAnother":   {"It owns another Workspace: it gives the role again.", elsewhere, nil, 0, regiven, member, 3},
		"MayNot":        {"It may not give it, nor could it have taken it away.", elsewhere, nil, 3, revoked, "", 3},
		"Unseen":        {"It does not see itself.", own(), nil, 0, regiven, member, 3},
		"InVain":        {"Who gives the role up may not take it away.", elsewhere, nil, 2, kept, member, 2},
		"OnHold": {"On hold, it cannot give the role again.", elsewhere, []part{
			with(func(s *Situation) { s.Bindings[len(s.Bindings)-1].Object.Spec.Suspend = true }),
		}, 0, "False/Revoking Held Created, kept", member, 1},
	} {
		t.Run(name, func(t *testing.T) {
			parts := append([]part{binding("a").claimed(1).deleting(), binding("b").in("other").adopted(2).through("weak", c.weak), holds(w1, member)}, c.also...)
			w := drive(t, situation(parts...), func(w *driver) {
				w.refuse = func(_ []astro.Role) error { return first(len(w.posts) == c.forbid, errForbidden) }
			})
			differ(t, c.reason, "the one that goes", c.says, w.states()["a"])
			differ(t, c.reason, "role", c.holds, w.on(w1))
			differ(t, c.reason, "writes", c.posts, len(w.posts))
		})
	}
}

// TestOutranked: a claim that took over what it found is no match for another role through a credential that may write it, unless its
// own may.
func TestOutranked(t *testing.T) {
	elsewhere := func(c *Connection) {
		c.Own = []astro.Role{astro.NewRole(astro.EntityWorkspace, "w2", "WORKSPACE_OWNER")}
	}
	lost := so{"a": "False/PermissionDenied Held Adopted", "b": "True/Adopted Held Adopted, changed"}
	stays := so{"a": "True/Granted Held Adopted", "b": "False/ConflictingBinding"}
	for name, c := range map[string]struct {
		reason string
		a, b   *bindingBuilder
		want   so
		role   string
	}{
		"Found":   {"It could not have given the role.", binding("a").adopted(1).through("weak", elsewhere), binding("b").role(owner), lost, owner},
		"Neither": {"Nor may the other one, as far as is known.", binding("a").adopted(1).through("weak", elsewhere), binding("b").role(owner).through("acme", elsewhere), stays, member},
		"Owner":   {"It may as well.", binding("a").adopted(1).through("weak"), binding("b").role(owner), stays, member},
		"Suspended": {"Suspended, it could not give it either.", binding("a").adopted(1).suspended().through("weak", elsewhere), binding("b").role(owner),
			so{"a": "False/Suspended Held Adopted", "b": "True/Adopted Held Adopted, changed"}, owner},
		"Frozen": {"Nor where its rules refuse it.", binding("a").adopted(1).through("weak", elsewhere, onlyRole("other")), binding("b").role(owner),
			so{"a": "False/RoleNotAllowed Held Adopted", "b": "True/Adopted Held Adopted, changed"}, owner},
		"Gave": {"It gave the role.", binding("a").claimed(1).through("weak", elsewhere), binding("b").role(owner),
			so{"a": "True/Granted Held Created", "b": "False/ConflictingBinding"}, member},
	} {
		w := drive(t, situation(c.a, c.b, holds(w1, member)), func(*driver) {})
		differ(t, name+": "+c.reason, "states", c.want, w.states())
		differ(t, name+": "+c.reason, "role", c.role, w.on(w1))
	}
}
