package decision

import (
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// removal is a role on the target that an inventory was confirmed to remove. The rules allow it.
func removal(on roleset.Target, role string) *bindingBuilder {
	x := binding("inventory").on(on).role(role).orphan().through("acme", removing)
	x.b.Undeclared, x.b.Journaled = true, true
	x.b.Claim = &pin.Claim{
		Host: host, Organization: org, Token: token1, TargetKind: kinds[on.Kind], Target: on.ID, Role: role,
		Origin: v1alpha1.OriginAdopted, ClaimedAt: onDay(2),
	}
	return x
}

func removing(c *Connection) {
	c.Object.ConnectionSpec().Allow[0].Inventory, c.Object.ConnectionSpec().Allow[0].RemoveUndeclared = true, true
}

// but changes the connection of a removal.
func (x *bindingBuilder) connected(edit func(*Connection)) *bindingBuilder {
	edit(&x.b.Connection)
	return x
}

func TestJudgeOfRemovals(t *testing.T) {
	observing := spec(func(s *v1alpha1.ConnectionSpec) { s.Mode = v1alpha1.ModeObserve })
	role := func(r string) func(*Connection) {
		return allowing(func(a *v1alpha1.AllowRule) { a.Roles = []string{r} })
	}
	rulings{
		"Removed":     {reason: "Nobody declares it.", parts: of(removal(w1, member), holds(w1, member)), want: "Leave"},
		"OtherRole":   {reason: "Another role was not confirmed.", parts: of(removal(w1, member), holds(w1, owner)), want: "None, release"},
		"Gone":        {reason: "Somebody has removed it.", parts: of(removal(w1, member)), want: "None, release"},
		"Wanted":      {reason: "A binding declares it by now.", parts: of(removal(w1, member), binding("z"), holds(w1, member)), want: "Want; None, release"},
		"WantedOther": {reason: "Whatever role it declares.", parts: of(removal(w1, member), binding("z").role(owner), holds(w1, member)), want: "Want; None, release"},
		"Suspended":   {reason: "Even if it is suspended and holds nothing.", parts: of(removal(w1, member), binding("z").suspended(), holds(w1, member)), want: "None Suspended; None, release"},
		"Observed":    {reason: "Or only looks.", parts: of(removal(w1, member), binding("z").observing(), holds(w1, member)), want: "None; None, release"},
		"Forbidden":   {reason: "Or is refused.", parts: of(removal(w1, member), binding("z").through("acme", onlyRole(owner)), holds(w1, member)), want: "None RoleNotAllowed; None, release"},
		"Deleted":     {reason: "One that is deleted has the say itself.", parts: of(removal(w1, member), binding("z").claimed(1).deleting(), holds(w1, member)), want: "Leave; None, release"},
		"Elsewhere":   {reason: "One on another target has none.", parts: of(removal(w1, member), binding("z").on(w2).claimed(1), holds(w1, member), holds(w2, member)), want: "Want; Leave"},
		"NoRule":      {reason: "The rule was withdrawn.", parts: of(removal(w1, member).through("acme"), holds(w1, member)), want: "None, release"},
		"NoInventory": {reason: "The inventory is not allowed any more.", parts: of(removal(w1, member).connected(allowing(func(r *v1alpha1.AllowRule) { r.Inventory = false })), holds(w1, member)), want: "None, release"},
		"NotTheRole":  {reason: "The rule is about other roles.", parts: of(removal(w1, member).connected(role(owner)), holds(w1, member)), want: "None, release"},
		"Observing":   {reason: "Nothing is removed through a connection that observes.", parts: of(removal(w1, member).connected(observing), holds(w1, member)), want: "None, release"},
		"NotReady":    {reason: "What was not granted is not removed with a credential of before.", parts: of(removal(w1, member).connected(func(c *Connection) { c.Ready = false }), holds(w1, member)), want: "None ConnectionNotReady"},
		"NoConn":      {reason: "Nobody can remove it any more.", parts: of(removal(w1, member).through("acme", noConnection), holds(w1, member)), want: "None, release"},
		"ConnGoing":   {reason: "A connection that is deleted does not wait for it.", parts: of(removal(w1, member).connected(func(c *Connection) { c.Deleting = true }), holds(w1, member)), want: "None, release"},
		"TokenGone":   {reason: "With the token it is gone.", parts: of(removal(w1, member), presence(Gone)), want: "None, release"},
		"TokenAbsent": {reason: "Absence is waited for.", parts: of(removal(w1, member), presence(Absent)), want: "None ListIncomplete"},
		"Credential":  {reason: "The connection works with the token.", parts: of(removal(w1, member), holds(w1, member), token(func(o *Observation) { o.CredentialOf = []string{connection("acme").ID} })), want: "None, release"},
		"OtherUse":    {reason: "Another one's use of it protects nothing.", parts: of(removal(w1, member), holds(w1, member), token(func(o *Observation) { o.CredentialOf = []string{"other"} })), want: "Leave"},
		"Protected":   {reason: "Or may.", parts: of(removal(w1, member), holds(w1, member), token(func(o *Observation) { o.Protected = true })), want: "None, release"},
		"OwnScope":    {reason: "It is where the token was made.", parts: of(removal(w1, owner), workspaceToken(w1)), want: "None, release"},
		"Accessor":    {reason: "Astro may have put it there.", parts: of(removal(w1, accessor), holds(w1, accessor), holds(d1, admin)), want: "None, release"},
		"OtherKind":   {reason: "No binding can name the token.", parts: of(removal(w1, member), holds(w1, member), token(func(o *Observation) { o.Token.Kind = "AGENT" })), want: "None, release"},
		"Deployment":  {reason: "The rules go by the Workspace that the Deployment is in.", parts: of(removal(d1, admin), holds(d1, admin)), want: "Leave"},
		"Moved":       {reason: "A Deployment of which nobody knows where it is matches no Workspace.", parts: of(removal(d1, admin).connected(allowing(func(r *v1alpha1.AllowRule) { r.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{"w1"}}} })).found(), holds(d1, admin)), want: "None, release"},
		"NotLooked":   {reason: "That it could not be looked up is waited for.", parts: of(removal(d1, admin).but(func(b *Binding) { b.Target = TargetFinding{Looked: true, Err: astro.ErrUnreachable} }), holds(d1, admin)), want: "None Unreachable"},
	}.check(t)
}
