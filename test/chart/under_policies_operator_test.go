package chart

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// TestOperatorUnderPolicies: with every policy in force, and under its own account, the operator does all that it has to do
// for a binding's life, and is refused nothing.
func TestOperatorUnderPolicies(t *testing.T) {
	a := newAstro(t)
	inNamespaces(t, "governed")
	releaseIn(t, "operator-governed", a, "secretNamespaces={governed},labelledSecrets=true")
	withPolicies(t, "operator-governed", "--set", "policies.bindVerb=true,policies.retainVerb=true,policies.futureExpiry=true")
	personOf(t, "nobody").with("governed", editor).mayNot("edit", "the verb bind", create(inventory("x", "governed", a)))
	o := start(t, "operator-governed")
	n := &tenant{t, a, "governed"}
	cluster := clusterConnection(t, a, "governed", o.account.Namespace)
	n.create(builders.Secret(n.namespace, "acme", a.Credential(a.owner("acme"))))
	for namespace, name := range map[string]string{o.account.Namespace: "governed", n.namespace: "acme"} {
		kubectl(t, "-n", namespace, "label", "secret", name, v1alpha1.LabelCredential+"=true") // the operator uses no others
	}
	n.create(n.connection("acme", 5*time.Second).In(n.namespace).Object())
	for _, name := range []string{"edited", "suspended", "observed", "released", "drifted"} {
		n.bind(name, through("acme"))
	}
	n.bind("shared", throughCluster("governed"))
	n.create(inventory("data", n.namespace, a))
	binding := func() *v1alpha1.ScopedTokenBinding { return &v1alpha1.ScopedTokenBinding{} }
	for _, name := range []string{"edited", "suspended", "observed", "released", "drifted", "shared"} {
		n.expect(binding(), name, "True/Granted")
	}
	n.expect(&v1alpha1.TargetInventory{}, "data", "True/Listed")

	n.change("edited", `{"spec":{"role":"WORKSPACE_OWNER"}}`)
	n.expect(binding(), "edited", "True/RoleUpdated")
	n.change("suspended", `{"spec":{"suspend":true}}`)
	n.expect(binding(), "suspended", "False/Suspended")
	n.change("observed", `{"spec":{"mode":"Observe"}}`)
	n.expect(binding(), "observed", "True/InSync")
	n.change("released", `{"metadata":{"annotations":{"astro.scopedtoken.dev/release":"true"}}}`)
	a.RevokeRole(n.token("drifted"), "WORKSPACE", a.workspace)
	n.expect(binding(), "drifted", "True/DriftCorrected")
	next := a.owner("next")
	n.replaceSecret("acme", a.Credential(next))
	kubectl(t, "-n", n.namespace, "label", "--overwrite", "secret", "acme", v1alpha1.LabelCredential+"=true")
	n.worksWith("acme", next)
	n.leave()
	for name, want := range map[string]string{"edited": "", "suspended": "", "drifted": "", "shared": "", "observed": "WORKSPACE_MEMBER", "released": "WORKSPACE_MEMBER"} {
		if got := n.role(name); got != want {
			t.Errorf("the role of %s: want %q, got %q", name, want, got)
		}
	}
	remove(t, cluster)
	for _, r := range requestsOf(t, o.account) {
		if code := r.ResponseStatus.Code; code == 403 || code == 422 {
			t.Errorf("the operator is refused: %s %s: %d", r.Verb, r.RequestURI, code)
		}
	}
}

// change edits a binding as its user does.
func (n *tenant) change(name, text string) {
	n.t.Helper()
	o := &v1alpha1.ScopedTokenBinding{}
	o.Namespace, o.Name = n.namespace, name
	if err := kube.Patch(n.t.Context(), o, client.RawPatch(types.MergePatchType, []byte(text))); err != nil {
		n.t.Fatal(err)
	}
}
