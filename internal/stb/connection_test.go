package stb

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestWhichConnection(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection("other").To(w.sim.URL(), orgID).In(w.namespace).Object())
	w.fails("there is more than one connection: choose one with --connection, of AstroConnection/acme, AstroConnection/other", "list")
	w.fails(`has no connection "none"`, "list", "--connection", "none")
	w.fails(`--connection is "Secret/acme"`, "list", "--connection", "Secret/acme")
	for _, name := range []string{"acme", "AstroConnection/acme", "astroconn/acme"} {
		if a := w.run("list", "--connection", name); a.code != 0 || !strings.Contains(a.out, "CI deployer") {
			t.Errorf("--connection=%s: %+v", name, a)
		}
	}
}

// A credential goes only where its owner says: whoever may make a connection could send it elsewhere.
func TestCredentialStaysHome(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection("elsewhere").To("https://evil.example", orgID).In(w.namespace).Object())
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	w.fails("to which no credential is sent", "list", "--connection", "elsewhere")
}

func TestCredential(t *testing.T) {
	w := newWorld(t)
	w.environ[credentialVariable] = "Bearer nonsense"
	w.fails(`ASTRO_API_TOKEN: the value begins with "Bearer"`, "list")
	for _, blank := range []string{"", " \n"} { // although the connection's Secret is there
		w.environ[credentialVariable] = blank
		w.fails("ASTRO_API_TOKEN has nothing behind it; unset it to use the connection's Secret", "list")
	}
	w.environ[credentialVariable] = w.sim.Credential(selfID) + "\n"
	if err := kube.Delete(t.Context(), builders.Secret(w.namespace, builders.SecretName, "")); err != nil {
		t.Fatal(err)
	}
	if a := w.run("list"); a.code != 0 {
		t.Errorf("with ASTRO_API_TOKEN no Secret is needed: %+v", a)
	}
	delete(w.environ, credentialVariable)
	w.fails("set ASTRO_API_TOKEN, or see that you can read the connection's Secret", "list")
	other := w.sim.AddOrganization("Other")
	w.environ[credentialVariable] = w.sim.Credential(w.sim.AddOrganizationToken(other, "stranger", "ORGANIZATION_OWNER"))
	w.fails("is not of Organization "+orgID, "list")
}

// A ClusterAstroConnection has its Secret in the operator's namespace.
func TestClusterConnection(t *testing.T) {
	w := newWorld(t)
	system := w.namespace + "-system"
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}},
		builders.Secret(system, builders.SecretName, w.sim.Credential(selfID)),
		builders.Connection(w.namespace).To(w.sim.URL(), orgID).Cluster())
	if a := w.run("list", "--connection", "cluster/"+w.namespace, "--operator-namespace", system); a.code != 0 || !strings.Contains(a.out, "CI deployer") {
		t.Errorf("%+v", a)
	}
}

// A user who may see a namespace only sees what is declared there, and is told so.
func TestUserOfOneNamespace(t *testing.T) {
	w := declared(t)
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "user"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "user"}},
	})
	a := w.run("list", "--as", "user")
	if a.code != 0 || !strings.Contains(a.out, "NAMESPACE/ci-on-etl") || !strings.Contains(a.err, "only what those of namespace NAMESPACE declare is known") {
		t.Errorf("%+v", a)
	}
}

func TestVersion(t *testing.T) {
	w := newWorld(t)
	if a := w.run("--version"); a.code != 0 || a.out != "kubectl stb v1.2.3\n" {
		t.Errorf("%+v", a)
	}
}

func TestCompletion(t *testing.T) {
	w := newWorld(t)
	if a := w.run("completion", "bash"); a.code != 0 || !strings.Contains(a.out, "kubectl-stb") {
		t.Errorf("%+v", a)
	}
	var s session
	cmd := newCommand(&s)
	cmd.SetContext(t.Context())
	*s.kubernetes.KubeConfig, *s.kubernetes.Namespace = w.kube, w.namespace
	if words, _ := s.completeConnection(cmd, nil, ""); !slices.Contains(words, "AstroConnection/acme") {
		t.Errorf("want the connections of the namespace, got %v", words)
	}
	w.create(builders.Binding("mine").In(w.namespace).ForTokenID(ciID).OnDeployment(etlID).Object())
	if words, _ := s.completeBinding(cmd, nil, ""); !slices.Equal(words, []string{"mine"}) {
		t.Errorf("want the bindings of the namespace, got %v", words)
	}
	if words, _ := s.completeBinding(cmd, []string{"mine"}, ""); len(words) > 0 {
		t.Errorf("explain takes one name, and yet %v are offered", words)
	}
}
