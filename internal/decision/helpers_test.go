package decision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

const (
	host   = "api.astronomer.io"
	org    = "o1"
	token1 = "t1"

	accessor = "WORKSPACE_ACCESSOR"
	member   = "WORKSPACE_MEMBER"
	owner    = "WORKSPACE_OWNER"
	admin    = "DEPLOYMENT_ADMIN"
	deployer = "Deploy Only"
)

var (
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	w1 = roleset.Target{Kind: astro.EntityWorkspace, ID: "w1"}
	w2 = roleset.Target{Kind: astro.EntityWorkspace, ID: "w2"}
	d1 = roleset.Target{Kind: astro.EntityDeployment, ID: "d1"}
	d2 = roleset.Target{Kind: astro.EntityDeployment, ID: "d2"}
	d3 = roleset.Target{Kind: astro.EntityDeployment, ID: "d3"}

	// parents are the Workspaces of the Deployments.
	parents = map[string]string{"d1": "w1", "d2": "w1", "d3": "w2"}
	// defaults are the roles that a builder declares where a case says none.
	defaults = map[astro.EntityType]string{astro.EntityWorkspace: member, astro.EntityDeployment: admin}
	kinds    = map[astro.EntityType]v1alpha1.TargetKind{
		astro.EntityWorkspace: v1alpha1.TargetWorkspace, astro.EntityDeployment: v1alpha1.TargetDeployment,
	}

	errLost      = fmt.Errorf("POST: no answer: %w", astro.ErrUnreachable)
	errForbidden = fmt.Errorf("POST: no: %w (request r1)", astro.ErrForbidden)
	errInvalid   = fmt.Errorf("POST: bad: %w (request r1)", astro.ErrInvalid)
	errThrottled = fmt.Errorf("POST: slow: %w", astro.ErrThrottled)
	errOdd       = errors.New("something else")
)

// onDay is a time well before now.
func onDay(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

// shown is a target as Astro shows it.
func shown(t roleset.Target) astro.Target {
	found := astro.Target{Kind: t.Kind, ID: t.ID, Name: "name of " + t.ID, WorkspaceID: t.ID}
	if parent, is := parents[t.ID]; is {
		found.WorkspaceID = parent
	}
	return found
}

// part is something in which a situation differs from the plainest one.
type part interface{ into(s *Situation) }

// with is a part by itself.
type with func(*Situation)

func (f with) into(s *Situation) { f(s) }

// situation is that of an Organization token which Astro showed in a listing with its own-scope role alone, seen through
// connections that allow everything.
func situation(parts ...part) Situation {
	s := Situation{
		Key: Key{Host: host, Organization: org, Token: token1}, Now: now,
		Token: Observation{Presence: Present, Token: astro.Token{
			ID: token1, Name: "ci", Scope: astro.ScopeOrganization, Kind: astro.KindStandard, RolesKnown: true,
			Roles: []astro.Role{astro.NewRole(astro.EntityOrganization, org, "ORGANIZATION_MEMBER")},
		}},
	}
	for _, p := range parts {
		p.into(&s)
	}
	slices.SortStableFunc(s.Bindings, func(a, b Binding) int { return strings.Compare(a.ID(), b.ID()) })
	return s
}

// holds gives the token a role.
func holds(t roleset.Target, role string) with {
	return func(s *Situation) {
		s.Token.Token.Roles = append(s.Token.Token.Roles, astro.NewRole(t.Kind, t.ID, role))
	}
}

// ownScopeHidden hides the token's role on its own scope.
var ownScopeHidden = token(func(o *Observation) { o.Token.Roles = nil })

// readByID says that the token was read by its id already.
var readByID = with(func(s *Situation) { s.Token.ByID = true })

// presence is what is known of the token's existence. One that is not there has no roles to be seen.
func presence(p Presence) with {
	return func(s *Situation) {
		s.Token = Observation{Presence: p}
	}
}

// token edits what Astro shows.
func token(edit func(*Observation)) with { return func(s *Situation) { edit(&s.Token) } }

// remembered edits what was remembered of the token.
func remembered(edit func(Memory) Memory) with {
	return func(s *Situation) { s.Memory = edit(s.Memory) }
}

// lost says that nobody can read or write through the connection.
func lost(connection string, err error) with {
	return func(s *Situation) { *s = Progress{Situation: *s}.notRead(connection, err).Situation }
}

// workspaceToken makes the token one of the Workspace.
func workspaceToken(home roleset.Target) with {
	return token(func(o *Observation) {
		o.Token.Scope = astro.ScopeWorkspace
		o.Token.Roles = []astro.Role{astro.NewRole(home.Kind, home.ID, owner)}
	})
}

// connection is a ClusterAstroConnection that allows everybody everything, with a credential of its own.
func connection(name string) Connection {
	object := &v1alpha1.ClusterAstroConnection{}
	object.Name = name
	object.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Minute}
	object.Spec.Allow = []v1alpha1.AllowRule{everything()}
	return Connection{
		ID: "ClusterAstroConnection//" + name, Words: "ClusterAstroConnection " + name, Object: object,
		Host: host, Organization: org, Credential: "credential of " + name, Ready: true, Callable: true,
		Own: []astro.Role{astro.NewRole(astro.EntityOrganization, org, "ORGANIZATION_OWNER")},
	}
}

