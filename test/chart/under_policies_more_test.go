package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// ruledBy makes a ClusterAstroConnection whose only rule speaks to such namespaces.
func ruledBy(t *testing.T, name string, namespaces v1alpha1.NamespaceRule) *v1alpha1.ClusterAstroConnection {
	t.Helper()
	rule := builders.AllowAll()
	rule.Namespaces = namespaces
	c := builders.Connection(name).To("https://api.astronomer.io", "clp0a1b2c3d4e5f6g7h8i9j0k").WithSecret("none").Allow(rule).Cluster()
	made(t, c)
	return c
}

// TestPolicyOfRuledNamespaces: a namespace to which no rule speaks makes no binding, and the policy reads rules as the
// operator does.
func TestPolicyOfRuledNamespaces(t *testing.T) {
	inPolicedNamespace(t, "--set", "policies.ruledNamespaces=true")
	kubectl(t, "label", "namespace", policed, "tier=gold", "--overwrite")
	tenant := personOf(t, "edith").with(policed, editor)
	through := func(connection string) *v1alpha1.ScopedTokenBinding {
		return builders.Binding("new").In(policed).ThroughCluster(connection).ForTokenID(anyToken).OnWorkspace(workspace).WithRole("WORKSPACE_MEMBER").Object()
	}
	matching := func(labels map[string]string, expressions ...metav1.LabelSelectorRequirement) v1alpha1.NamespaceRule {
		return v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: labels, MatchExpressions: expressions}}
	}
	expression := func(key string, operator metav1.LabelSelectorOperator, values ...string) metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: values}
	}
	gold := map[string]string{"tier": "gold"}
	cases := map[string]struct {
		reason string
		rule   v1alpha1.NamespaceRule
		want   bool
	}{
		"name":          {"It is named.", v1alpha1.NamespaceRule{Names: []string{"other", policed}}, true},
		"every-name":    {"Every namespace is.", v1alpha1.NamespaceRule{Names: []string{"*"}}, true},
		"another-name":  {"Another one is.", v1alpha1.NamespaceRule{Names: []string{"other"}}, false},
		"label":         {"It has the label.", matching(gold), true},
		"another-label": {"It has it with another value.", matching(map[string]string{"tier": "silver"}), false},
		"two-labels":    {"It has one of the two.", matching(map[string]string{"tier": "gold", "team": "x"}), false},
		"in":            {"One of the values.", matching(nil, expression("tier", metav1.LabelSelectorOpIn, "silver", "gold")), true},
		"not-in-any":    {"None of the values.", matching(nil, expression("tier", metav1.LabelSelectorOpIn, "silver")), false},
		"in-no-label":   {"No such label.", matching(nil, expression("team", metav1.LabelSelectorOpIn, "x")), false},
		"not-in":        {"No such label, so none of the values.", matching(nil, expression("team", metav1.LabelSelectorOpNotIn, "x")), true},
		"but-in":        {"One of the values that it must not have.", matching(nil, expression("tier", metav1.LabelSelectorOpNotIn, "gold")), false},
		"exists":        {"It has the label.", matching(nil, expression("tier", metav1.LabelSelectorOpExists)), true},
		"exists-not":    {"It has no such label.", matching(nil, expression("team", metav1.LabelSelectorOpExists)), false},
		"no-label":      {"It has none, as it must.", matching(nil, expression("team", metav1.LabelSelectorOpDoesNotExist)), true},
		"but-a-label":   {"It has one.", matching(nil, expression("tier", metav1.LabelSelectorOpDoesNotExist)), false},
		"both":          {"Labels and expressions, of which one does not hold.", matching(gold, expression("team", metav1.LabelSelectorOpExists)), false},
	}
	const none = `allows namespace "policed" anything: ask the owner`
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ruledBy(t, "ruled-"+name, c.rule)
			here := person{t, tenant.kube, tenant.name}
			if c.want {
				here.may("bind: "+c.reason, create(through("ruled-"+name)))
			} else {
				here.mayNot("bind: "+c.reason, none, create(through("ruled-"+name)))
			}
		})
	}
	t.Run("Edit", func(t *testing.T) {
		there := through("ruled-withdrawn")
		connection := ruledBy(t, "ruled-withdrawn", v1alpha1.NamespaceRule{Names: []string{policed}})
		made(t, there)
		connection.Spec.Allow[0].Namespaces.Names = []string{"other"}
		if err := kube.Update(t.Context(), connection); err != nil {
			t.Fatal(err)
		}
		here := person{t, tenant.kube, tenant.name}
		again := through("ruled-withdrawn")
		again.Name = "again"
		here.mayNot("bind once the rule is gone", none, create(again))
		here.may("edit what is there all the same", patch(there, `{"spec":{"suspend":true}}`))
	})
	tenant.may("bind through a connection that is not there yet", create(through("ruled-by-nobody")))
	tenant.may("bind through a connection of the namespace", create(bound("new")))
}

