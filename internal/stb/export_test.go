package stb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

func TestExport(t *testing.T) {
	w := declared(t)
	w.prints("export.yaml", "export")
	w.prints("export.json", "export", "-o", "json", "--target", "workspace/data", "--mode", "Enforce", "--deletion-policy", "Retain")
	w.compare("export.txt", w.run("export").err)
	w.fails(`--mode is "Obsrve"`, "export", "--mode", "Obsrve")
	w.fails(`--deletion-policy is "Keep"`, "export", "--deletion-policy", "Keep")
	w.fails("say which token: kubectl stb roles", "roles")
	w.fails("say which binding: kubectl stb explain", "explain", "a", "b")
	w.fails("--dir writes YAML", "export", "--dir", "x", "-o", "json")
	w.fails("serves the bindings of its own namespace", "export", "--namespace-for", "data=elsewhere")
}

// What is printed is the same at each run, and the name of a binding hangs on its own token and target only.
func TestExportIsStable(t *testing.T) {
	w := newWorld(t)
	all := w.run("export").out
	if again := w.run("export").out; again != all {
		t.Errorf("another run prints\n%s\nafter\n%s", again, all)
	}
	for part := range strings.SplitSeq(w.run("export", "--token", ciID).out, "---\n") {
		if !strings.Contains(all, part) {
			t.Errorf("what is exported for one token is not in the whole:\n%s", part)
		}
	}
}

// applied reads what was exported and has the API server take it, as kubectl apply --dry-run=server does.
func (w *world) applied(text string) (all []unstructured.Unstructured) {
	w.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var o unstructured.Unstructured
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			w.Fatalf("not YAML: %v\n%s", err, text)
		}
		if err := kube.Create(w.Context(), o.DeepCopy(), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
			w.Errorf("the API server refuses %s: %v", o.GetName(), err)
		}
		all = append(all, o)
	}
}

// Whatever Astro has for names and roles, the API server takes all of what is exported, each object is the one that it
// should be, and what is left out is told.
func TestExportOfOddNames(t *testing.T) {
	w := newWorld(t)
	names := []string{
		"two\nlines", "x\n---\nkind: Secret", "right\u202eleft", strings.Repeat("y", 300), "yes", "null", "1e3", "0x10", "~", "'", `"`, "a: b # c",
		"{{ .Secret }}", "\x1b[31mred", "сі", "ci", "CI", "c-i", "-", "", "日本語", "&a *a !!int", "tab\there", "%", "on", "\u0085next", "\u2028line",
	}
	for i, name := range names {
		id := fmt.Sprintf("cltkodd%018d", i)
		w.sim.AddOrganizationToken(orgID, name, "ORGANIZATION_MEMBER", astrosim.ID(id), astrosim.Roles(astrosim.DeploymentRole(reportsID, "DEPLOYMENT_ADMIN")))
	}
	a := w.run("export", "--target", "deployment/reports")
	if a.code != 0 {
		t.Fatal(a.err)
	}
	seen := map[string]bool{}
	for _, o := range w.applied(strings.ReplaceAll(a.out, "NAMESPACE", w.namespace)) {
		token, _, _ := unstructured.NestedString(o.Object, "spec", "token", "id")
		if o.GetKind() != "ScopedTokenBinding" || o.GetNamespace() != w.namespace || seen[o.GetName()] || !strings.HasPrefix(token, "cltkodd") {
			t.Errorf("%s %s/%s of token %s", o.GetKind(), o.GetNamespace(), o.GetName(), token)
		}
		seen[o.GetName()] = true
		for key, value := range o.GetAnnotations() {
			if strings.ContainsAny(value, "\n\u202e\x1b") {
				t.Errorf("annotation %s holds what changes how a reviewer sees the file: %q", key, value)
			}
		}
	}
	if len(seen) != len(names) {
		t.Errorf("want %d bindings, got %d: %s", len(names), len(seen), a.err)
	}
	if strings.ContainsAny(a.out+a.err, "\u202e\x1b") {
		t.Error("the output holds a mark of direction or an escape")
	}
}

