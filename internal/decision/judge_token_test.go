package decision

import (
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

func TestJudgeOfTheToken(t *testing.T) {
	expired := now.Add(-time.Second)
	rulings{
		"Unseen":          {"Nobody could look.", of(binding("a"), presence(Unseen)), "None Unreachable"},
		"UnseenAndTold":   {"Why nobody could look is said.", of(binding("a"), presence(Unseen), notRead("acme")), "None RateLimited"},
		"UnseenByAnother": {"What another connection was told is not for this one.", of(binding("a"), presence(Unseen), notRead("other")), "None Unreachable"},
		"AbsentToANewOne": {"A token that was never found is not found.", of(binding("a"), presence(Absent)), "None TokenNotFound"},
		"AbsentToAClaim":  {"One that was is not taken for gone.", of(binding("a").claimed(1), presence(Absent)), "Hold ListIncomplete"},
		"GoneByID":        {"A token that is gone, declared by its id.", of(binding("a").claimed(1), presence(Gone)), "Hold TokenNotFound"},
		"GoneByName":      {"And by its name, which nobody has now.", of(binding("a").named("ci").claimed(1), presence(Gone)), "Hold TokenNotFound"},
		"Hidden": {
			"The others show it, this connection does not.",
			of(binding("a"), token(func(o *Observation) { o.HiddenFrom = map[string]bool{connection("acme").ID: true} })), "None TokenNotFound",
		},
		"Unasked": {
			"Whether this connection sees it could not be asked: what others see is not for it.",
			of(binding("a"), token(func(o *Observation) { o.Unasked = map[string]error{connection("acme").ID: errThrottled} })), "None RateLimited",
		},
		"UnaskedOfAClaim": {
			"Who holds its claim has seen it.",
			of(binding("a").claimed(1), holds(w1, member), token(func(o *Observation) { o.Unasked = map[string]error{connection("acme").ID: errThrottled} })), "Want",
		},
		"GoneToOthers": {
			"Gone by the word of a connection that may never have seen it.",
			of(binding("a").named("ci").claimed(1), presence(Gone), token(func(o *Observation) { o.Unproven = map[string]bool{connection("acme").ID: true} })),
			"Hold ListIncomplete",
		},
		"Replaced":  {"A token made again under the name is not taken unasked.", of(replaced("t2")), "Hold TokenReplaced"},
		"Confirmed": {"Once the user confirms it, the old one is left.", of(confirmed("t2", "t2")), "Hold TokenReplaced, rebind"},
		"ConfirmedOther": {
			"To confirm another one is to confirm nothing.", of(confirmed("t3", "t2")), "Hold TokenReplaced",
		},
		"ConfirmedAmbiguous": {"Two of the name cannot be told apart.", of(confirmed("t2", "t2", "t3")), "Hold TokenReplaced"},
		"ReplacedByOneThatIsNotAllowed": {
			"One that the rules do not allow is not told of, and is not taken.", of(confirmed("t2", "t2").but(onlyToken(token1))), "Hold TokenNotFound",
		},
		"NamesUnknown": {"A name that could not be looked up says nothing.", of(confirmed("t2").but(func(b *Binding) { b.Names.Err = errLost })), "Hold Unreachable"},
		"OfADeployment": {
			"Deployment tokens cannot be bound.", of(binding("a"), token(func(o *Observation) { o.Token.Scope = astro.ScopeDeployment })), "None TokenNotFound",
		},
		"WrongScope":         {"The token is of another scope than the binding says.", of(binding("a").on(d1), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OddKind":            {"Only ordinary tokens can be bound.", of(binding("a"), token(func(o *Observation) { o.Token.Kind = "AGENT" })), "None TokenKindUnsupported"},
		"Expired":            {"An expired token is of no use.", of(binding("a"), token(func(o *Observation) { o.Token.EndAt = &expired })), "None TokenExpired"},
		"ExpiresNow":         {"It has expired at the very moment.", of(binding("a"), token(func(o *Observation) { o.Token.EndAt = &now })), "None TokenExpired"},
		"ProtectedAndAbsent": {"Whether there is such a token is for no connection to know that does not see it.", of(binding("a"), presence(Absent), token(func(o *Observation) { o.Protected = true })), "None TokenNotFound"},
		"Protected":          {"The credential of a cluster connection is nobody's to change.", of(binding("a"), token(func(o *Observation) { o.Protected = true })), "None SelfProtected"},
		"OwnCredential": {
			"That of a connection is not changed through it, but through another.",
			of(binding("a"), binding("b").through("other"), token(func(o *Observation) { o.CredentialOf = []string{connection("acme").ID} })),
			"None SelfProtected; Want",
		},
		"HomeOfAWorkspaceToken":      {"It works in its own Workspace.", of(ofWorkspace(binding("a").on(d1), ""), workspaceToken(w1)), "Want"},
		"OutsideHome":                {"And only there.", of(ofWorkspace(binding("a").on(d3), ""), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OtherHomeThanSaid":          {"It was made elsewhere than the binding says.", of(ofWorkspace(binding("a").on(d1), "w2"), workspaceToken(w1)), "None TokenScopeMismatch"},
		"OrganizationTokenAnywhere":  {"An Organization token works everywhere.", of(binding("a").on(d3)), "Want"},
		"ExpiredButSuspended":        {"What the user asked for comes before what is wrong.", of(binding("a").suspended(), token(func(o *Observation) { o.Token.EndAt = &expired })), "None Suspended"},
		"ExpiredButForbidden":        {"The rules come before anything else.", of(binding("a").through("acme", onlyRole(owner)), token(func(o *Observation) { o.Token.EndAt = &expired })), "None RoleNotAllowed"},
		"ExpiredToBeRevoked":         {"An expired token is cleaned up all the same.", of(binding("a").claimed(1).deleting(), holds(w1, member), token(func(o *Observation) { o.Token.EndAt = &expired })), "Leave"},
		"DeploymentWithoutWorkspace": {"Where the target is not known yet the home cannot be compared.", of(ofWorkspace(binding("a").on(d1).but(func(b *Binding) { b.Target = TargetFinding{} }), ""), workspaceToken(w1)), "Want"},
	}.check(t)
}

// ofWorkspace makes the binding one of a Workspace token.
func ofWorkspace(x *bindingBuilder, home v1alpha1.AstroID) *bindingBuilder {
	x.b.Object.Spec.Token.Scope, x.b.Object.Spec.Token.WorkspaceID = v1alpha1.ScopeWorkspace, home
	return x
}

type gone struct{ *bindingBuilder }

// into puts the binding into a situation in which the token is gone.
func (g gone) into(s *Situation) {
	presence(Gone).into(s)
	g.bindingBuilder.into(s)
}

func (g gone) but(edit func(*Binding)) gone { return gone{g.bindingBuilder.but(edit)} }

// replaced is a binding whose token is gone, and whose name those tokens have.
func replaced(ids ...string) gone {
	return gone{binding("a").named("ci").claimed(1).but(func(b *Binding) {
		for _, id := range ids {
			b.Names.Tokens = append(b.Names.Tokens, astro.Token{ID: id, Name: "ci", Scope: astro.ScopeOrganization})
		}
	})}
}

// confirmed is one whose user has confirmed the token.
func confirmed(id string, ids ...string) gone {
	g := replaced(ids...)
	g.annotated(v1alpha1.AnnotationConfirmToken, id)
	return g
}

// onlyToken narrows the rule of the binding's connection to one token.
func onlyToken(id string) func(*Binding) {
	return func(b *Binding) {
		b.Connection.Object.ConnectionSpec().Allow[0].Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{id}}}
	}
}

// TestATokenThatIsNobodysBusiness: whether another token that the rules do not allow has the name, the binding is told the same.
func TestATokenThatIsNobodysBusiness(t *testing.T) {
	told := func(ids ...string) string {
		return drive(t, situation(replaced(ids...).but(onlyToken(token1)))).message("a")
	}
	gone := told()
	differ(t, "One has it.", "message", gone, told("t2"))
	if !strings.Contains(gone, "id "+token1) {
		t.Errorf("what it was is not said: %s", gone)
	}
}

// notRead says that Astro asked the connection to wait when the token was looked for.
func notRead(connectionName string) with {
	return token(func(o *Observation) {
		o.NotRead = map[string]*fault.Fault{connection(connectionName).ID: fault.FromAstroError("Resolved", "x", errThrottled)}
	})
}

// TestUnaskedIsAskedAgain: a binding that Astro could not be asked about in time is looked at again when Astro may be asked, and for one
// that has its claim nobody waits.
func TestUnaskedIsAskedAgain(t *testing.T) {
	unasked := token(func(o *Observation) { o.Unasked = map[string]error{connection("acme").ID: errThrottled} })
	differ(t, "A new binding.", "wake", max(astro.RetryAfter(errThrottled), time.Second), Begin(situation(binding("a"), unasked)).Wake)
	differ(t, "One that has its claim.", "wake", time.Duration(0), Begin(situation(binding("a").claimed(1), holds(w1, member), unasked)).Wake)
}
