package index

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

func TestValues(t *testing.T) {
	binding := &v1alpha1.ScopedTokenBinding{}
	binding.Namespace = "data"
	binding.Spec.ConnectionRef.Name = "acme"
	binding.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: "prod"}
	found := binding.DeepCopy()
	found.Spec.ConnectionRef.Kind = v1alpha1.KindClusterAstroConnection
	found.Status.Target.ID = "clx1"
	upToDate := binding.DeepCopy()
	upToDate.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	inventory := &v1alpha1.TargetInventory{Spec: v1alpha1.TargetInventorySpec{Target: v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: "clw1"}}}

	cases := map[string]struct {
		reason string
		values client.IndexerFunc
		object client.Object
		want   []string
	}{
		"OwnConnection":     {"A reference without a kind is to a connection of the namespace.", of(bindingConnection), binding, []string{"AstroConnection/data/acme"}},
		"ClusterConnection": {"A cluster connection has no namespace.", of(bindingConnection), found, []string{"ClusterAstroConnection//acme"}},
		"NotReady":          {"One that is not Ready is looked at with each sweep.", of(bindingNotReady), binding, []string{"AstroConnection/data/acme"}},
		"UpToDate":          {"One that is Ready is not.", of(bindingNotReady), upToDate, nil},
		"TargetByName":      {"A target that is only spelled is not found.", of(bindingTarget), binding, nil},
		"TargetFound":       {"A target that was found is.", of(bindingTarget), found, []string{"Deployment/clx1"}},
		"InventoryTarget":   {"A declared id needs no status.", of(inventoryTarget), inventory, []string{"Workspace/clw1"}},
		"AnotherKind":       {"An object of another kind has no value.", of(inventoryTarget), binding, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.values(tc.object)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