// What no binding can declare is not exported, and each is told.
func TestExportLeavesOut(t *testing.T) {
	w := newWorld(t)
	role := func(r astrosim.Role) astrosim.With { return astrosim.Roles(r) }
	admin := role(astrosim.DeploymentRole(reportsID, "DEPLOYMENT_ADMIN"))
	w.sim.AddOrganizationToken(orgID, "odd kind", "ORGANIZATION_MEMBER", astrosim.Kind("AGENT"), admin)
	w.sim.AddOrganizationToken(orgID, "expired", "ORGANIZATION_MEMBER", astrosim.Expires(today.AddDate(0, 0, -1)), admin)
	w.sim.AddOrganizationToken(orgID, "dangling", "ORGANIZATION_MEMBER", role(astrosim.DeploymentRole("clde000000000000000000gone", "DEPLOYMENT_ADMIN")))
	w.sim.AddOrganizationToken(orgID, "odd role", "ORGANIZATION_MEMBER", role(astrosim.DeploymentRole(reportsID, "WORKSPACE_LIKE")))
	w.sim.AddOrganizationToken(orgID, "new role", "ORGANIZATION_MEMBER", role(astrosim.WorkspaceRole(dataID, "WORKSPACE_VIEWER")))
	w.sim.AddOrganizationToken(orgID, "long role", "ORGANIZATION_MEMBER", role(astrosim.DeploymentRole(reportsID, strings.Repeat("r", 257))))
	w.sim.AddOrganizationToken(orgID, "broken role", "ORGANIZATION_MEMBER", role(astrosim.DeploymentRole(reportsID, "a\nb")))
	for i, char := range []string{"\u200b", "\u202e", "\u2028", "\u2029", "\u0085", "\u3164", "\u034f"} {
		w.sim.AddOrganizationToken(orgID, fmt.Sprintf("unseen %d", i), "ORGANIZATION_MEMBER", role(astrosim.DeploymentRole(reportsID, "a"+char+"b")))
	}
	w.sim.AddWorkspaceToken(scienceID, "far", "WORKSPACE_MEMBER", admin)
	w.sim.AddDeploymentToken(etlID, "of a Deployment", "DEPLOYMENT_ADMIN", role(astrosim.WorkspaceRole(dataID, "WORKSPACE_MEMBER")))
	w.sim.AddOrganizationToken(orgID, "odd id", "ORGANIZATION_MEMBER", astrosim.ID("x1"), admin)
	a := w.run("export")
	for name, why := range map[string]string{
		"odd kind": "of kind AGENT", "expired": "has expired", "dangling": "may be gone", "odd role": "cannot name this role",
		"new role": "cannot name this role", "long role": "cannot name this role", "broken role": "cannot name this role", "far": "is in another",
		"unseen 0": "cannot name this role", "unseen 1": "cannot name this role", "unseen 2": "cannot name this role",
		"unseen 3": "cannot name this role", "unseen 4": "cannot name this role", "unseen 5": "cannot name this role", "unseen 6": "cannot name this role",
		"of a Deployment": "of scope Deployment", "odd id": "not of the form",
	} {
		told := false
		for line := range strings.Lines(a.err) {
			told = told || strings.HasPrefix(line, "  "+name+" (") && strings.Contains(line, why)
		}
		if !told || strings.Contains(a.out, name) {
			t.Errorf("%s is to be left out, because of %q\n%s", name, why, a.err)
		}
	}
	if got := len(w.applied(strings.ReplaceAll(a.out, "NAMESPACE", w.namespace))); got != 4 {
		t.Errorf("want the 4 others, got %d\n%s", got, a.err)
	}
}

// The credentials of connections stay as they are.
func TestExportLeavesCredentialsAlone(t *testing.T) {
	w := newWorld(t)
	id := w.sim.AddOrganizationToken(orgID, "second operator", "ORGANIZATION_OWNER", astrosim.Roles(astrosim.DeploymentRole(etlID, "DEPLOYMENT_ADMIN")))
	w.environ[credentialVariable] = w.sim.Credential(id)
	if a := w.run("export"); strings.Contains(a.out, id) || !strings.Contains(a.err, "the credential of this connection") {
		t.Errorf("%+v", a)
	}
}

