package chart

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// TestNotReadyWithoutRights: where the operator may not see the bindings of a namespace, it is alive and not ready, until
// it may, and says which one that is. A namespace that does not exist holds up nothing.
func TestNotReadyWithoutRights(t *testing.T) {
	inNamespaces(t, "inside", "late")
	releaseIn(t, "operator-late", newAstro(t), "watchNamespaces={inside}")
	o, log := launch(t, "operator-late", "--watch-namespaces=late,never-made")
	t.Cleanup(o.stop)
	eventually(t, "the operator is alive", func() string { return not(200, o.probe("healthz")) })
	for range 3 {
		if got := o.probe("readyz"); got != 500 {
			t.Fatalf("ready: want 500, got %d", got)
		}
	}
	eventually(t, "the operator says which namespace it may not see", func() string {
		if said, _ := environment.Text("http://"+o.probes+"/readyz/caches", ""); !strings.Contains(said, "--watch-namespaces: late; make the RoleBinding") {
			return said
		}
		return ""
	})
	kubectl(t, "create", "rolebinding", "late", "--namespace", "late", "--clusterrole", release+"-manager-role",
		"--serviceaccount", o.account.Namespace+":"+o.account.Name)
	eventually(t, "the operator gets ready", func() string { return not(200, o.probe("readyz")) })
	o.stop()
	for _, want := range []string{
		`Kubernetes refuses to let the operator see a namespace of --watch-namespaces, and it works in none before it may`,
		`a namespace of --watch-namespaces does not exist and is left out; once it does, the operator ends`, `"namespace":"late"`, `"namespace":"never-made"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

// TestNamespaceGoesWithItsRoleBinding: whoever deletes a namespace that a confined operator works in deletes the operator's rights
// there too. What docs/how-to/stuck-deletion.md tells to do lets the namespace go, and its roles are revoked.
func TestNamespaceGoesWithItsRoleBinding(t *testing.T) {
	const namespace, temporary = "going", "scopedtoken-manager-temporary"
	a := newAstro(t)
	inNamespaces(t, namespace)
	releaseIn(t, "operator-going", a, "watchNamespaces={"+namespace+"}")
	o, _ := launch(t, "operator-going")
	t.Cleanup(o.stop)
	eventually(t, "the operator gets ready", func() string { return not(200, o.probe("readyz")) })
	n := &tenant{t, a, namespace}
	n.connect("acme", seldom)
	n.bind("own", through("acme"))
	n.expect(&v1alpha1.ScopedTokenBinding{}, "own", "True/Granted")

	// Nothing here sees to a namespace's end, so what the namespace controller deletes is deleted by hand.
	if err := kube.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "delete", "rolebindings,secrets", "--all", "-n", namespace)
	eventually(t, "the operator may do nothing there any more", func() string {
		out, _ := program(t, env.Kubectl, "--kubeconfig", o.kubeconfig(t), "auth", "can-i", "patch", "stb", "-n", namespace)
		if strings.HasPrefix(out, "yes") {
			return out
		}
		return ""
	})
	kubectl(t, "delete", "stb,tinv,astroconn", "--all", "-n", namespace, "--wait=false")
	eventually(t, "the role is revoked", func() string { return n.role("own") })
	var left v1alpha1.ScopedTokenBinding
	if err := kube.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "own"}, &left); err != nil {
		t.Fatalf("the operator let a binding go without the right to: %v", err)
	}

	kubectl(t, "create", "clusterrolebinding", temporary, "--clusterrole", release+"-manager-role",
		"--serviceaccount", o.account.Namespace+":"+o.account.Name)
	t.Cleanup(func() { kubectl(t, "delete", "clusterrolebinding", temporary) })
	eventually(t, "nothing of the operator's holds the namespace", func() string {
		return kubectl(t, "get", "stb,tinv,astroconn", "-n", namespace, "-o", "name")
	})
	gone(t, &left)
}
