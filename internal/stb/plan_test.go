package stb

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// folder writes manifests into files of their own.
func (w *world) folder(objects ...client.Object) string {
	w.Helper()
	folder := w.TempDir()
	for i, o := range objects {
		kind := map[string]string{"*v1alpha1.ScopedTokenBinding": "ScopedTokenBinding", "*v1alpha1.AstroConnection": "AstroConnection",
			"*v1alpha1.ClusterAstroConnection": "ClusterAstroConnection"}[fmt.Sprintf("%T", o)]
		o.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		data, err := json.Marshal(o)
		if err != nil {
			w.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d-%s.json", i, o.GetName())), data, 0o600); err != nil {
			w.Fatal(err)
		}
	}
	return folder
}

// plans runs a plan, which has to end with this code, and returns it.
func (w *world) plans(code int, args ...string) planned {
	w.Helper()
	a := w.run(append([]string{"plan", "-o", "json"}, args...)...)
	if a.code != code {
		w.Fatalf("%v: exit code %d, want %d\n%s%s", args, a.code, code, a.out, a.err)
	}
	var p planned
	if err := json.Unmarshal([]byte(a.out), &p); err != nil {
		w.Fatal(err)
	}
	return p
}

// actions are what becomes of each binding.
func (p *planned) actions() string {
	var lines []string
	for _, i := range p.Bindings {
		lines = append(lines, fmt.Sprintf("%s %s %s", i.Name, i.Operation, i.Action))
	}
	return strings.Join(lines, ", ")
}

// declareGranted declares a binding as the operator leaves one that it has given its role.
func (w *world) declareGranted(b *builders.BindingBuilder, token, target string) *v1alpha1.ScopedTokenBinding {
	w.Helper()
	o := b.Object()
	w.declare(o, token, target)
	o.Status.Origin, o.Status.Conditions = v1alpha1.OriginCreated, nil
	for condition, reason := range map[string]string{
		v1alpha1.ConditionAccepted: v1alpha1.ReasonAccepted, v1alpha1.ConditionResolved: v1alpha1.ReasonResolved,
		v1alpha1.ConditionSynced: v1alpha1.ReasonGranted, v1alpha1.ConditionReady: v1alpha1.ReasonGranted,
	} {
		o.Status.Conditions = append(o.Status.Conditions, metav1.Condition{
			Type: condition, Status: metav1.ConditionTrue, Reason: reason, LastTransitionTime: metav1.NewTime(today), ObservedGeneration: o.Generation,
		})
	}
	if err := kube.Status().Update(w.Context(), o); err != nil {
		w.Fatal(err)
	}
	return o
}

// columns are as wide as their longest cell, the name of the namespace in it.
var columns = regexp.MustCompile(" {3,}")