// The credential of an AstroConnection is protected through that connection only: through any other it may be bound.
func TestExportTakesCredentialsOfOthers(t *testing.T) {
	w := newWorld(t)
	admin := astrosim.Roles(astrosim.DeploymentRole(etlID, "DEPLOYMENT_ADMIN"))
	credentialOf := func(c v1alpha1.Connection) string {
		t.Helper()
		id := w.sim.AddOrganizationToken(orgID, "of "+c.GetName(), "ORGANIZATION_OWNER", admin)
		if c.GetUID() == "" {
			w.create(c)
		}
		c.ConnectionStatus().CredentialTokenID = id
		if err := kube.Status().Update(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		return id
	}
	chosen := &v1alpha1.AstroConnection{}
	if err := kube.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}, chosen); err != nil {
		t.Fatal(err)
	}
	own := credentialOf(chosen)
	beside := credentialOf(builders.Connection("beside").To(w.sim.URL(), orgID).In(w.namespace).Object())
	shared := credentialOf(builders.Connection(w.namespace).To(w.sim.URL(), orgID).Cluster())
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	a := w.run("export", "--connection", "astroconn/"+builders.ConnectionName)
	for id, want := range map[string]bool{own: false, beside: true, shared: false} {
		if got := strings.Contains(a.out, id); got != want {
			t.Errorf("%s is exported: %t, want %t\n%s%s", id, got, want, a.out, a.err)
		}
	}
}

func TestExportByNamespace(t *testing.T) {
	w := newWorld(t)
	c := builders.Connection(w.namespace).To(w.sim.URL(), orgID).Allow(builders.AllowAll(w.namespace)).Cluster()
	w.create(c)
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	folder := t.TempDir()
	file := filepath.Join(folder, "namespaces.yaml")
	if err := os.WriteFile(file, []byte("science: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"export", "--connection", "castroconn/" + w.namespace, "--namespaces-file", file, "--dir", filepath.Join(folder, "out")}
	a := w.run(args...)
	for _, want := range []string{"There is no namespace nowhere", "1 binding(s) of namespace nowhere will say NamespaceNotAllowed", "nowhere.yaml"} {
		if !strings.Contains(a.err, want) {
			t.Errorf("want %q on standard error:\n%s", want, a.err)
		}
	}
	for name, n := range map[string]int{w.namespace: 3, "nowhere": 1} {
		text, err := os.ReadFile(filepath.Join(folder, "out", name+".yaml"))
		if got := bytes.Count(text, []byte("kind: ScopedTokenBinding")); err != nil || got != n || a.out != "" {
			t.Errorf("want %d bindings in %s.yaml, got %d, %v", n, name, got, err)
		}
	}
	left := "out/nowhere.yaml is there, which this export does not write; remove it or choose an empty folder"
	w.fails(left, append(args, "--workspace", "data")...)
	w.fails(left, append(args, "--target", "deployment/reports")...) // for which there is no binding to write
	if a := w.run(args...); a.code != 0 {
		t.Errorf("the same export again: %+v", a)
	}
	w.fails(`no Workspace in Astro has the id or name "nil"`, append(args, "--namespace-for", "nil=x")...)
	w.fails(`"A B" is no name of a namespace`, append(args, "--namespace-for", "data=A B")...)
	w.fails(`--namespace-for is "data"`, append(args, "--namespace-for", "data")...)
	w.sim.AddWorkspace(orgID, "data")
	w.fails(`2 Workspaces have the name "data"`, append(args, "--namespace-for", "data=x")...)
}

// A name that another binding has already is not taken from it.
func TestExportBesideOthers(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Binding("airflow-metrics-on-prod-etl").In(w.namespace).ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object())
	a := w.run("export", "--token", metricsID)
	if a.code != 0 || !strings.Contains(a.out, "name: airflow-metrics-on-prod-etl-") {
		t.Errorf("%+v", a)
	}
	var none v1alpha1.ScopedTokenBinding
	if err := kube.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "ci-deployer-on-data"}, &none); !apierrors.IsNotFound(err) {
		t.Errorf("export wrote to Kubernetes: %v", err)
	}
}