// TestPolicyOfExplicitKeys: what means the most if it is left out is written out.
func TestPolicyOfExplicitKeys(t *testing.T) {
	inPolicedNamespace(t, "--set", "policies.explicitKeys=true")
	tenant, ada := personOf(t, "edith").with(policed, editor), personOf(t, "ada").with(policed, owner, edits)
	on := builders.Binding("new").In(policed).Through("acme").ForTokenID(anyToken).OnDeployment("cld0a1b2c3d4e5f6g7h8i9j0k")
	tenant.mayNot("bind without a role", "spec.role is left out, which means DEPLOYMENT_ADMIN", create(on.Object()))
	tenant.may("bind with one", create(on.WithRole("DEPLOYMENT_ADMIN").Object()))
	made(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: policed, Name: "explicit"}})
	open := connected("explicit", "explicit")
	ada.mayNot("connect without rules", "spec.allow is left out", create(open))
	rule := builders.AllowAll()
	rule.Namespaces = v1alpha1.NamespaceRule{Names: []string{policed}}
	ruled := connected("explicit", "explicit")
	ruled.Spec.Allow = []v1alpha1.AllowRule{rule}
	ada.may("connect with rules", create(ruled))
}

// TestOptionalPolicies: verbs that are asked for where the values say so.
func TestOptionalPolicies(t *testing.T) {
	inPolicedNamespace(t, "--set", "policies.bindVerb=true,policies.retainVerb=true,policies.futureExpiry=true")
	group := v1alpha1.GroupVersion.Group
	binds := roleOf(t, "binds", group, "astroconnections,clusterastroconnections", "bind")
	retains := roleOf(t, "retains", group, "scopedtokenbindings", "retain")
	tenant := personOf(t, "edith").with(policed, editor)
	binder := personOf(t, "bert").with(policed, editor, binds)
	retainer := personOf(t, "rita").with(policed, editor, binds, retains)
	there, kept := bound("there"), builders.Binding("kept").In(policed).Through("acme").ForTokenID(anyToken).OnWorkspace(workspace).WithRole("WORKSPACE_MEMBER").Retain().Object()
	made(t, there)
	made(t, kept)
	const bind, retain = "takes the verb bind on it", "takes the verb retain"
	tenant.mayNot("bind", bind, create(bound("new")))
	tenant.mayNot("edit a binding", bind, patch(there, `{"spec":{"role":"WORKSPACE_OWNER"}}`))
	tenant.may("ask for a look", patch(there, `{"metadata":{"annotations":{"astro.scopedtoken.dev/requestedAt":"now"}}}`))
	for _, key := range []string{v1alpha1.AnnotationConfirmToken, v1alpha1.AnnotationConfirmTarget, v1alpha1.AnnotationConfirmUndeclared} {
		confirm := `{"metadata":{"annotations":{"` + key + `":"` + anyToken + `"}}}`
		tenant.mayNot("confirm what is found", bind, patch(there, confirm))
		binder.may("confirm what is found", patch(there, confirm))
	}
	binder.may("bind", create(bound("new")))
	binder.may("edit a binding", patch(there, `{"spec":{"role":"WORKSPACE_OWNER"}}`))
	leaving := map[string]string{
		"Retain":  `{"spec":{"deletionPolicy":"Retain"}}`,
		"release": `{"metadata":{"annotations":{"astro.scopedtoken.dev/release":"true"}}}`,
		"Observe": `{"spec":{"mode":"Observe"}}`,
		"suspend": `{"spec":{"suspend":true}}`,
	}
	for what, text := range leaving {
		binder.mayNot(what, retain, patch(there, text))
		retainer.may(what, patch(there, text))
	}
	another := bound("another")
	another.Spec.DeletionPolicy = v1alpha1.DeletionRetain
	binder.mayNot("make one that is retained", retain, create(another))
	binder.may("edit one that is retained already", patch(kept, `{"spec":{"role":"WORKSPACE_OWNER"}}`))
	binder.may("have it revoked", patch(kept, `{"spec":{"deletionPolicy":"Revoke"}}`))
	binder.may("have it as its connection says", patch(kept, `{"spec":{"deletionPolicy":null}}`))
	revoked := bound("revoked")
	revoked.Spec.DeletionPolicy = v1alpha1.DeletionRevoke
	made(t, revoked)
	binder.mayNot("have another as its connection says, which may be Retain", retain+" on scopedtokenbindings", patch(revoked, `{"spec":{"deletionPolicy":null}}`))
	retainer.may("have another as its connection says", patch(revoked, `{"spec":{"deletionPolicy":null}}`))
	binder.may("edit one that is revoked", patch(revoked, `{"spec":{"role":"WORKSPACE_OWNER"}}`))

	late, timely := bound("late"), bound("timely")
	late.Spec.ExpiresAt, timely.Spec.ExpiresAt = new(metav1.NewTime(time.Now().Add(-time.Minute))), new(metav1.NewTime(time.Now().Add(time.Hour)))
	binder.mayNot("make one that is over", "spec.expiresAt has passed already", create(late))
	binder.may("make one that ends later", create(timely))
	binder.may("have one end that is there", patch(kept, `{"spec":{"expiresAt":"2026-01-01T00:00:00Z"}}`))
}

