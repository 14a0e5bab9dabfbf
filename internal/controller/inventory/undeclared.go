package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// removal is a role on the target that no binding declares, and that is to be removed.
type removal struct {
	token, name, role string

	since time.Time // when the listing began that was the last one when it was first told
}

// confirmable reports whether the removal was told before a listing began that shows it as well.
func (v removal) confirmable(began time.Time) bool { return v.since.Before(began) }

// removals are all of an inventory, and what may be done about them.
type removals struct {
	all      []removal
	confirm  string // stands for those that may be confirmed; empty if there are none, or blocked says why none may
	blocked  string
	underWay map[string]bool                   // confirmed and not over yet, by the id of the token
	due      map[decision.Key]decision.Removal // those among them that are to be begun with
	given    string                            // what the annotation says
	paused   bool                              // the connection revokes nothing for now
	kept     []string                          // roles that bindings speak of which hold no claim, in words
	unlisted bool                              // some may be beyond the tokens that are listed
}

// protection is what keeps a role from being removed that no claim covers.
type protection struct {
	credential func(token string) bool                // the operator works with it
	allowed    func(t *astro.Token, role string) bool // by the rules of the connection
	speaker    func(t *astro.Token) string            // who speaks of the role, in whatever state; empty: nobody
}

// undeclared are the roles on the target that are to be removed, of the tokens that are listed, and those that are kept since a binding
// speaks of them.
func undeclared(tokens []astro.Token, rows []v1alpha1.InventoryToken, on astro.RoleKey, p protection) (all []removal, kept []string) {
	by := make(map[string]*astro.Token, len(tokens))
	for i := range tokens {
		by[tokens[i].ID] = &tokens[i]
	}
	for _, row := range rows {
		t := by[row.ID]
		if t == nil || row.DeclaredBy != "" || !decision.Removable(*t, on) {
			continue
		}
		role := t.RoleOn(on)
		if role != row.Role || p.credential(t.ID) || !p.allowed(t, role) { // a role that was clipped is not told as it is
			continue
		}
		if speaker := p.speaker(t); speaker != "" {
			kept = append(kept, fmt.Sprintf("that of token %s, of which %s speaks", text.Quote(row.Name), speaker))
			continue
		}
		all = append(all, removal{token: t.ID, name: row.Name, role: role})
	}
	return all, kept
}

// dated are the removals with when each was first told, by the status: what it does not tell of yet is as new as the last listing.
func dated(all []removal, told []v1alpha1.Removal, began time.Time) []removal {
	before := map[removal]time.Time{}
	for _, r := range told {
		if r.Since != nil {
			before[removal{token: r.ID, role: r.Role}] = r.Since.Time
		}
	}
	made := slices.Clone(all)
	for i, v := range made {
		since, known := before[removal{token: v.token, role: v.role}]
		if !known {
			since = began
		}
		made[i].since = since.Truncate(time.Second)
	}
	return made
}

// digest stands for the removals of an inventory on its target that may be confirmed; empty if there are none. When each was first told
// goes in as well, so that what was confirmed and removed once is not removed unasked when somebody gives it again. What is under way goes
// in with others: whoever confirms more of them goes on meaning it.
func (s *removals) digest(i *v1alpha1.TargetInventory, of *survey) string {
	var lines []string
	open := false
	for _, v := range s.all {
		if v.confirmable(of.began) {
			lines = append(lines, fmt.Sprintf("%q %q %d", v.token, v.role, v.since.Unix()))
			open = open || !s.underWay[v.token]
		}
	}
	if !open {
		return ""
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(fmt.Sprintf("%q %q\n", i.UID, of.target.ID) + strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

// confirmed reports whether the user has confirmed what the status has told already, and what it would tell now.
func (s *removals) confirmed(i *v1alpha1.TargetInventory) bool {
	return s.confirm != "" && i.Status.Confirm == s.confirm && s.given == s.confirm
}

// status are the removals as the status tells them.
func (s *removals) status() []v1alpha1.Removal {
	var told []v1alpha1.Removal
	for _, v := range s.all {
		told = append(told, v1alpha1.Removal{ID: v.token, Name: v.name, Role: v.role, Since: &metav1.Time{Time: v.since}})
	}
	return told
}

// warnings say what the user is to confirm, and what is being done.
func (s *removals) warnings(t v1alpha1.BoundTarget, began time.Time) (all []fault.Warning) {
	open, young := 0, 0
	for _, v := range s.all {
		if s.underWay[v.token] {
			continue
		}
		if open++; !v.confirmable(began) {
			young++
		}
	}
	if open > 0 {
		all = append(all, fault.Warning{Reason: v1alpha1.ReasonRemovalUnconfirmed, Message: s.unconfirmed(t, open, young)})
	}
	if n := len(s.underWay); n > 0 {
		words := fmt.Sprintf("%d role(s) on %s %q that no binding declares are being removed, as was confirmed", n, t.Kind, t.Name)
		if s.paused {
			words += fmt.Sprintf("; the condition %s of the connection says what they may wait for", v1alpha1.ConditionRevocationsPaused)
		}
		all = append(all, fault.Warning{Reason: v1alpha1.ReasonRemovalUnderWay, Message: words})
	}
	if n := len(s.kept); n > 0 {
		all = append(all, fault.Warning{Reason: v1alpha1.ReasonRemovalKept, Message: s.keptWords(t)})
	}
	return all
}

// keptTold is how many of the roles are told that bindings keep.
const keptTold = 3

func (s *removals) keptWords(t v1alpha1.BoundTarget) string {
	words := fmt.Sprintf("%d role(s) on %s %q that no binding has a claim on are kept: %s",
		len(s.kept), t.Kind, t.Name, strings.Join(s.kept[:min(len(s.kept), keptTold)], ", "))
	if n := len(s.kept) - keptTold; n > 0 {
		words += fmt.Sprintf(", and %d more", n)
	}
	return words + "; to have one of them removed, have that binding deleted"
}

// unconfirmed says of which removals nobody has said yet that they are meant, and what to do.
func (s *removals) unconfirmed(t v1alpha1.BoundTarget, open, young int) string {
	words := fmt.Sprintf("%d role(s) on %s %q that no binding declares are to be removed; they are in status.removals", open, t.Kind, t.Name)
	switch {
	case s.blocked != "":
		return words + ", and none is removed: " + s.blocked
	case s.confirm == "":
		return words + ", and may be confirmed once another listing shows them as well"
	}
	words += fmt.Sprintf("; to have them removed, set the annotation %s to %q; to keep one, declare it by a binding",
		v1alpha1.AnnotationConfirmUndeclared, s.confirm)
	if young > 0 {
		words += fmt.Sprintf("; this does not stand for %d of them, which are new", young)
	}
	if s.given != "" && s.given != s.confirm {
		words += fmt.Sprintf("; the annotation says %q, which stands for others", text.Clip(s.given, text.MostRole))
	}
	if s.unlisted {
		words += fmt.Sprintf("; of the tokens beyond the %d that are listed none is among them", v1alpha1.MaxInventoryTokens)
	}
	return words
}