// TestPlan goes through what may become of a binding, and prints it.
func TestPlan(t *testing.T) {
	w := newWorld(t)
	w.declareGranted(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	w.declareGranted(builders.Binding("ci-on-data").ForTokenID(ciID).OnWorkspace(dataID).WithRole("WORKSPACE_MEMBER"), ciID, dataID)
	w.declareGranted(builders.Binding("metrics-on-etl").ForWorkspaceTokenID(metricsID).OnDeployment(etlID).WithRole("DEPLOYMENT_ADMIN"), metricsID, etlID)
	w.declareGranted(builders.Binding("elsewhere").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)

	folder := w.folder(
		builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("DEPLOYMENT_ADMIN").Object(),
		builders.Binding("ci-on-data").ForTokenID(ciID).OnWorkspace(dataID).WithRole("WORKSPACE_MEMBER").Object(),
		builders.Binding("ci-on-reports").ForToken("CI deployer").OnDeploymentNamed(dataID, "reports").WithRole("Deploy Only").Object(),
		builders.Binding("ci-on-models").ForToken("CI deployer").OnDeployment(modelsID).Object(),
		builders.Binding("ci-on-science").ForToken("CI deployer").OnWorkspaceNamed("science").WithRole("WORKSPACE_OWNER").Observe().Object(),
		builders.Binding("typo").ForToken("CI Deployer").OnDeployment(etlID).Object(),
		builders.Binding("elsewhere").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object(),
	)
	a := w.run("plan", "-f", folder, "--prune")
	if a.code != 2 {
		t.Errorf("exit code %d, want 2: %s", a.code, a.err)
	}
	w.compare("plan.txt", columns.ReplaceAllString(a.out, "   "))
	p := w.plans(2, "-f", folder)
	const want = "ci-on-data unchanged none, ci-on-etl update change, ci-on-models create adopt, ci-on-reports create grant, ci-on-science create none, elsewhere unchanged blocked, typo create blocked"
	if got := p.actions(); got != want {
		t.Errorf("without --prune nothing is deleted:\n%s, want\n%s", got, want)
	}
	if len(p.Changes) != 2 || p.Summary["grant"] != 1 {
		t.Errorf("want two changes in Astro, one of them a grant: %+v", p)
	}
}

// TestPlanOfNothing: what is applied already changes nothing, in whichever form it comes.
func TestPlanOfNothing(t *testing.T) {
	w := newWorld(t)
	w.declareGranted(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	a := w.run("plan", "-f", w.folder(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only").Object()))
	if a.code != 0 || a.out != "Nothing changes: 1 bindings are as declared.\n" {
		t.Errorf("%+v", a)
	}
	exported := w.run("export", "--declared", "--target", "deployment/prod-etl", "--token", ciID, "--mode", "Enforce").out
	if p := w.planOf(exported); p.code != 2 || !strings.Contains(p.out, "adopt") && !strings.Contains(p.out, "none") {
		t.Errorf("an export of what is declared under another name: %+v", p)
	}
}

// TestPlanOfTheSameTime: the end of a binding may be written with an offset or a fraction, and is the same again.
func TestPlanOfTheSameTime(t *testing.T) {
	w := newWorld(t)
	for i, written := range []string{"2126-01-02T12:00:00+02:00", "2126-01-02T10:00:00.5Z", "2126-01-02T10:00:00Z"} {
		name := fmt.Sprintf("ends-%d", i)
		text := func(end string) string { return manifestText("{name: "+name+"}", ", role: Deploy Only"+end) }
		b := w.declareGranted(builders.Binding(name).ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
		applied, err := json.Marshal(map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{corev1.LastAppliedConfigAnnotation: "{}"}},
			"spec":     map[string]any{"expiresAt": written},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := kube.Patch(t.Context(), b, client.RawPatch(types.MergePatchType, applied)); err != nil {
			t.Fatal(err)
		}
		b.Status.ObservedGeneration = b.Generation
		if err := kube.Status().Update(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for end, code := range map[string]int{
			", expiresAt: '" + written + "'": 0, ", expiresAt: '" + b.Spec.ExpiresAt.UTC().Format(time.RFC3339Nano) + "'": 0,
			"": 0, ", expiresAt: '2126-01-02T10:00:01Z'": codeChanges,
		} {
			if a := w.planOf(text(end)); a.code != code {
				t.Errorf("%s over %s: want exit code %d, got %+v", end, written, code, a)
			}
		}
	}
}

// planOf plans a stream.
func (w *world) planOf(text string, args ...string) answer {
	w.Helper()
	w.stdin = bytes.NewBufferString(strings.ReplaceAll(text, "NAMESPACE", w.namespace))
	defer func() { w.stdin = nil }()
	return w.run(append([]string{"plan", "-f", "-"}, args...)...)
}

func TestPlanPrune(t *testing.T) {
	w := newWorld(t)
	kept := builders.Binding("kept").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only")
	labelled := w.declareGranted(builders.Binding("labelled").ForTokenID(ciID).OnDeployment(modelsID).WithRole("DEPLOYMENT_ADMIN"), ciID, modelsID)
	w.declareGranted(builders.Binding("plain").ForTokenID(ciID).OnWorkspace(dataID).WithRole("WORKSPACE_MEMBER"), ciID, dataID)
	for _, o := range []*v1alpha1.ScopedTokenBinding{labelled} {
		o.Labels, o.Finalizers = map[string]string{"app": "grants-" + w.namespace}, []string{v1alpha1.FinalizerRevoke}
		if err := kube.Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			o.Finalizers = nil
			kube.Update(context.Background(), o)
		})
	}
	folder := w.folder(kept.Object())
	for _, tc := range []struct{ args, want string }{
		{"", "kept create adopt"},
		{"--prune", "kept create adopt, labelled delete revoke, plain delete revoke"},
		{"--prune-selector=app=grants-" + w.namespace, "kept create adopt, labelled delete revoke"},
		{"--prune-selector=app=none", "kept create adopt"},
	} {
		args := []string{"-f", folder}
		if tc.args != "" {
			args = append(args, tc.args)
		}
		p := w.plans(2, args...)
		if got := p.actions(); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.args, got, tc.want)
		}
	}
	for _, without := range []string{
		w.written(namespaceText("NAMESPACE", "")), w.folder(builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).In(w.namespace).Object()),
	} {
		if got := new(w.plans(2, "-f", without, "--prune")).actions(); got != "labelled delete revoke, plain delete revoke" {
			t.Errorf("a namespace from which the last binding was taken out is pruned: %s", got)
		}
	}
	w.fails("--prune-selector: ", "plan", "-f", folder, "--prune-selector", "a in")
}

// TestPlanRules: rules may come with the manifests, for bindings that are there and for those that come with them.
func TestPlanRules(t *testing.T) {
	w := newWorld(t)
	w.declareGranted(builders.Binding("ci-on-etl").ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	p := w.plans(2, "-f", w.folder(builders.Connection(builders.ConnectionName).To(w.sim.URL(), orgID).In(w.namespace).Allow(builders.AllowAll("other")).Object()))
	if got := p.actions(); got != "ci-on-etl unchanged blocked" || p.Bindings[0].Then.Reason != v1alpha1.ReasonNamespaceNotAllowed {
		t.Errorf("%s: %+v", got, p.Bindings)
	}
	if len(p.Connections) != 1 || p.Connections[0].Operation != plan.Update {
		t.Errorf("the connection is changed: %+v", p.Connections)
	}
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	rule := builders.AllowAll()
	rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "data"}}}
	manifests := func(labels string) string {
		folder := w.folder(
			builders.Connection("planned-"+w.namespace).To(w.sim.URL(), orgID).Allow(rule).Cluster(),
			builders.Binding("ci-on-reports").In("planned").ThroughCluster("planned-"+w.namespace).ForTokenID(ciID).OnDeployment(reportsID).Object())
		text := "apiVersion: v1\nkind: Namespace\nmetadata: {name: planned, labels: {" + labels + "}}\n"
		if err := os.WriteFile(filepath.Join(folder, "namespace.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	p = w.plans(2, "-f", manifests("team: data"))
	if got := p.actions(); got != "ci-on-reports create grant" {
		t.Errorf("a namespace, a connection and a binding at once: %s %+v", got, p.Bindings)
	}
	p = w.plans(2, "-f", manifests("team: none"))
	if got := p.actions(); got != "ci-on-reports create blocked" {
		t.Errorf("the rules go by the labels that the manifests give: %s", got)
	}
}

func manifestText(metadata, more string) string {
	return "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: ScopedTokenBinding\nmetadata: " + metadata +
		"\nspec: {connectionRef: {name: acme}, token: {scope: Organization, id: " + ciID + "}, target: {kind: Deployment, id: " + etlID + "}" + more + "}\n"
}
