package plan

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestRun(t *testing.T) {
	granted := func(edits ...func(*World)) World {
		w := asLeft(world(declares(on("a"))))
		for _, edit := range edits {
			edit(&w)
		}
		return w
	}
	cases := map[string]struct {
		reason string
		world  World
		want   map[string]string
	}{
		"Grant": {"A new binding is given its role.", world(declares(on("a"))), map[string]string{"a": `grant "" to "DEPLOYMENT_ADMIN" Granted`}},
		"GrantByName": {
			"Names stand for what Astro lists under them.",
			world(declares(builders.Binding("a").ForToken("ci").OnDeploymentNamed(data, "etl").WithRole(deployer))),
			map[string]string{"a": `grant "" to "Deploy Only" Granted`},
		},
		"Quiet":  {"What is in sync stays as it is.", granted(), map[string]string{"a": "none Granted"}},
		"Adopt":  {"A role that is there is taken over.", world(holds(etl, admin), declares(on("a"))), map[string]string{"a": "adopt Adopted"}},
		"Change": {"So is another one, and it is changed.", world(holds(etl, deployer), declares(on("a"))), map[string]string{"a": `change "Deploy Only" to "DEPLOYMENT_ADMIN" Adopted`}},
		"ExistingRole": {
			"Unless the binding says otherwise.", world(holds(etl, deployer), declares(on("a").Adopt(v1alpha1.AdoptNever))),
			map[string]string{"a": "blocked ExistingRole"},
		},
		"Edited":  {"An edited role is changed.", granted(edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = deployer })), map[string]string{"a": `change "DEPLOYMENT_ADMIN" to "Deploy Only" RoleUpdated`}},
		"Deleted": {"A deleted binding takes its role along.", granted(deleted("a")), map[string]string{"a": `revoke "DEPLOYMENT_ADMIN" to "" gone`}},
		"Retained": {
			"Unless it says otherwise.",
			granted(edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain }), deleted("a")),
			map[string]string{"a": "release gone"},
		},
		"Observe": {
			"A binding that only looks from now on gives its claim up.",
			granted(edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })),
			map[string]string{"a": "release InSync"},
		},
		"ConnectionObserves": {
			"A connection that only looks changes nothing, whatever is declared, and forgets nothing.",
			granted(
				connection(func(c *v1alpha1.AstroConnection) { c.Spec.Mode = v1alpha1.ModeObserve }),
				edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = deployer }), declares(builders.Binding("b").ForTokenID(ci).OnDeployment(reports)),
			),
			map[string]string{"a": "none WouldChange", "b": "none WouldChange"},
		},
		"DefaultRetains": {
			"What a connection says of deletion holds for a binding that says nothing.",
			granted(connection(func(c *v1alpha1.AstroConnection) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain }),
				edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = "" }), deleted("a")),
			map[string]string{"a": "release gone"},
		},
		"Expired": {
			"A role whose time is over is taken away, and the binding stays.",
			granted(edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.ExpiresAt = &metav1.Time{Time: today.Add(time.Minute)} })),
			map[string]string{"a": `revoke "DEPLOYMENT_ADMIN" to "" Expired`},
		},
		"WouldChange": {"One that only looks says what it would do.", world(declares(on("a").Observe())), map[string]string{"a": "none WouldChange"}},
		"Heir": {
			"Another binding takes the role of the one that goes.", asLeft(world(declares(on("a")), declares(on("b").WithRole(deployer)))),
			map[string]string{"a": "none Granted", "b": "blocked ConflictingBinding"},
		},
		"HeirDeleted": {
			"Its role comes in the place of the other.",
			func() World {
				w := asLeft(world(declares(on("a")), declares(on("b").WithRole(deployer))))
				deleted("a")(&w)
				return w
			}(),
			map[string]string{"a": `change "DEPLOYMENT_ADMIN" to "Deploy Only" gone`, "b": `change "DEPLOYMENT_ADMIN" to "Deploy Only" Granted`},
		},
		"RoleNotFound":   {"Astro lists no such role.", world(declares(on("a").WithRole("Deploy only"))), map[string]string{"a": "blocked RoleNotFound"}},
		"RoleElsewhere":  {"Astro lists it for another Workspace.", world(declares(on("a").WithRole("Elsewhere"))), map[string]string{"a": "blocked RefusedByAstro"}},
		"OneBad":         {"A role that is refused does not hold up the others.", world(declares(on("a").WithRole("None")), declares(builders.Binding("b").ForTokenID(ci).OnDeployment(reports))), map[string]string{"a": "blocked RoleNotFound", "b": `grant "" to "DEPLOYMENT_ADMIN" Granted`}},
		"TokenNotFound":  {"No token has the name.", world(declares(builders.Binding("a").ForToken("CI").OnDeployment(etl))), map[string]string{"a": "blocked TokenNotFound"}},
		"TargetNotFound": {"No Deployment has the name.", world(declares(builders.Binding("a").ForTokenID(ci).OnDeploymentNamed(data, "Etl"))), map[string]string{"a": "blocked TargetNotFound"}},
		"NoConnection":   {"There is no such connection.", world(declares(on("a").Through("none"))), map[string]string{"a": "blocked ConnectionNotFound"}},
		"NotReady": {
			"The connection is not ready.",
			world(declares(on("a")), connection(readyIs(metav1.ConditionFalse, v1alpha1.ReasonCredentialRejected))),
			map[string]string{"a": "blocked ConnectionNotReady"},
		},
		"Unreachable": {
			"That Astro could not be asked the last time keeps nobody from his role, once there is a credential.",
			world(declares(on("a")), connection(readyIs(metav1.ConditionUnknown, v1alpha1.ReasonUnreachable))),
			map[string]string{"a": `grant "" to "DEPLOYMENT_ADMIN" Granted`},
		},
		"UnreachableDeleted": {
			"Nor does a listing that lacks something keep a role from going.",
			granted(connection(readyIs(metav1.ConditionUnknown, v1alpha1.ReasonListIncomplete)), edit("a", func(b *v1alpha1.ScopedTokenBinding) {
				b.Spec.ExpiresAt = &metav1.Time{Time: today.Add(time.Minute)}
			})),
			map[string]string{"a": `revoke "DEPLOYMENT_ADMIN" to "" Expired`},
		},
		"UnreachableMissed": {
			"Nor does it say anything of a token that it lacks.",
			func() World {
				w := granted(connection(readyIs(metav1.ConditionUnknown, v1alpha1.ReasonListIncomplete)))
				w.Organizations[acme].Tokens = w.Organizations[acme].Tokens[1:]
				w.Organizations[acme].Missing = map[string]Missing{ci: {}}
				return w
			}(),
			map[string]string{"a": "none Granted"},
		},
		"NeverProven": {
			"Without a credential that was proven once nothing is done.",
			world(declares(on("a")), connection(readyIs(metav1.ConditionUnknown, v1alpha1.ReasonUnreachable), func(c *v1alpha1.AstroConnection) {
				c.Status.CredentialTokenID = ""
			})),
			map[string]string{"a": "blocked ConnectionNotReady"},
		},
		"InUse": {
			"A connection that is being deleted takes nothing new, and changes and revokes what it gave.",
			granted(connection(inUse), edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = deployer }), declares(builders.Binding("b").ForTokenID(ci).OnDeployment(reports))),
			map[string]string{"a": `change "DEPLOYMENT_ADMIN" to "Deploy Only" RoleUpdated`, "b": "blocked ConnectionNotReady"},
		},
		"NewConnection": {
			"One at which nobody has looked yet is taken for ready.",
			world(declares(on("a")), connection(func(c *v1alpha1.AstroConnection) { c.Status = v1alpha1.ConnectionStatus{} })),
			map[string]string{"a": `grant "" to "DEPLOYMENT_ADMIN" Granted`},
		},
		"NotAllowed": {
			"The rules allow another namespace only.",
			world(declares(on("a")), connection(func(c *v1alpha1.AstroConnection) { c.Spec.Allow = []v1alpha1.AllowRule{builders.AllowAll("others")} })),
			map[string]string{"a": "blocked NamespaceNotAllowed"},
		},
		"LabelsNotRead": {
			"What the rules say by labels that could not be read is not known.", world(shared(0), labelsNotRead, through("a", ci, etl), ruled(func(r *v1alpha1.AllowRule) {
				r.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}
			})), map[string]string{"a": "blocked Unreachable"},
		},
		"LabelsNotAsked": {
			"Where no rule asks for labels, that matters to nobody.", world(shared(0), labelsNotRead, through("a", ci, etl)),
			map[string]string{"a": `grant "" to "DEPLOYMENT_ADMIN" Granted`},
		},
		"ImpossibleTarget": {
			"What the rules refuse whatever Astro shows is refused for the same reason as the operator gives, and not for the token.",
			world(declares(builders.Binding("a").ForTokenID("cltk000000000000000nobody").OnDeployment(etl)), connection(func(c *v1alpha1.AstroConnection) {
				rule := builders.AllowAll("team")
				rule.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"team-"}}}
				rule.Targets = []v1alpha1.TargetRule{{DeploymentIDs: []string{"clde0000000000000000other"}}}
				c.Spec.Allow = []v1alpha1.AllowRule{rule}
			})),
			map[string]string{"a": "blocked TargetNotAllowed"},
		},
		"Withdrawn": {
			"Rules that revoke what they no longer allow.",
			granted(connection(func(c *v1alpha1.AstroConnection) {
				c.Spec.Allow, c.Spec.OnWithdrawal = []v1alpha1.AllowRule{builders.AllowAll("others")}, v1alpha1.WithdrawalRevoke
			})),
			map[string]string{"a": `revoke "DEPLOYMENT_ADMIN" to "" NamespaceNotAllowed`},
		},
		"SelfProtected": {
			"The token is the credential of the connection.",
			world(declares(on("a")), connection(func(c *v1alpha1.AstroConnection) { c.Status.CredentialTokenID = ci })),
			map[string]string{"a": "blocked SelfProtected"},
		},
		"Suspended": {"Nothing is done until it is false.", world(declares(on("a").Suspended())), map[string]string{"a": "blocked Suspended"}},
		"Gone": {
			"A token that is proven gone.",
			func() World {
				w := granted()
				w.Organizations[acme].Tokens = w.Organizations[acme].Tokens[1:]
				w.Organizations[acme].Missing = map[string]Missing{ci: {Gone: true}}
				return w
			}(),
			map[string]string{"a": "blocked TokenNotFound"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fails(t, tc.reason, cmp.Diff(tc.want, words(Run(tc.world))))
		})
	}
}

// TestRunLeavesItsWorld: a plan is made of copies.
func TestRunLeavesItsWorld(t *testing.T) {
	build := func() World { return world(holds(etl, deployer), declares(on("a"))) }
	w := build()
	Run(w)
	fails(t, "what was passed in is as before", cmp.Diff(build(), w, cmp.Exporter(func(reflect.Type) bool { return true })))
}
