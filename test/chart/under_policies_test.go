package chart

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

const (
	policed  = "policed"
	restorer = "system:serviceaccount:velero:velero"

	anyToken  = "clt0a1b2c3d4e5f6g7h8i9j0k"
	workspace = "clw0a1b2c3d4e5f6g7h8i9j0k"
)

// the shipped roles, and those of Kubernetes' own from which a namespace's admin is made.
const (
	editor = release + "-scopedtokenbinding-editor-role"
	owner  = release + "-scopedtokenbinding-admin-role"
	edits  = "system:aggregate-to-edit"
)

// withPolicies has the chart's policies in force, as of a release in the namespace, until the test ends.
func withPolicies(t *testing.T, namespace string, flags ...string) {
	t.Helper()
	out, err := helm(t, append([]string{"template", release, "config/chart", "--namespace", namespace, "--show-only", "templates/policies.yaml"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policies.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "--server-side", "--validate=strict", "-f", file)
	t.Cleanup(func() {
		kubectl(t, "delete", "-f", file)
		o := bound("probe")
		o.Namespace, o.Finalizers = metav1.NamespaceDefault, []string{v1alpha1.FinalizerRevoke}
		eventually(t, "the policies are no longer in force", func() string {
			if err := create(o)(t, kube); err != nil {
				return err.Error()
			}
			return ""
		})
	})
}

// inPolicedNamespace installs the operator's roles and the policies.
func inPolicedNamespace(t *testing.T, flags ...string) (operator string) {
	t.Helper()
	inNamespaces(t, policed)
	releaseIn(t, "operator-policed", newAstro(t), "")
	withPolicies(t, "operator-policed", append(flags, "--set", "policies.restorers={"+restorer+"}")...)
	return "system:serviceaccount:operator-policed:" + release + "-controller-manager"
}

// bound is a binding through a connection of its namespace that need not be there.
func bound(name string) *v1alpha1.ScopedTokenBinding {
	return builders.Binding(name).In(policed).Through("acme").ForTokenID(anyToken).OnWorkspace(workspace).WithRole("WORKSPACE_MEMBER").Object()
}

func connected(name, secret string) *v1alpha1.AstroConnection {
	return builders.Connection(name).In(policed).To("https://api.astronomer.io", "clp0a1b2c3d4e5f6g7h8i9j0k").WithSecret(secret).Object()
}

// TestPoliciesOfTheOperator: finalizers and status are the operator's and the restorers', and the operator changes nothing
// else.
func TestPoliciesOfTheOperator(t *testing.T) {
	account := inPolicedNamespace(t)
	const (
		finalizers = "the finalizers of astro.scopedtoken.dev are the operator's"
		status     = "the status of astro.scopedtoken.dev is the operator's"
		confined   = "the operator writes finalizers and status, and nothing else"
		add        = `{"metadata":{"finalizers":["astro.scopedtoken.dev/revoke"]}}`
		strip      = `{"metadata":{"finalizers":null}}`
		claim      = `{"status":{"role":"WORKSPACE_OWNER"}}`
	)
	plain, held, going, owned := bound("plain"), bound("held"), bound("going"), bound("owned")
	made(t, plain)
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "0b7d4c1e-5a3f-4e0a-9b6d-2f8c1a7e3d50"}}
	made(t, owned)
	velero := personOf(t, restorer).with("", "cluster-admin")
	for _, o := range []*v1alpha1.ScopedTokenBinding{held, going} {
		made(t, o)
		velero.may("write finalizers", patch(o, add))
		body := client.RawPatch("application/merge-patch+json", []byte(add))
		if err := velero.kube.Patch(t.Context(), o, body); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // the clean-up of made waits for nobody
			_ = velero.kube.Patch(context.WithoutCancel(t.Context()), o, client.RawPatch("application/merge-patch+json", []byte(strip)))
		})
	}
	if err := kube.Delete(t.Context(), going); err != nil {
		t.Fatal(err)
	}
	finalized, connection := bound("finalized"), connected("finalized", "none")
	finalized.Finalizers, connection.Finalizers = []string{v1alpha1.FinalizerRevoke}, []string{v1alpha1.FinalizerInUse}

	tenant := personOf(t, "edith").with(policed, editor, edits)
	admin := personOf(t, "ada").with(policed, editor, owner, edits)
	gitops := personOf(t, "system:serviceaccount:argocd:argocd-application-controller").with("", "cluster-admin")
	operator := personOf(t, account)
	for _, p := range []person{tenant, admin, gitops} {
		p.mayNot("make a binding with the finalizer", finalizers, create(finalized))
		p.mayNot("add the finalizer", finalizers, patch(plain, add))
		p.mayNot("strip the finalizer", finalizers, patch(held, strip))
		p.may("make a binding", create(bound("new")))
		p.may("add a finalizer of another's", patch(held, `{"metadata":{"finalizers":["astro.scopedtoken.dev/revoke","example.com/wait"]}}`))
		p.may("edit a binding that has the finalizer", patch(held, `{"spec":{"role":"WORKSPACE_OWNER"}}`))
	}
	tenant.mayNot("strip the finalizer of what is being deleted", finalizers, patch(going, strip))
	admin.mayNot("strip the finalizer of what is being deleted", finalizers, patch(going, strip))
	admin.mayNot("make a connection with the finalizer", finalizers, create(connection))
	gitops.may("strip by hand the finalizer of what is being deleted", patch(going, strip))
	gitops.mayNot("write a status", status, patchStatus(plain, claim))
	velero.may("restore a finalizer", create(finalized))
	velero.may("restore a status", patchStatus(plain, claim))

	operator.may("add the finalizer", patch(plain, add))
	operator.may("take it off", patch(held, strip))
	operator.may("write a status", patchStatus(plain, claim))
	operator.mayNot("edit a spec", confined, patch(plain, `{"spec":{"role":"WORKSPACE_OWNER"}}`))
	operator.mayNot("write an annotation", confined, patch(plain, `{"metadata":{"annotations":{"astro.scopedtoken.dev/release":"true"}}}`))
	operator.mayNot("write a label", confined, patch(plain, `{"metadata":{"labels":{"a":"b"}}}`))
	operator.mayNot("have the garbage collector delete it", confined, patch(plain,
		`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"none","uid":"6a1f0c2d-4e90-4c7a-8a55-3f1b7c529d0e"}]}}`))
	operator.mayNot("take an owner off", confined, patch(owned, `{"metadata":{"ownerReferences":null}}`))
	operator.may("add the finalizer to what has an owner", patch(owned, add))
	cluster := builders.Connection("policed-rules").To("https://api.astronomer.io", "clp0a1b2c3d4e5f6g7h8i9j0k").WithSecret("none").Cluster()
	made(t, cluster)
	operator.may("hold a connection", patch(cluster, `{"metadata":{"finalizers":["astro.scopedtoken.dev/in-use"]}}`))
	operator.mayNot("widen a rule", confined, patch(cluster, `{"spec":{"onWithdrawal":"Revoke"}}`))
}

