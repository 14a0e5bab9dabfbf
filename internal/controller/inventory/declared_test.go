package inventory

import (
	"encoding/json"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
)

var _ = Describe("A binding of another namespace", func() {
	It("is named by an inventory only where the rules of the binding's own connection would show it", func(ctx SpecContext) {
		s := newStory(ctx)
		admin := astrosim.Roles(astrosim.DeploymentRole(s.deployment, "DEPLOYMENT_ADMIN"))
		ci := s.sim.AddOrganizationToken(s.org, "ci", "ORGANIZATION_MEMBER", admin)
		secret := s.namespace + "-secret-team"
		Expect(kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: secret}})).To(Succeed())
		bindings := s.rule(false, s.workspace)
		bindings.Namespaces.Names = []string{secret}
		s.shared(bindings)
		theirs := s.bindIn(secret, "codename", ci)
		s.claim(theirs, ci, theirs.UID)

		cluster := s.conn
		s.connected() // without rules, by whoever may make one in a namespace of theirs
		i := s.inventory("prod", s.named("prod-etl"))
		Expect(s.expect(i, "Ready", "True/Listed")).To(Equal(`1 token(s) hold a role on Deployment "prod-etl", 0 of them undeclared`))
		declaredBy := func() string { return s.get(i).Status.Tokens[0].DeclaredBy }
		Expect(declaredBy()).To(Equal("another namespace"))
		Expect(json.Marshal(i)).NotTo(Or(ContainSubstring(secret), ContainSubstring("codename")))

		s.conn = cluster
		shown := s.rule(true, s.workspace)
		s.allow(bindings, shown)
		Eventually(declaredBy).Should(Equal(secret+"/codename"), "an inventory through that connection shows it too")
		s.allow(bindings)
		Eventually(declaredBy).Should(Equal("another namespace"))
		Expect(i.Status.Undeclared).To(BeZero())

		shown.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "audit"}}}
		s.allow(bindings, shown)
		label := func(value string) {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}}
			Expect(kube.Patch(ctx, namespace, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"team":"`+value+`"}}}`)))).To(Succeed())
		}
		label("audit")
		Eventually(declaredBy).Should(Equal(secret + "/codename"))
		label("other")
		Eventually(declaredBy).Should(Equal("another namespace"))
	})
})

// TestBefore: of several bindings that declare a role, the first by name is told of those that may be named.
func TestBefore(t *testing.T) {
	const hidden = v1alpha1.DeclaredByAnother
	for name, c := range map[string]struct{ a, b, want string }{
		"First":       {"", "team/a", "team/a"},
		"FirstHidden": {"", hidden, hidden},
		"ByName":      {"team/b", "team/a", "team/a"},
		"Before":      {"team/a", "team/b", "team/a"},
		"Named":       {hidden, "team/a", "team/a"},
		"NotHidden":   {"team/a", hidden, "team/a"},
		"BothHidden":  {hidden, hidden, hidden},
		"LateName":    {hidden, "zz/a", "zz/a"},
	} {
		if got := before(c.a, c.b); got != c.want {
			t.Errorf("%s: want %q, got %q", name, c.want, got)
		}
	}
}

// TestSpeakers: what keeps a role from being removed is named as far as the rules of its own connection let the inventory know, and
// keeps it all the same.
func TestSpeakers(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	data := v1alpha1.BoundTarget{Kind: v1alpha1.TargetWorkspace, ID: "w1"}
	all := []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}}
	showing := &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: "showing"}}
	showing.Spec.Allow = []v1alpha1.AllowRule{{Namespaces: v1alpha1.NamespaceRule{Names: []string{"team"}}, Targets: all, Inventory: true}}
	silent := &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: "silent"}}
	mine := &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "mine"}}
	mine.Spec.Allow = []v1alpha1.AllowRule{{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{"team"}}, Targets: all, Inventory: true, RemoveUndeclared: true,
	}}
	speaking := func(namespace, name, through string) *v1alpha1.ScopedTokenBinding {
		b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		b.Spec.ConnectionRef = v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: through}
		b.Spec.Token, b.Spec.Target = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, ID: "t1"}, v1alpha1.TargetReference{Kind: data.Kind, ID: "w1"}
		return b
	}
	for name, c := range map[string]struct {
		reason   string
		bindings []client.Object
		want     string
	}{
		"None":   {"Nobody speaks of it.", nil, ""},
		"Own":    {"Of the own namespace.", []client.Object{speaking("team", "b", "silent")}, "ScopedTokenBinding team/b"},
		"Shown":  {"Its connection would show it.", []client.Object{speaking("other", "b", "showing")}, "ScopedTokenBinding other/b"},
		"Hidden": {"Its connection would not, whatever the inventory's own does.", []client.Object{speaking("other", "b", "silent")}, "a ScopedTokenBinding of another namespace"},
		"Both":   {"Who may be named comes first.", []client.Object{speaking("a", "a", "silent"), speaking("team", "b", "silent")}, "ScopedTokenBinding team/b"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{
				Client:   fake.NewClientBuilder().WithScheme(scheme).WithObjects(append(c.bindings, showing, silent, mine)...).Build(),
				Registry: connection.NewRegistry(), Remover: underWay{},
			}
			p, err := r.protection(t.Context(), connection.Handle{Key: connection.KeyOf(mine), Object: mine}, policy.Subject{Namespace: "team"}, data)
			if err != nil {
				t.Fatal(err)
			}
			token := madeByHand()
			if got := p.speaker(&token); got != c.want {
				t.Errorf("%s\nwant %q, got %q", c.reason, c.want, got)
			}
		})
	}
}
