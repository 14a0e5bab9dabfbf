package stories

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A ClusterAstroConnection whose listing is no evidence tells its tenants so, and not", func() {
	doubts := map[string]struct {
		lose   func(w *world, tokens []string)
		secret func(w *world, tokens []string) []string
		says   string // of the connection
	}{
		"which tokens others have bound, nor how many": {
			lose: func(w *world, tokens []string) {
				for _, id := range append(tokens, w.ci) {
					w.sim.DeleteToken(id)
				}
			},
			secret: func(_ *world, tokens []string) []string { return append(tokens, "6 of the 6") },
			says:   "6 of the 6 tokens that bindings hold a role of are not listed",
		},
		"which roles the operator's own token has": {
			lose: func(w *world, _ []string) {
				w.sim.GrantRole(w.operator, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR") // by which it still sees the Deployment
				w.sim.DowngradeCredential(w.operator, "ORGANIZATION_MEMBER")
				w.sim.DeleteToken(w.ci)
			},
			secret: func(w *world, tokens []string) []string {
				return append(tokens, w.org, w.data, "ORGANIZATION_", "WORKSPACE_")
			},
			says: "the roles of the connection's own token have changed",
		},
	}
	for name, tc := range doubts {
		It(name, func(ctx context.Context) {
			w := emptyWorld(ctx)
			tokens := w.tokens(5)
			w.start()
			narrow := v1alpha1.AllowRule{
				Namespaces: v1alpha1.NamespaceRule{Names: []string{w.other}},
				Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{w.ci}}},
				Targets:    []v1alpha1.TargetRule{{DeploymentIDs: []string{w.etl}}},
				Roles:      []string{"DEPLOYMENT_ADMIN"},
				Inventory:  true,
			}
			cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.namespace), narrow}})["shared"]
			b := w.other + "/b"
			w.bind(builders.Binding("b").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
			for i, id := range tokens {
				w.bind(builders.Binding(fmt.Sprint("a-", i)).ThroughCluster(cluster).ForTokenID(id).OnDeployment(w.models))
				w.expect("True/Granted", fmt.Sprint("a-", i))
			}
			w.expect("True/Granted", b)
			through := v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: cluster}
			w.takeIn(w.other, "inv", through, v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, ID: v1alpha1.AstroID(w.etl)})
			w.waitIdle()

			tc.lose(w, tokens)
			w.restart()
			w.delete(b)
			w.expect("Unknown/ListIncomplete", b)
			told := func() (conditions []metav1.Condition) {
				i, key := &v1alpha1.TargetInventory{}, client.ObjectKey{Namespace: w.other, Name: "inv"}
				Expect(w.kube.Get(w.ctx, key, i)).To(Succeed())
				return i.Status.Conditions
			}
			Eventually(func() string { return readiness(told()) }).Should(Equal("Unknown/ListIncomplete"))
			status := "the status of ClusterAstroConnection " + cluster + " says why"
			Expect(w.message(b)).To(ContainSubstring(status))
			Expect(meta.FindStatusCondition(told(), v1alpha1.ConditionReady).Message).To(ContainSubstring(status))
			for _, c := range append(told(), w.binding(b).Status.Conditions...) {
				for _, secret := range tc.secret(w, tokens) {
					Expect(c.Message).NotTo(ContainSubstring(secret))
				}
			}
			var c v1alpha1.ClusterAstroConnection
			Eventually(func() string {
				Expect(w.kube.Get(w.ctx, client.ObjectKey{Name: cluster}, &c)).To(Succeed())
				return meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady).Message
			}).Should(ContainSubstring(tc.says))
		})
	}
})