// TestPolicyOfRetainingConnections: what a connection says of all bindings that name no deletionPolicy takes the verb as well, and so
// does to stop what it writes, which suspends all of them.
func TestPolicyOfRetainingConnections(t *testing.T) {
	inPolicedNamespace(t, "--set", "policies.retainVerb=true")
	ada := personOf(t, "ada").with(policed, owner, edits)
	retainer := personOf(t, "rita").with(policed, owner, edits, roleOf(t, "retains-connected", v1alpha1.GroupVersion.Group, "astroconnections", "retain"))
	revokes, retains, another := connected("revokes", "none"), connected("retains", "none"), connected("another", "none")
	retains.Spec.DeletionPolicy, another.Spec.DeletionPolicy = v1alpha1.DeletionRetain, v1alpha1.DeletionRetain
	observing := connected("observing", "none")
	observing.Spec.Mode = v1alpha1.ModeObserve
	made(t, revokes)
	made(t, retains)
	const (
		verb    = "takes the verb retain on astroconnections"
		retain  = `{"spec":{"deletionPolicy":"Retain"}}`
		observe = `{"spec":{"mode":"Observe"}}`
	)
	ada.mayNot("have a connection retain what its bindings hold", verb, patch(revokes, retain))
	ada.mayNot("make a connection that retains", verb, create(another))
	ada.may("make one that revokes", create(connected("another", "none")))
	ada.may("edit one that retains already", patch(retains, `{"spec":{"sweepInterval":"1h"}}`))
	ada.may("have it revoke", patch(retains, `{"spec":{"deletionPolicy":"Revoke"}}`))
	ada.mayNot("have one observe, through which nothing is revoked", verb, patch(revokes, observe))
	ada.may("make one that observes, through which nothing is held yet", create(observing))
	retainer.may("have one observe", patch(revokes, observe))
	ada.may("edit one that observes already", patch(revokes, `{"spec":{"sweepInterval":"2h"}}`))
	ada.may("have it enforce", patch(revokes, `{"spec":{"mode":"Enforce"}}`))
	retainer.may("have a connection retain what its bindings hold", patch(revokes, retain))
	retainer.may("make a connection that retains", create(another))
}

// TestPoliciesOfAnOverlay: an overlay that changes namespace and names, and repeats what config/default says of the account,
// has policies that know its operator.
func TestPoliciesOfAnOverlay(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(env.Root, "config"))); err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile(filepath.Join(folder, "default", "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, replacements, found := strings.Cut(string(base), "\nreplacements:")
	if !found {
		t.Fatal("config/default has no replacements")
	}
	overlay := filepath.Join(folder, "overlay")
	if err := os.Mkdir(overlay, 0o700); err != nil {
		t.Fatal(err)
	}
	content := "resources: [../default]\nnamePrefix: dev-\nnamespace: astro\nreplacements:" + replacements
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	got := text(t, of(kustomize(t, overlay), "ValidatingAdmissionPolicy"))
	if n := strings.Count(got, "'astro'' + '':'' + ''dev-scopedtoken-controller-manager'"); n != 2 {
		t.Errorf("want the account in two policies, got %d in:\n%s", n, got)
	}
}
