package decision

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/resolve"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// enteredClaim is the claim that a status holds.
type enteredClaim struct {
	at       time.Time
	host     string
	origin   v1alpha1.Origin
	previous string
	granted  string // the role that was last in place
}

// statusOf computes a binding's status from what was decided.
func (s *Situation) statusOf(b *Binding, r Ruling, claim *enteredClaim, done Done, changed bool) v1alpha1.ScopedTokenBindingStatus {
	o := b.Object
	st := *o.Status.DeepCopy()
	if r.Rebind {
		st.Token, st.Role = v1alpha1.BoundToken{}, ""
	}
	retargeted := r.Retarget && s.leavesClaim(b, r)
	if retargeted {
		st.Target, st.Role = v1alpha1.BoundTarget{}, ""
	}
	st.ObservedGeneration = o.Generation
	if !b.Postponed && !s.unanswered(b, r) {
		st.LastHandledReconcileAt = cmp.Or(o.Annotations[v1alpha1.AnnotationRequestedAt], st.LastHandledReconcileAt)
	}
	st.Token.Name = cmp.Or(st.Token.Name, o.Spec.Token.Name)
	st.Token.Scope = o.Spec.Token.Scope
	st.Target.Kind = o.Spec.Target.Kind
	st.Target.Name = cmp.Or(st.Target.Name, o.Spec.Target.Name)
	if b.pinnedElsewhere() {
		st.Target = v1alpha1.BoundTarget{Kind: o.Spec.Target.Kind, Name: o.Spec.Target.Name}
	}
	s.writeClaim(b, r, claim, &st)
	if r.Allowed && !r.Rebind && !retargeted {
		s.fillIn(b, r, &st)
	}
	if t := r.Target; !r.Allowed && t != nil && b.Claim != nil && t.ID == b.Claim.Target && t.Kind == astro.EntityDeployment {
		st.Target.WorkspaceID = t.WorkspaceID // where the Deployment is now, which the rules may not allow
	}
	if !r.Allowed {
		st.Role = s.ownRole(b, r, claim, st.Role)
	}
	st.DeletionPolicy = b.deletionPolicy()
	st.PlannedChange = ""
	if (b.Observes() || r.withheld()) && (r.Fault == nil || r.enforced() == roleset.Leave) {
		st.PlannedChange = planned(b, r)
	}
	answers := fault.Answers(cmp.Or(r.Fault, r.Obstacle), []metav1.Condition{
		yes(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "the connection's rules allow it, and no other binding stands against it"),
		yes(v1alpha1.ConditionResolved, v1alpha1.ReasonResolved, "token and target were found"),
		synced(b, r, &st, claim, done, changed),
	})
	if s.isOver(b, r, claim) {
		answers[len(answers)-1] = expiredCondition(b)
	}
	ready := s.readyOf(b, r, claim, answers)
	fault.Set(&st.Conditions, r.Fault, o.Generation, metav1.NewTime(s.Now), append(answers, ready)...)
	return st
}

// unanswered reports whether the look that the user asks for failed, and is tried again by itself.
func (s *Situation) unanswered(b *Binding, r Ruling) bool {
	lost := s.Lost[b.Connection.ID]
	failed := lost != nil && lost.Transient || r.Fault != nil && r.Fault.Transient
	return failed && s.takesRead(b) && !s.Token.ByID
}

// readyOf sums the answers up. One that only looks has looked, which is all that it was asked to do; and one whose time is over
// is as it was declared, whatever became of its token and target.
func (s *Situation) readyOf(b *Binding, r Ruling, claim *enteredClaim, answers []metav1.Condition) metav1.Condition {
	if s.isOver(b, r, claim) {
		answers = answers[len(answers)-1:]
	}
	ready := fault.Ready(answers)
	if r.Fault == nil && (ready.Reason == v1alpha1.ReasonWouldChange || ready.Reason == v1alpha1.ReasonExpired) {
		ready.Status = metav1.ConditionTrue
	}
	return ready
}

// isOver reports whether the binding's time is over and it holds nothing any more.
func (s *Situation) isOver(b *Binding, r Ruling, claim *enteredClaim) bool {
	return r.Expired && r.Fault == nil && (claim == nil || s.leavesClaim(b, r))
}

// writeClaim writes the claim down, or that it was left. What somebody else's object held means nothing here.
func (s *Situation) writeClaim(b *Binding, r Ruling, claim *enteredClaim, st *v1alpha1.ScopedTokenBindingStatus) {
	uid := b.Object.UID
	if st.Claim != nil && st.Claim.UID != uid {
		st.Claim = nil
	}
	switch {
	case claim != nil && !s.leavesClaim(b, r):
		st.Claim = &v1alpha1.Claim{
			UID: uid, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NewMicroTime(claim.at), Host: claim.host, GrantedRole: claim.granted,
		}
		st.OrganizationID, st.Token.ID, st.Target.ID = s.Key.Organization, s.Key.Token, b.targetID(r.Target)
		st.Origin, st.PreviousRole = claim.origin, claim.previous
	case st.Claim != nil:
		st.Claim.State = v1alpha1.ClaimReleased
		fallthrough
	default:
		if !b.Deleting() {
			st.Origin, st.PreviousRole = "", ""
		}
	}
}

