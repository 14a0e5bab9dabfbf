package stories

import (
	"cmp"
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// connectCluster makes ClusterAstroConnections with one Secret in the operator's namespace, each named like the story
// with an ending of its own, and returns their names.
func (w *world) connectCluster(rules map[string][]v1alpha1.AllowRule) map[string]string {
	GinkgoHelper()
	w.apply(builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.operator)))
	names := map[string]string{}
	for ending, allow := range rules {
		names[ending] = w.namespace + "-" + ending
		w.apply(w.connection(names[ending]).Allow(allow...).Cluster())
	}
	for _, name := range names {
		Eventually(func() string {
			c := &v1alpha1.ClusterAstroConnection{}
			Expect(kube.Get(w.ctx, client.ObjectKey{Name: name}, c)).To(Succeed())
			return readiness(c.Status.Conditions)
		}).Should(Equal("True/Connected"))
	}
	return names
}

// rule is one that allows the first namespace one thing of each kind, but for what is changed.
func (w *world) rule(change func(*v1alpha1.AllowRule)) v1alpha1.AllowRule {
	r := v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{w.namespace}},
		Tokens: []v1alpha1.TokenRule{
			{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"team-"}}, {Scope: v1alpha1.ScopeWorkspace, WorkspaceIDs: []string{w.data}},
		},
		Targets: []v1alpha1.TargetRule{{WorkspaceIDs: []string{w.data}}},
		Roles:   []string{"WORKSPACE_MEMBER", "DEPLOYMENT_ADMIN"},
	}
	change(&r)
	return r
}

// secretive is what nobody may read in a status who is not allowed the token or the target.
const secretive = "the crown jewels"

var _ = Describe("Rules of a ClusterAstroConnection", func() {
	It("refuse at each stage, and tell nobody what is there", func(ctx context.Context) {
		w := emptyWorld(ctx)
		hidden := w.sim.AddOrganizationToken(w.org, "hidden", "ORGANIZATION_MEMBER", astrosim.Description(secretive), astrosim.CreatedBy(secretive))
		team := w.sim.AddOrganizationToken(w.org, "team-ci", "ORGANIZATION_MEMBER", astrosim.Description(secretive))
		w.start()
		names := w.connectCluster(map[string][]v1alpha1.AllowRule{
			"mute":      nil,
			"elsewhere": {w.rule(func(r *v1alpha1.AllowRule) { r.Namespaces.Names = []string{"somewhere-else"} })},
			"narrow":    {w.rule(func(*v1alpha1.AllowRule) {})},
		})
		bind := func(name, through string) *builders.BindingBuilder {
			return builders.Binding(name).ThroughCluster(names[through])
		}
		const ask = "ask the owner of the connection"
		w.unwritten(func() {
			member := "WORKSPACE_MEMBER"
			w.alike(v1alpha1.ReasonNamespaceNotAllowed, []string{names["mute"], w.namespace, ask},
				bind("mute", "mute").ForTokenID(team).OnWorkspace(w.data).WithRole(member),
				bind("mute-no-token", "mute").ForToken("nobody").OnWorkspace(w.data).WithRole(member),
				bind("mute-no-target", "mute").ForTokenID(team).OnWorkspace(nobody).WithRole(member),
				bind("mute-observes", "mute").ForTokenID(team).OnWorkspace(w.data).WithRole(member).Observe(),
			)
			w.alike(v1alpha1.ReasonNamespaceNotAllowed, []string{names["elsewhere"], w.namespace, ask},
				bind("elsewhere", "elsewhere").ForToken("team-ci").OnWorkspace(w.data).WithRole(member),
				bind("elsewhere-no-token", "elsewhere").ForTokenID(nobody).OnWorkspace(w.data).WithRole(member),
			)
			w.alike(v1alpha1.ReasonTokenNotAllowed, []string{names["narrow"], "this token", ask},
				bind("token-name", "narrow").ForToken("hidden").OnWorkspace(w.data).WithRole(member),
				bind("token-id", "narrow").ForTokenID(hidden).OnWorkspace(w.data).WithRole(member),
				bind("token-self", "narrow").ForTokenID(w.operator).OnWorkspace(w.data).WithRole(member),
				bind("token-no-name", "narrow").ForToken("nobody").OnWorkspace(w.data).WithRole(member),
				bind("token-no-id", "narrow").ForTokenID(nobody).OnWorkspace(w.data).WithRole(member),
				bind("token-other-home", "narrow").ForWorkspaceToken(w.science, "nobody").OnDeployment(w.etl),
			)
			w.alike(v1alpha1.ReasonTargetNotAllowed, []string{names["narrow"], "this Workspace", ask},
				bind("token-no-target", "narrow").ForTokenID(hidden).OnWorkspace(nobody).WithRole(member),
				bind("nothing", "narrow").ForTokenID(nobody).OnWorkspace(nobody).WithRole(member),
				bind("no-target", "narrow").ForTokenID(team).OnWorkspace(nobody).WithRole(member),
			)
			w.alike(v1alpha1.ReasonTargetNotAllowed, []string{names["narrow"], "this Deployment", ask},
				bind("target-id", "narrow").ForTokenID(team).OnDeployment(w.models),
				bind("target-name", "narrow").ForToken("team-ci").OnDeploymentNamed(w.science, "models"),
				bind("target-no-id", "narrow").ForTokenID(team).OnDeployment(nobody),
				bind("target-no-name", "narrow").ForToken("team-ci").OnDeploymentNamed(w.science, "nothing"),
				bind("target-no-token", "narrow").ForToken("team-nobody").OnDeployment(w.models),
			)
			w.alike(v1alpha1.ReasonRoleNotAllowed, []string{names["narrow"], "WORKSPACE_OWNER", ask},
				bind("role", "narrow").ForTokenID(team).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
				bind("role-no-token", "narrow").ForToken("team-nobody").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"),
				bind("role-no-target", "narrow").ForToken("team-ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_OWNER"),
			)
		})
		w.bind(bind("allowed", "narrow").ForToken("team-ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "allowed")
		Expect(w.binding("allowed").Status.Token.Description).To(Equal(secretive), "whom the rules allow the token may read of it")
	})
})

var _ = Describe("A ClusterAstroConnection", func() {
	It("takes its credential from the operator's namespace only", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		w.apply(builders.Secret(w.namespace, builders.SecretName, w.sim.Credential(w.operator)))
		name := w.namespace + "-lost"
		w.apply(w.connection(name).Allow(builders.AllowAll("*")).Cluster())
		c := &v1alpha1.ClusterAstroConnection{}
		Eventually(func() string {
			Expect(kube.Get(w.ctx, client.ObjectKey{Name: name}, c)).To(Succeed())
			return readiness(c.Status.Conditions)
		}).Should(Equal("False/SecretNotFound"))
		Expect(meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady).Message).To(ContainSubstring(w.system + "/" + builders.SecretName))
		Expect(w.sim.Counts().Total).To(BeZero(), "the Secret of another namespace is not even tried")
	})
})