// TestPolicyOfClusterFinalizers: of a connection of no namespace a cluster-admin can strip the finalizer once it is being deleted.
func TestPolicyOfClusterFinalizers(t *testing.T) {
	inPolicedNamespace(t)
	const finalizers, strip = "the finalizers of astro.scopedtoken.dev are the operator's", `{"metadata":{"finalizers":null}}`
	cluster := builders.Connection("policed-going").To("https://api.astronomer.io", "clp0a1b2c3d4e5f6g7h8i9j0k").WithSecret("none").Cluster()
	made(t, cluster)
	hold := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":["astro.scopedtoken.dev/in-use"]}}`))
	velero := personOf(t, restorer).with("", "cluster-admin")
	velero.may("write finalizers", patch(cluster, `{"metadata":{"finalizers":["astro.scopedtoken.dev/in-use"]}}`))
	if err := velero.kube.Patch(t.Context(), cluster, hold); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a restorer may, also where the test has shown that nobody else can
		_ = velero.kube.Patch(context.WithoutCancel(t.Context()), cluster, client.RawPatch("application/merge-patch+json", []byte(strip)))
	})
	editor := personOf(t, "clara").with("", roleOf(t, "cluster-editor", v1alpha1.GroupVersion.Group, "clusterastroconnections", "get", "patch", "update"))
	admin := personOf(t, "root").with("", "cluster-admin")
	admin.mayNot("strip the finalizer of what nobody deletes", finalizers, patch(cluster, strip))
	if err := kube.Delete(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	editor.mayNot("strip the finalizer of what is being deleted", finalizers, patch(cluster, strip))
	admin.may("strip by hand the finalizer of what is being deleted", patch(cluster, strip))
}

