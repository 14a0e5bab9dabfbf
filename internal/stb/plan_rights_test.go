package stb

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// TestPlanReadsNoSecretOfAManifest: whoever writes a manifest neither chooses which Secret is read nor learns whether it is there.
func TestPlanReadsNoSecretOfAManifest(t *testing.T) {
	w := newWorld(t)
	other := w.sim.AddOrganization("Other")
	for _, secret := range []string{builders.SecretName, "none"} {
		w.fails("error: set ASTRO_API_TOKEN: only the manifests have AstroConnection/brought, and no Secret is read because a manifest names it\n", "plan", "-f", w.folder(
			builders.Connection("brought").To(w.sim.URL(), other).WithSecret(secret).Object(),
			builders.Binding("a").Through("brought").ForTokenID(ciID).OnDeployment(etlID).Object()))
		p := w.plans(2, "-f", w.folder(
			builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).WithSecret(secret).SweepEvery(time.Hour).Object(),
			builders.Binding("a").ForTokenID(ciID).OnDeployment(reportsID).Object()))
		if got := p.actions(); got != "a create grant" || len(p.Connections) != 1 {
			t.Errorf("a connection is read as it is there: %s: %+v", got, p)
		}
	}
	w.environ[credentialVariable] = w.sim.Credential(w.sim.AddOrganizationToken(other, "own", "ORGANIZATION_OWNER"))
	w.plans(2, "-f", w.folder(builders.Connection("brought").To(w.sim.URL(), other).WithSecret("none").Object(),
		builders.Binding("a").Through("brought").ForTokenID(ciID).OnDeployment(etlID).Object()))
}

// TestPlanWithoutRights: whoever may only read plans all the same, and nothing is written.
func TestPlanWithoutRights(t *testing.T) {
	w := newWorld(t)
	w.shared(builders.AllowAll("*"))
	user := w.user()
	team := w.namespace + "-team"
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}})
	folder := w.folder(builders.Binding("ci-on-reports").In(team).ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(reportsID).Object())
	w.fails("you may not list the bindings of namespace NAMESPACE-team, so what is declared there is not known", "plan", "-f", folder, "--as", user)
	w.mayRead(user, team)
	p := w.plans(2, "-f", folder, "--as", user)
	if got := p.actions(); got != "ci-on-reports create grant" {
		t.Errorf("%s: %+v", got, p.Bindings)
	}
}

// TestPlanOffline needs no Kubernetes, where the manifests have the connection.
func TestPlanOffline(t *testing.T) {
	w := newWorld(t)
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	w.kube = filepath.Join(t.TempDir(), "none")
	folder := w.folder(
		builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).Object(),
		builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object(),
		builders.Binding("ci-on-reports").ForTokenID(ciID).OnDeployment(reportsID).Object())
	p := w.plans(2, "-f", folder, "--offline")
	if got := p.actions(); got != "ci-on-etl create adopt, ci-on-reports create grant" {
		t.Errorf("%s: %+v", got, p.Bindings)
	}
	w.fails("--offline knows nothing that could be pruned", "plan", "-f", folder, "--offline", "--prune")
	w.environ[credentialVariable] = ""
	w.fails("ASTRO_API_TOKEN has nothing behind it", "plan", "-f", folder, "--offline")
	delete(w.environ, credentialVariable)
	w.fails("set ASTRO_API_TOKEN", "plan", "-f", folder, "--offline")
}

func TestPlanErrors(t *testing.T) {
	w := newWorld(t)
	good := builders.Binding("a").ForTokenID(ciID).OnDeployment(etlID).Object()
	folder := w.folder(good, good.DeepCopy())
	w.fails("1-a.json, document 1: ScopedTokenBinding/NAMESPACE/a is in "+folder+"/0-a.json, document 1 as well", "plan", "-f", folder)
	bad := good.DeepCopy()
	bad.Spec.Role = "WORKSPACE_OWNER"
	folder = w.folder(bad)
	w.fails("0-a.json, document 1: ScopedTokenBinding \"a\": spec: Invalid value", "plan", "-f", folder)
	w.fails(`required flag(s) "filename" not set`, "plan")
	for text, want := range map[string]string{
		"a: [":                        "standard input, document 1: ",
		"metadata: {name: a}\n":       "an object needs apiVersion and kind",
		manifestText("{nam: a}", ""):  "there is no field metadata.nam",
		manifestText("{name: A}", ""): "metadata.name: ",
		manifestText(`{generateName: ci-, name: "y\e[1A", namespace: "zz\n::add-mask::grant\n"}`, ""): "metadata.name: ",
	} {
		if a := w.planOf(text); a.code != 1 || !strings.Contains(a.err, want) {
			t.Errorf("%s: %+v", text, a)
		}
	}
	if a := w.planOf(manifestText("{generateName: ci-}", "") + "---\n" + manifestText("{generateName: ci-}", "")); a.code != 2 || !strings.Contains(a.out, "ci-(new-2)") {
		t.Errorf("names that the API server is to make: %+v", a)
	}
	if a := w.planOf(manifestText("{name: a}", ""), "--connection", "other"); a.code != 0 || !strings.Contains(a.out, "0 bindings") {
		t.Errorf("only what goes through the connection is planned: %+v", a)
	}
}