var _ = Describe("A rule of an AstroConnection", func() {
	It("speaks to its namespace by labels as well", func(ctx context.Context) {
		w := newWorld(ctx)
		allow := func(value string) {
			w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
				rule := builders.AllowAll()
				rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{storyLabel: value}}}
				c.Spec.Allow = []v1alpha1.AllowRule{rule}
			})
		}
		allow("another")
		w.waitIdle()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.refused("b", v1alpha1.ReasonNamespaceNotAllowed)
		w.take("i", v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: builders.ConnectionName},
			v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(w.data)})
		Eventually(w.inventory("i")).Should(Equal("False/NamespaceNotAllowed"))
		allow(w.namespace)
		w.expect("True/Granted", "b")
		Eventually(w.inventory("i")).Should(Equal("True/Listed"))
	})
})

// alike makes bindings that are refused, and checks that nobody learns from the answers which of the tokens and targets
// are there.
func (w *world) alike(reason string, says []string, bindings ...interface {
	Object() *v1alpha1.ScopedTokenBinding
}) {
	GinkgoHelper()
	for _, b := range bindings {
		o := b.Object()
		o.Namespace = w.namespace
		w.apply(o)
	}
	messages := map[string]string{}
	for _, b := range bindings {
		name := b.Object().Name
		w.refused(name, reason, says...)
		got := w.binding(name)
		Expect(got.Finalizers).To(BeEmpty(), name)
		spec, s := got.Spec, got.Status
		Expect(s.Token).To(Equal(v1alpha1.BoundToken{Name: spec.Token.Name, Scope: spec.Token.Scope}), "what the user wrote, %s", name)
		Expect([]string{s.Role, s.PlannedChange}).To(HaveEach(""), name)
		if reason != v1alpha1.ReasonTokenNotFound {
			Expect(s.Target).To(Equal(v1alpha1.BoundTarget{Kind: spec.Target.Kind, Name: spec.Target.Name}), name)
		}
		messages[strings.ReplaceAll(w.message(name), cmp.Or(string(spec.Token.ID), spec.Token.Name), "TOKEN")] = name
	}
	Expect(messages).To(HaveLen(1), "%q", messages)
}
