package chart

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// rarely is what a short test does not come to: an event that repeats itself is patched; a page of the journal is read
// again where somebody else has written it; and a binding is read where it seems to be gone without having been let go.
var rarely = []string{"events.k8s.io/events patch", "configmaps get", "astro.scopedtoken.dev/scopedtokenbindings get"}

// seldom is so long that a test does not see a second sweep.
const seldom = time.Hour

// installed is the operator of a release in a namespace of its own, until the test ends.
func installed(t *testing.T, namespace string, a *astro, set string) *operator {
	t.Helper()
	releaseIn(t, namespace, a, set)
	return start(t, namespace)
}

func releaseIn(t *testing.T, namespace string, a *astro, set string) {
	t.Helper()
	withKinds(t)
	inNamespaces(t, namespace)
	host := strings.TrimPrefix(a.URL(), "http://")
	if _, err := helm(t, "install", release, "config/chart", "--namespace", namespace,
		"--set", "crds.enabled=false,allowedApiHosts={"+host+"},"+set); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := helm(t, "uninstall", release, "--namespace", namespace); err != nil {
			t.Error(err)
		}
	})
}

// TestRightsEverywhere: an operator for the whole cluster works with the rights that the chart gives it, and reads the
// Secrets of those namespaces only that are opened to it.
func TestRightsEverywhere(t *testing.T) {
	a := newAstro(t)
	inNamespaces(t, "watched", "opened", "closed")
	o := installed(t, "operator-everywhere", a, "secretNamespaces={watched}")
	watched, opened, closed := &tenant{t, a, "watched"}, &tenant{t, a, "opened"}, &tenant{t, a, "closed"}
	cluster := clusterConnection(t, a, "everywhere", o.account.Namespace)
	open(t, "opened", o.account)

	watched.connect("acme", seldom)
	watched.bind("own", through("acme"))
	watched.bind("shared", throughCluster("everywhere"))
	watched.create(inventory("data", "watched", a))
	opened.connect("acme", 5*time.Second)
	opened.connect("lazy", seldom)
	opened.bind("own", through("lazy"))
	closed.connect("acme", seldom)
	watched.expect(&v1alpha1.ScopedTokenBinding{}, "own", "True/Granted")
	watched.expect(&v1alpha1.ScopedTokenBinding{}, "shared", "True/Granted")
	watched.expect(&v1alpha1.TargetInventory{}, "data", "True/Listed")
	opened.expect(&v1alpha1.ScopedTokenBinding{}, "own", "True/Granted")
	if said := closed.expect(&v1alpha1.AstroConnection{}, "acme", "False/SecretNotFound"); !strings.Contains(said, "RoleBinding in namespace closed") ||
		!strings.Contains(said, release+"-credential-reader") {
		t.Errorf("the message does not say what to do: %s", said)
	}
	t.Run("Rotation", func(t *testing.T) { rotations(t, watched, opened) })
	open(t, "closed", o.account)
	closed.expect(&v1alpha1.AstroConnection{}, "acme", "True/Connected")
	scraped(t, o)
	for _, n := range []*tenant{watched, opened, closed} {
		n.leave()
	}
	for _, binding := range []string{"own", "shared"} {
		if left := watched.role(binding); left != "" {
			t.Errorf("%s is gone, its role %s is not", binding, left)
		}
	}
	remove(t, cluster)
	neededAndEnough(t, o.account, func(r request) bool { return r.right() == "secrets get" && r.ObjectRef.Namespace == "closed" }, rarely...)
}

// rotations: a new credential is noticed at once where Secrets are watched, at the next sweep where they may only be read,
// and at once there too if Astro refuses the old one.
func rotations(t *testing.T, watched, opened *tenant) {
	t.Helper()
	next := watched.astro.owner("next")
	watched.replaceSecret("acme", watched.astro.Credential(next))
	watched.worksWith("acme", next)
	next = opened.astro.owner("after")
	opened.replaceSecret("acme", opened.astro.Credential(next))
	opened.worksWith("acme", next)

	var lazy v1alpha1.AstroConnection
	if err := kube.Get(t.Context(), client.ObjectKey{Namespace: "opened", Name: "lazy"}, &lazy); err != nil {
		t.Fatal(err)
	}
	opened.replaceSecret("lazy", opened.astro.RotateToken(lazy.Status.CredentialTokenID))
	opened.bind("later", through("lazy"))
	opened.expect(&v1alpha1.ScopedTokenBinding{}, "later", "True/Granted")
}

