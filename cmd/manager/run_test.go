package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

const lease = "shard-a"

// apiServer is one with an administrator's client, for as long as the test lasts.
func apiServer(t *testing.T) (*environment.Environment, client.Client) {
	t.Helper()
	env, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Stop() })
	kube, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return env, kube
}

// TestRun starts the operator as a Deployment does: it gets ready once nothing refuses the lease, takes it, shows metrics to whom it
// should, and gives the lease back when it ends. It works for the connections that it selects, and for no others.
func TestRun(t *testing.T) {
	env, kube := apiServer(t)
	for _, object := range append(scrapers(), ofShard("own", "a"), ofShard("foreign", "b"), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}}) {
		if err := kube.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	lift := refuseLeases(t, kube)
	probes, metrics := environment.FreeAddress(), environment.FreeAddress()
	ended := start(t, "--kubeconfig", env.Kubeconfig, "--operator-namespace=default", "--watch-namespaces=a", "--leader-elect",
		"--connection-selector=shard=a", "--leader-election-id="+lease, "--health-probe-bind-address="+probes, "--metrics-bind-address="+metrics, "--profiles")

	unreadyWithout(t, probes, lift)
	eventually(t, "ready", func() bool {
		return environment.Status("http://"+probes+"/readyz", "") == http.StatusOK && environment.Status("http://"+probes+"/healthz", "") == http.StatusOK
	})
	eventually(t, "leading", func() bool { return holder(t, kube) != "" })
	eventually(t, "metrics", func() bool { return environment.Status("https://"+metrics+"/metrics", "") != 0 })
	for user, want := range map[string]int{"prometheus": http.StatusOK, "default": http.StatusForbidden} {
		token := tokenOf(t, kube, user) // of whom the API server's own cache of roles may know only in a while
		eventually(t, fmt.Sprintf("answering %d to %s", want, user), func() bool {
			return environment.Status("https://"+metrics+"/metrics", token) == want
		})
	}
	eventually(t, "answering 401 to strangers", func() bool {
		return environment.Status("https://"+metrics+"/metrics", "") == http.StatusUnauthorized
	})
	const heap = "/debug/pprof/heap"
	for user, want := range map[string]int{"profiler": http.StatusOK, "prometheus": http.StatusForbidden} {
		token := tokenOf(t, kube, user)
		eventually(t, fmt.Sprintf("answering %d to %s, who asks for a profile", want, user), func() bool {
			return environment.Status("https://"+metrics+heap, token) == want
		})
	}
	if status := environment.Status("https://"+metrics+heap, ""); status != http.StatusUnauthorized {
		t.Errorf("a stranger who asks for a profile is answered %d", status)
	}
	eventually(t, "working", func() bool { return isWorkedOn(t, kube, "own") })
	if kept := metadataOf(t, kube, "own"); kept.Annotations["example.com/note"] != "large" || len(kept.Labels) != 2 || len(kept.OwnerReferences) != 1 ||
		!slices.Contains(kept.Finalizers, "example.com/theirs") {
		t.Errorf("what the cache does not have was taken from the object: %+v", kept)
	}
	if foreign := metadataOf(t, kube, "foreign"); len(foreign.Finalizers) > 1 {
		t.Error("a connection that is not selected is worked on")
	}
	if err := ended(); err != nil {
		t.Error(err)
	}
	if left := holder(t, kube); left != "" {
		t.Errorf("the lease is left to %s", left)
	}
}

// start runs the operator; what it returns ends it.
func start(t *testing.T, args ...string) func() error {
	t.Helper()
	ctrl.SetLogger(zap.New(zap.WriteTo(t.Output())))
	o, err := parse(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, o) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-done
	}
}

// scrapers are a service account that may get metrics, one that may get profiles, and the default one that may get neither.
func scrapers() []client.Object {
	in := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "default"} }
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: in("prometheus")},
		&corev1.ServiceAccount{ObjectMeta: in("default")},
		&corev1.ServiceAccount{ObjectMeta: in("profiler")},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "profiles"}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/debug/pprof/*"}, Verbs: []string{"get"}}}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "profiles"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "profiles"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "profiler", Namespace: "default"}},
		},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "metrics"}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "metrics"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "metrics"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "prometheus", Namespace: "default"}},
		},
	}
}

func tokenOf(t *testing.T, kube client.Client, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: "default"}}
	if err := kube.SubResource("token").Create(t.Context(), owner, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func holder(t *testing.T, kube client.Client) string {
	t.Helper()
	var l coordinationv1.Lease
	err := kube.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: lease}, &l)
	if err != nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// ofShard is a connection with a label. It has no Secret, which is what there is to say of it.
func ofShard(name, shard string) *v1alpha1.ClusterAstroConnection {
	return &v1alpha1.ClusterAstroConnection{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"shard": shard, "example.com/team": "data"}, Annotations: map[string]string{"example.com/note": "large"},
			Finalizers:      []string{"example.com/theirs"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: "default", UID: "1"}},
		},
		Spec: v1alpha1.ConnectionSpec{OrganizationID: "clorganization00000000000", CredentialsSecretRef: v1alpha1.SecretKeyReference{Name: "none"}},
	}
}

func isWorkedOn(t *testing.T, kube client.Client, name string) bool {
	t.Helper()
	var c v1alpha1.ClusterAstroConnection
	if err := kube.Get(t.Context(), client.ObjectKey{Name: name}, &c); err != nil {
		t.Fatal(err)
	}
	return len(c.Finalizers) > 1 && len(c.Status.Conditions) > 0
}

func metadataOf(t *testing.T, kube client.Client, name string) metav1.ObjectMeta {
	t.Helper()
	var c v1alpha1.ClusterAstroConnection
	if err := kube.Get(t.Context(), client.ObjectKey{Name: name}, &c); err != nil {
		t.Fatal(err)
	}
	return c.ObjectMeta
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for range 1200 {
		if met() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("not %s within a minute", what)
}