// fillIn writes down what Astro says. What could not be looked at stays as it was.
func (s *Situation) fillIn(b *Binding, r Ruling, st *v1alpha1.ScopedTokenBindingStatus) {
	if s.Key.Organization != "" {
		st.OrganizationID = s.Key.Organization
	}
	if r.Target != nil {
		st.Target.ID, st.Target.Name = r.Target.ID, text.Clip(r.Target.Name, text.MostName)
		if r.Target.Kind == astro.EntityDeployment {
			st.Target.WorkspaceID = r.Target.WorkspaceID
		}
	}
	switch s.presenceTo(b) {
	case Present:
	case Gone:
		st.Role = "" // what the claim was granted is kept beside it
		return
	default:
		return
	}
	t := s.Token.Token
	scope, _ := pin.ScopeOf(t)
	st.Token = v1alpha1.BoundToken{
		ID: t.ID, Name: text.Clip(t.Name, text.MostName), Description: text.Clip(t.Description, text.MostName), Scope: scope,
		CreatedBy: text.Clip(t.CreatedBy, text.MostName), CreatedAt: timeOf(&t.CreatedAt), ExpiresAt: timeOf(t.EndAt),
	}
	if b.targetID(r.Target) != "" {
		st.Role = text.Clip(s.roleOn(b.entry(r.Target)), text.MostRole)
	}
}

// ownRole is what the status says of the role in Astro where the rules do not let the user know what is there: the role that the claim
// gave, as long as it is in place, and else none. While nobody could look, and while the rules could not be asked, it stays as it was.
func (s *Situation) ownRole(b *Binding, r Ruling, claim *enteredClaim, was string) string {
	if claim == nil || s.leavesClaim(b, r) {
		return ""
	}
	if f := r.Fault; b.Claim == nil || f == nil || f.Condition != v1alpha1.ConditionAccepted || f.Transient {
		return was
	}
	place := roleset.Target{Kind: resolve.Entities[b.Claim.TargetKind], ID: b.Claim.Target}
	switch is := s.presenceTo(b); {
	case is == Gone:
		return ""
	case is != Present || s.partial(place):
		return was
	}
	held := text.Clip(s.roleOn(place), text.MostRole)
	if held == was || held == claim.granted {
		return held
	}
	return ""
}

func yes(condition, reason, message string) metav1.Condition {
	return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

// synced says that Astro holds the role, and how it came to. While nothing happens it goes on saying the same.
func synced(b *Binding, r Ruling, st *v1alpha1.ScopedTokenBindingStatus, claim *enteredClaim, done Done, changed bool) metav1.Condition {
	c := yes(v1alpha1.ConditionSynced, v1alpha1.ReasonGranted, fmt.Sprintf("the token holds %s on %s", b.Role(), b.where(&r)))
	if b.Observes() || r.withheld() && (b.Claim == nil || planned(b, r) != "") {
		return observed(b, r, c)
	}
	before := meta.FindStatusCondition(st.Conditions, v1alpha1.ConditionSynced)
	was := before != nil && before.Status == metav1.ConditionTrue
	switch {
	case changed && done.Drift:
		c.Reason = v1alpha1.ReasonDriftCorrected
		c.Message += done.Found.words()
	case changed && done.Update:
		c.Reason = v1alpha1.ReasonRoleUpdated
	case was && before.Reason != v1alpha1.ReasonInSync:
		if c.Reason = before.Reason; c.Reason == v1alpha1.ReasonDriftCorrected && before.ObservedGeneration == b.Object.Generation {
			c.Message += lastRestored(before.Message)
		}
	case claim != nil && claim.origin == v1alpha1.OriginAdopted:
		c.Reason = v1alpha1.ReasonAdopted
	}
	return c
}

// restoredAfter begins what a message says of the last correction.
const restoredAfter = "; it was restored after "

// lastRestored is what a message says of the last correction. What it said besides, as of the target's name, is said anew. What others
// call something may read like its beginning: from the last of them on it stays the same, however often it is taken over.
func lastRestored(message string) string {
	if at := strings.LastIndex(message, restoredAfter); at >= 0 {
		return message[at:]
	}
	return ""
}

// words say what was found in a role's place before it was restored.
func (f Found) words() string {
	words := fmt.Sprintf(restoredAfter+"%s was found at %s", text.Words(cmp.Or(f.Role, "no role")), f.At.UTC().Format(time.RFC3339))
	if f.By != "" {
		words += fmt.Sprintf(", where Astro named %q as the last to write the token", text.Clip(f.By, text.MostName))
	}
	return words
}

// observed is the answer of a binding that writes nothing.
func observed(b *Binding, r Ruling, c metav1.Condition) metav1.Condition {
	if plan := planned(b, r); plan != "" {
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonWouldChange
		c.Message = fmt.Sprintf("mode Enforce would %s on %s", plan, b.where(&r))
		if r.withheld() {
			c.Message = fmt.Sprintf("%s is in mode Observe; %s", b.Connection.Words, c.Message)
		}
		return c
	}
	c.Reason = v1alpha1.ReasonInSync
	return c
}

// planned is the change that Enforce would make, in words.
func planned(b *Binding, r Ruling) string {
	switch r.Verdict.Outcome {
	case roleset.Add, roleset.Update:
		return roleset.Change{From: r.Verdict.Observed, To: b.Role()}.String()
	case roleset.Remove:
		return roleset.Change{From: r.Verdict.Observed}.String()
	default:
		return ""
	}
}

// timeOf is a time as the API server keeps it: to the second, and nil for none.
func timeOf(t *time.Time) *metav1.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &at
}

// leavesClaim reports whether a binding that stays gives its claim, or what it only found, up: it observes now, its role was
// withdrawn and is gone, or it goes over to another token or target.
func (s *Situation) leavesClaim(b *Binding, r Ruling) bool {
	if b.Deleting() {
		return false
	}
	if b.Claim == nil {
		return r.Retarget
	}
	return r.Rebind || r.Release || (b.Observes() && s.Out[b.Object.UID] == nil)
}
