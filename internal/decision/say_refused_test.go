package decision

import (
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// ownsElsewhere is a connection whose credential owns another Workspace only.
func ownsElsewhere(c *Connection) {
	c.Own = []astro.Role{astro.NewRole(astro.EntityWorkspace, "w2", "WORKSPACE_OWNER")}
}

// TestRefusedHeir: who would inherit a place with a role that Astro refuses keeps up nobody who gives it up.
func TestRefusedHeir(t *testing.T) {
	unreadable := func(w *driver) {
		w.read = func(int) error {
			return first(strings.HasSuffix(w.effects[len(w.effects)-1], " weak"), errForbidden)
		}
	}
	for name, c := range map[string]struct {
		reason  string
		heir    *bindingBuilder
		refuses func(*driver)
	}{
		"Invalid":    {"Astro does not know the role.", binding("b").in("other").role(owner), refuses(errInvalid, owner)},
		"Forbidden":  {"Astro forbids that role.", binding("b").in("other").role(owner), refuses(errForbidden, owner)},
		"MayNotRead": {"Who may not read the token may not write it.", binding("b").in("other").role(owner).through("weak", ownsElsewhere), unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			w := drive(t, situation(binding("a").claimed(1).deleting(), c.heir, holds(w1, member)), c.refuses)
			for range 3 {
				if w.on(w1) != "" {
					w = drive(t, w.next(6*time.Minute), c.refuses)
				}
			}
			differ(t, c.reason, "the one that goes", "unchanged, released, revoked", w.states()["a"])
			differ(t, c.reason, "role", "", w.on(w1))
		})
	}
}

// TestRefusedRival: a binding whose role Astro refuses stands back for one whose role it does not refuse.
func TestRefusedRival(t *testing.T) {
	for name, err := range map[string]error{"Invalid": errInvalid, "Forbidden": errForbidden} {
		w := drive(t, situation(binding("b").made(1).role(owner), binding("c").made(2)), refuses(err, owner))
		differ(t, name, "the other", "True/Granted Held Created, changed", w.states()["c"])
	}
	w := drive(t, situation(binding("b").claimed(1).role(owner), binding("c").made(2)), refuses(errForbidden, owner))
	differ(t, "A claim without its role, which Astro forbids to give again.", "the other", "True/Granted Held Created, changed", w.states()["c"])
}

// TestRevokesInVain: only what Astro forbids to the one that goes lets it leave its role to a credential that may not write it.
func TestRevokesInVain(t *testing.T) {
	known := remembered(func(Memory) Memory { return Memory{Writers: map[string]bool{"credential of weak": true}} })
	start := situation(binding("a").claimed(1).deleting(), binding("b").in("other").adopted(2).through("weak", ownsElsewhere), holds(w1, member), holds(d3, admin), known)
	for name, c := range map[string]struct {
		reason string
		astro  func(*driver)
	}{
		"Invalid": {"A dead role is in the way.", func(w *driver) {
			w.refuse = func([]astro.Role) error { return errInvalid }
			w.finding = Findings{Dead: []astro.Role{astro.NewRole(astro.EntityDeployment, "d3", admin)}}
		}},
		"Unshown": {"Astro took it, and does not show it yet.", func(w *driver) {
			before := w.astro
			w.update = func(u astro.Update) astro.Update {
				if len(w.posts) == 1 {
					u.Confirmed, u.After, w.astro = false, before, before
				}
				return u
			}
		}},
	} {
		w := drive(t, start, c.astro)
		differ(t, name+": "+c.reason, "released", false, strings.Contains(w.state("a"), "released"))
	}
}

// TestGrantedOnHold: on hold a claim speaks for the role that was given, not for one that it may not have.
func TestGrantedOnHold(t *testing.T) {
	forbidden := binding("a").in("other").through("acme", onlyRole(member)).claimed(1).edited().role(owner)
	w := drive(t, situation(forbidden, binding("b").claimed(2), holds(w1, member)))
	differ(t, "The other one declares what both were given.", "states", so{"a": "False/RoleNotAllowed Held Created", "b": "True/Granted Held Created"}, w.states())

	drifted := binding("a").in("other").claimed(1).suspended().but(func(b *Binding) { b.Object.Status.Role, b.Claim.Role = accessor, accessor })
	w = drive(t, situation(drifted, binding("b").claimed(2), holds(w1, accessor)))
	differ(t, w.message("b"), "waits for what a stranger made of the role", false, strings.Contains(w.message("b"), "declares"))

	w = drive(t, situation(binding("a").in("other").claimed(1).edited().role("Secret Project").suspended(), binding("b").role(owner), holds(w1, member)))
	got := w.message("b")
	differ(t, got, "tells of a role that nobody holds", false, strings.Contains(got, "Secret Project"))
}

// TestRequestOfANeighbour: what Astro refuses to one is not tried again because another asks, through another connection.
func TestRequestOfANeighbour(t *testing.T) {
	for name, c := range map[string]struct{ through, writes string }{"Neighbour": {"theirs", ""}, "Same": {"acme", "ClusterAstroConnection//acme"}} {
		b := binding("b")
		other := binding("a").in("other").through(c.through, onlyRole(owner)).annotated(v1alpha1.AnnotationRequestedAt, "now")
		s := situation(b, other)
		s.Memory = s.Memory.refused(&b.b, w1, member, Refusal{
			At: now, Invalid: true, Fault: fault.NotTrue(v1alpha1.ConditionSynced, v1alpha1.ReasonRefusedByAstro, "no"),
		})
		differ(t, name, "writes through", c.writes, Begin(s).Writes())
	}
}

// TestRefusedCredential: what Astro has refused to a credential stands until Astro has said something else.
func TestRefusedCredential(t *testing.T) {
	weak := func(also ...func(*Connection)) *bindingBuilder {
		return binding("a").in("other").claimed(1).through("weak", append(also, ownsElsewhere)...)
	}
	renewed := func(c *Connection) { c.Credential = "another" }
	for name, c := range map[string]struct {
		reason  string
		weak    *bindingBuilder
		refused error
		lost    error
		want    string
		writes  int
	}{
		"Refused":         {"It has no say.", weak(), errForbidden, nil, owner, 0},
		"Asked":           {"Its user asks, and Astro refuses again.", weak().annotated(v1alpha1.AnnotationRequestedAt, "now"), errForbidden, nil, owner, 1},
		"AskedInVain":     {"Its user asks, and nobody answers.", weak().annotated(v1alpha1.AnnotationRequestedAt, "now"), nil, errLost, owner, 1},
		"AskedAndAllowed": {"Its user asks, and Astro lets it: the earliest claim has the say.", weak().annotated(v1alpha1.AnnotationRequestedAt, "now"), nil, nil, member, 2},
		"Observes":        {"Nobody can ask another credential while the connection observes.", weak(observes, renewed), nil, nil, owner, 0},
		"Renewed":         {"Else another credential is asked.", weak(renewed), errForbidden, nil, owner, 1},
	} {
		first := situation(weak(), binding("b").role(owner).adopted(2), holds(w1, owner))
		first.Memory = first.writerThrough(first.Bindings[0].Connection.ID, false)
		s := situation(c.weak, binding("b").role(owner).adopted(2), holds(w1, owner))
		s.Memory = first.Memory
		w := drive(t, s, func(w *driver) {
			w.refuse = func([]astro.Role) error { return c.refused }
			w.answer = func(int) error { return c.lost }
		})
		differ(t, name+": "+c.reason, "role", c.want, w.on(w1))
		differ(t, name+": "+c.reason, "writes", c.writes, len(w.posts))
	}
}