func everything() v1alpha1.AllowRule {
	all := []string{"*"}
	return v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: all}, Targets: []v1alpha1.TargetRule{{WorkspaceIDs: all}}, Roles: all,
		Tokens: []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: all}, {Scope: v1alpha1.ScopeWorkspace, IDs: all}},
	}
}

// allowing narrows the only rule of a connection.
func allowing(edit func(*v1alpha1.AllowRule)) func(*Connection) {
	return spec(func(s *v1alpha1.ConnectionSpec) { edit(&s.Allow[0]) })
}

// spec edits the spec of a connection.
func spec(edit func(*v1alpha1.ConnectionSpec)) func(*Connection) {
	return func(c *Connection) { edit(c.Object.ConnectionSpec()) }
}

// onlyRole lets the connection's rule allow the role alone.
func onlyRole(role string) func(*Connection) {
	return allowing(func(r *v1alpha1.AllowRule) { r.Roles = []string{role} })
}

func withdrawing(c *Connection) { c.Object.ConnectionSpec().OnWithdrawal = v1alpha1.WithdrawalRevoke }

var classes = map[roleset.Class]string{roleset.None: "None", roleset.Want: "Want", roleset.Hold: "Hold", roleset.Leave: "Leave"}

// words are a ruling as one reads it: its class, the reason of its fault, and what else follows.
func (r Ruling) words() string {
	w := classes[r.Class]
	if r.Fault != nil && r.Fault.Reason == "" {
		w += " (quiet)"
	} else if r.Fault != nil {
		w += " " + r.Fault.Reason
	}
	for _, mark := range []struct {
		is   bool
		word string
	}{{r.Withdrawn, "withdrawn"}, {r.Rebind, "rebind"}, {r.Release, "release"}, {r.Uncertain, "uncertain"}} {
		if mark.is {
			w += ", " + mark.word
		}
	}
	return w
}

// ruled are the rulings of a decision, in the order of the bindings.
func ruled(d Decision) string {
	all := make([]string, len(d.Rulings))
	for i, r := range d.Rulings {
		all[i] = r.words()
	}
	return strings.Join(all, "; ")
}

// changed are the changes of a decision as one reads them.
func changed(s Situation, d Decision) (all []string) {
	for _, c := range d.Changes {
		w := fmt.Sprintf("%s: %s for %s", c.Target.ID, c.Change, strings.Join(c.Claims, ", "))
		if o := s.Bindings[c.Owner]; o.Connection.ID != connection("acme").ID {
			w += " through " + o.Connection.Object.GetName()
		}
		if c.Refused != nil {
			w += " refused " + c.Refused.Reason
		}
		if c.Alone {
			w += " alone"
		}
		all = append(all, w)
	}
	return all
}

// names are the bindings at the places, by name.
func names(s Situation, at []int) string {
	all := make([]string, len(at))
	for n, i := range at {
		all[n] = s.Bindings[i].Object.Name
	}
	return strings.Join(all, " ")
}

// differ fails the test with the reason of its case.
func differ(t *testing.T, reason, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s -want +got\n%s", reason, what, diff)
	}
}