// What a binding is to enforce is not exported in mode Observe, which would undo what its owner wants.
func TestExportLeavesOutWhatIsToBeEnforced(t *testing.T) {
	w := newWorld(t)
	w.create(
		builders.Binding("ci-deployer-on-data").In(w.namespace).ForTokenID(ciID).OnWorkspace(dataID).WithRole("WORKSPACE_MEMBER").Object(),
		builders.Binding("ci-deployer-on-models").In(w.namespace).ForTokenID(ciID).OnDeployment(modelsID).Observe().Object())
	a := w.run("export")
	if a.code != 0 || strings.Contains(a.out, "name: ci-deployer-on-data\n") || !strings.Contains(a.out, "name: ci-deployer-on-models\n") ||
		!strings.Contains(a.err, "Left out: 1 roles that a binding is to enforce and does not hold yet; see kubectl stb explain\n") {
		t.Errorf("%+v", a)
	}
	const line = "  CI deployer (" + ciID + "), WORKSPACE_MEMBER on Workspace/data: NAMESPACE/ci-deployer-on-data\n"
	if !strings.Contains(a.err, line) {
		t.Errorf("which binding it is, is not told: %s", a.err)
	}
	if a := w.run("export", "--declared"); !strings.Contains(a.out, "name: ci-deployer-on-data\n") || strings.Contains(a.err, "is to enforce") {
		t.Errorf("--declared prints it: %+v", a)
	}
}

// A binding that the rules refuse hides no role from an export, but is not written over either.
func TestExportBesideARefusedBinding(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"mine", "ci-deployer-on-models"} {
		b := builders.Binding(name).ForTokenID(ciID).OnDeployment(map[bool]string{true: etlID, false: modelsID}[name == "mine"]).WithRole("Deploy Only").Object()
		w.declare(b, string(b.Spec.Token.ID), string(b.Spec.Target.ID))
		b.Status.Claim = nil
		b.Status.Conditions[0].Status, b.Status.Conditions[0].Reason = metav1.ConditionFalse, v1alpha1.ReasonRoleNotAllowed
		if err := kube.Status().Update(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	a := w.run("export", "--token", ciID)
	if !strings.Contains(a.out, "name: ci-deployer-on-prod-etl\n") || strings.Contains(a.out, "name: ci-deployer-on-models\n") ||
		strings.Contains(a.err, "NAMESPACE/mine") || !strings.Contains(a.err, "on Deployment/models: NAMESPACE/ci-deployer-on-models\n") {
		t.Errorf("%+v", a)
	}
}

// What is exported again through another connection is no change to the bindings that are there, which the API server would refuse.
func TestExportThroughAnotherConnection(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection("beside").To(w.sim.URL(), orgID).In(w.namespace).Object())
	w.declare(builders.Binding("ci-deployer-on-prod-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Observe().Object(), ciID, etlID)
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	target := []string{"export", "--token", ciID, "--target", "deployment/prod-etl", "--connection"}
	if a := w.run(append(target, builders.ConnectionName)...); !strings.Contains(a.out, "name: ci-deployer-on-prod-etl\n") {
		t.Errorf("the same export again: %+v", a)
	}
	if a := w.run(append(target, "beside")...); a.out != "" || !strings.Contains(a.err, "Left out: 1 roles that a binding of another name observes already\n") {
		t.Errorf("a binding observes it through the other connection: %+v", a)
	}
	if a := w.run(append(target, "beside", "--declared")...); !strings.Contains(a.out, "name: ci-deployer-on-prod-etl-") {
		t.Errorf("what is printed all the same has a name of its own: %+v", a)
	}
}