// TestRightsConfined: an operator that is confined to a namespace works there with the rights that the chart gives it
// there, and leaves others alone.
func TestRightsConfined(t *testing.T) {
	a := newAstro(t)
	inNamespaces(t, "inside", "outside")
	o := installed(t, "operator-confined", a, "watchNamespaces={inside}")
	inside, outside := &tenant{t, a, "inside"}, &tenant{t, a, "outside"}
	cluster := clusterConnection(t, a, "confined", o.account.Namespace)
	outside.connect("acme", seldom)
	inside.connect("acme", seldom)
	inside.bind("own", through("acme"))
	inside.bind("shared", throughCluster("confined"))
	inside.create(inventory("data", "inside", a))
	inside.expect(&v1alpha1.ScopedTokenBinding{}, "own", "True/Granted")
	inside.expect(&v1alpha1.ScopedTokenBinding{}, "shared", "True/Granted")
	inside.expect(&v1alpha1.TargetInventory{}, "data", "True/Listed")
	next := a.owner("next")
	inside.replaceSecret("acme", a.Credential(next))
	inside.worksWith("acme", next)
	scraped(t, o)
	var left v1alpha1.AstroConnection
	if err := kube.Get(t.Context(), client.ObjectKey{Namespace: "outside", Name: "acme"}, &left); err != nil || len(left.Finalizers)+len(left.Status.Conditions) > 0 {
		t.Errorf("a connection outside is not left alone: %v %v", left.Status, err)
	}
	inside.leave()
	outside.leave()
	if left := inside.role("own") + inside.role("shared"); left != "" {
		t.Errorf("the bindings are gone, a role %s is not", left)
	}
	remove(t, cluster)
	neededAndEnough(t, o.account, func(request) bool { return false }, rarely...)
}

// clusterConnection is one that allows by label what every namespace of the test has.
func clusterConnection(t *testing.T, a *astro, name, namespace string) client.Object {
	t.Helper()
	n := &tenant{t, a, namespace}
	rule := builders.AllowAll()
	rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	c := n.connection(name, seldom).Allow(rule).Cluster()
	n.create(builders.Secret(namespace, name, a.Credential(a.owner(name))), c)
	return c
}

func remove(t *testing.T, o client.Object) {
	t.Helper()
	if err := kube.Delete(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	gone(t, o)
}

// open lets the operator read the Secrets of a namespace, as the documents say.
func open(t *testing.T, namespace string, account client.ObjectKey) {
	t.Helper()
	kubectl(t, "create", "rolebinding", "scopedtoken-credential-reader", "--namespace", namespace,
		"--clusterrole", "scopedtoken-credential-reader", "--serviceaccount", account.Namespace+":"+account.Name)
	maySoon(t, account)
	t.Cleanup(func() { kubectl(t, "delete", "rolebinding", "scopedtoken-credential-reader", "--namespace", namespace) })
}

func inventory(name, namespace string, a *astro) *v1alpha1.TargetInventory {
	return &v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec: v1alpha1.TargetInventorySpec{
			ConnectionRef: v1alpha1.ConnectionReference{Name: "acme"},
			Target:        v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(a.workspace)},
		},
	}
}

// scraped: metrics are for whom the shipped role is bound to, and for nobody else; and not over HTTP/2.
func scraped(t *testing.T, o *operator) {
	t.Helper()
	for user, want := range map[string]int{"prometheus": 200, "stranger": 403} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: user, Namespace: o.account.Namespace}}
		if err := kube.Create(t.Context(), account); err != nil {
			t.Fatal(err)
		}
		if user == "prometheus" {
			kubectl(t, "create", "clusterrolebinding", o.account.Namespace+"-scrape", "--clusterrole", release+"-metrics-reader",
				"--serviceaccount", o.account.Namespace+":"+user)
		}
		token := tokenOf(t, client.ObjectKeyFromObject(account))
		eventually(t, "metrics for "+user, func() string { return not(want, environment.Status("https://"+o.metrics+"/metrics", token)) })
	}
	if got := protocol(t, o.metrics); got != "http/1.1" {
		t.Errorf("whoever offers HTTP/2 and HTTP/1.1 is served %q", got)
	}
}