// TestPolicyOfSecrets: nobody has the operator use a Secret that they may not read.
func TestPolicyOfSecrets(t *testing.T) {
	inPolicedNamespace(t)
	const blind = "you may not get Secret b-owner in namespace policed"
	there := connected("there", "own")
	made(t, there)
	dana := personOf(t, "dana").with(policed, owner)
	ada := personOf(t, "ada").with(policed, owner, edits)
	dana.mayNot("use a Secret blindly", blind, create(connected("blind", "b-owner")))
	dana.mayNot("point a connection at another Secret", blind, patch(there, `{"spec":{"credentialsSecretRef":{"name":"b-owner"}}}`))
	dana.may("edit a connection otherwise", patch(there, `{"spec":{"sweepInterval":"1h"}}`))
	ada.may("use a Secret that she may read", create(connected("seen", "b-owner")))
	ada.may("point a connection at it", patch(there, `{"spec":{"credentialsSecretRef":{"name":"b-owner"}}}`))
}

// TestPolicyOfSizes: what the operator has to keep in memory of an object is bounded.
func TestPolicyOfSizes(t *testing.T) {
	inPolicedNamespace(t)
	plain, connection := bound("plain"), connected("plain", "own")
	made(t, plain)
	made(t, connection)
	many := func(kind string, n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(`"example.com/k%d":"x"`, i)
		}
		return `{"metadata":{"` + kind + `":{` + strings.Join(all, ",") + `}}}`
	}
	one := func(key string, size int) string {
		return `{"metadata":{"annotations":{"` + key + `":"` + strings.Repeat("x", size) + `"}}}`
	}
	tenant := personOf(t, "edith").with(policed, editor, owner)
	const number, size, ours = "at most 64 labels and 64 annotations", "at most 32768 characters in all", "has at most 256 characters"
	tenant.mayNot("write many annotations", number, patch(plain, many("annotations", 65)))
	tenant.mayNot("write many labels", number, patch(plain, many("labels", 65)))
	tenant.mayNot("write large annotations", size, patch(plain, one("a", 32768)))
	for _, key := range []string{v1alpha1.AnnotationRequestedAt, v1alpha1.AnnotationConfirmToken, v1alpha1.AnnotationRelease} {
		tenant.mayNot("ask at length", ours, patch(plain, one(key, 257)))
		tenant.may("ask", patch(plain, one(key, 256)))
	}
	tenant.mayNot("ask a connection at length", ours, patch(connection, one(v1alpha1.AnnotationRequestedAt, 257)))
	tenant.may("write some", patch(plain, many("annotations", 64)))
	tenant.may("label", patch(plain, many("labels", 64)))
	tenant.may("write what is not small", patch(plain, one("a", 32767)))
	tenant.may("have a large connection", patch(connection, one("a", 200_000)))
}

// TestPolicyOfNamespaceLabels: who may label a namespace does not bring it under a rule by labels of this group.
func TestPolicyOfNamespaceLabels(t *testing.T) {
	inPolicedNamespace(t)
	const verb = "takes the verb delegate on clusterastroconnections"
	labels := roleOf(t, "labeller", "", "namespaces,namespaces/status,namespaces/finalize", "create", "get", "patch", "update")
	delegates := roleOf(t, "delegate", v1alpha1.GroupVersion.Group, "clusterastroconnections", "delegate")
	labeller := personOf(t, "lars").with("", labels)
	delegate := personOf(t, "dora").with("", labels, delegates)
	label := `{"metadata":{"labels":{"astro.scopedtoken.dev/team":"x"}}}`
	plain, ours := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: policed}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "labelled", Labels: map[string]string{"astro.scopedtoken.dev/team": "a", "team": "a"},
	}}
	if err := kube.Create(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	another := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "another", Labels: ours.Labels}}
	labeller.mayNot("label a namespace", verb, patch(plain, label))
	labeller.mayNot("label it through its status", verb, patchStatus(plain, label))
	labeller.mayNot("change the label", verb, patch(ours, label))
	labeller.mayNot("take it away", verb, patch(ours, `{"metadata":{"labels":{"astro.scopedtoken.dev/team":null}}}`))
	labeller.mayNot("make a namespace with it", verb, create(another))
	labeller.may("label it otherwise", patch(plain, `{"metadata":{"labels":{"team":"x"}}}`))
	labeller.may("label one that has it otherwise", patch(ours, `{"metadata":{"labels":{"team":"x"}}}`))
	labeller.may("make another namespace", create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "another"}}))
	delegate.may("label a namespace", patch(plain, label))
	delegate.may("change the label", patch(ours, label))
	delegate.may("make a namespace with it", create(another))
}
