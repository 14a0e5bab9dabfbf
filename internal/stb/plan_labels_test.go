package stb

import (
	"encoding/json"
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

// written is a manifest in a folder of its own.
func (w *world) written(text string) (folder string) {
	w.Helper()
	folder = w.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "manifest.yaml"), []byte(strings.ReplaceAll(text, "NAMESPACE", w.namespace)), 0o600); err != nil {
		w.Fatal(err)
	}
	return folder
}

// namespaceText is the manifest of a namespace with these labels.
func namespaceText(name, labels string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {%s}}\n", name, labels)
}

// byTeam is a rule that allows everything to the namespaces of a team.
func byTeam(label, team string) v1alpha1.AllowRule {
	rule := builders.AllowAll()
	rule.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{label: team}}}
	return rule
}

// relabel gives the world's namespace labels, and the annotation that kubectl leaves if these were last applied; nil: none.
func (w *world) relabel(labels, applied map[string]string) {
	w.Helper()
	var object corev1.Namespace
	if err := kube.Get(w.Context(), client.ObjectKey{Name: w.namespace}, &object); err != nil {
		w.Fatal(err)
	}
	object.Labels, object.Annotations = labels, nil
	if applied != nil {
		last, err := json.Marshal(map[string]any{"metadata": map[string]any{"name": w.namespace, "labels": applied}})
		if err != nil {
			w.Fatal(err)
		}
		object.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: string(last)}
	}
	if err := kube.Update(w.Context(), &object); err != nil {
		w.Fatal(err)
	}
}

// TestPlanOfLabels: where a rule goes by labels, the manifest of a namespace alone may take roles away.
func TestPlanOfLabels(t *testing.T) {
	w := newWorld(t)
	c := builders.Connection(w.namespace).To(w.sim.URL(), orgID).Allow(byTeam("team", "data")).Cluster()
	c.Spec.OnWithdrawal = v1alpha1.WithdrawalRevoke
	w.create(c)
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	w.declareGranted(builders.Binding("ci-on-etl").ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	data := map[string]string{"team": "data"}
	cases := map[string]struct {
		reason   string
		applied  map[string]string // by kubectl, of the labels that are there
		manifest string
		want     string
	}{
		"Same":     {"The labels that are there change nothing.", nil, "team: data", ""},
		"Other":    {"Another team is not allowed the role.", nil, "team: none", "ci-on-etl unchanged revoke"},
		"TakenOut": {"A label that was applied and is taken out goes.", data, "", "ci-on-etl unchanged revoke"},
		"Kept":     {"Unless it is in the manifest still.", data, "team: data", ""},
		"OfOthers": {"A label that somebody else has set stays.", map[string]string{"stage": "prod"}, "", ""},
		"NotKnown": {"So does one of which nobody knows who has set it.", nil, "stage: prod", ""},
	}
	for name, tc := range cases {
		w.relabel(data, tc.applied)
		a := w.run("plan", "-o", "json", "-f", w.written(namespaceText("NAMESPACE", tc.manifest)))
		var p planned
		if err := json.Unmarshal([]byte(a.out), &p); err != nil {
			t.Fatalf("%s: %v: %+v", name, err, a)
		}
		if got := p.actions(); got != tc.want || a.code != map[bool]int{true: 0, false: codeChanges}[tc.want == ""] {
			t.Errorf("%s: %s\n%q and exit code %d, want %q", name, tc.reason, got, a.code, tc.want)
		}
	}
}

// TestPlanOfLabelsThroughAnother: with --connection nobody asks for the Organization of another.
func TestPlanOfLabelsThroughAnother(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection(w.namespace).To(w.sim.URL(), orgID).Allow(byTeam("team", "data")).Cluster())
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	w.relabel(map[string]string{"team": "data"}, nil)
	w.declareGranted(builders.Binding("ci-on-etl").ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(etlID).WithRole("Deploy Only"), ciID, etlID)
	manifest := w.written(namespaceText("NAMESPACE", "team: none"))
	for connection, code := range map[string]int{builders.ConnectionName: 0, "cluster/" + w.namespace: codeChanges} {
		w.plans(code, "-f", manifest, "--connection", connection)
	}
}

// TestPlanOfLabelsOffline: of a namespace that no manifest has, its name is known for a label, and nothing else.
func TestPlanOfLabelsOffline(t *testing.T) {
	w := newWorld(t)
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	w.kube = filepath.Join(t.TempDir(), "none")
	lacks := byTeam("", "")
	lacks.Namespaces.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "stage", Operator: metav1.LabelSelectorOpDoesNotExist}}}
	onlyWorkspaces := builders.AllowAll(w.namespace)
	onlyWorkspaces.Targets = []v1alpha1.TargetRule{{WorkspaceIDs: []string{scienceID}}}
	const notKnown = "blocked " + v1alpha1.ReasonUnreachable
	for name, tc := range map[string]struct {
		rules    []v1alpha1.AllowRule
		manifest string
		want     string
	}{
		"Name":     {[]v1alpha1.AllowRule{byTeam(corev1.LabelMetadataName, w.namespace)}, "", "grant Granted"},
		"Other":    {[]v1alpha1.AllowRule{byTeam(corev1.LabelMetadataName, "other")}, "", "blocked " + v1alpha1.ReasonNamespaceNotAllowed},
		"ByName":   {[]v1alpha1.AllowRule{builders.AllowAll(w.namespace), byTeam("team", "data")}, "", "grant Granted"},
		"NoLabel":  {[]v1alpha1.AllowRule{onlyWorkspaces, lacks}, "", "blocked " + v1alpha1.ReasonTargetNotAllowed},
		"NotKnown": {[]v1alpha1.AllowRule{byTeam("team", "data")}, "", notKnown},
		"Lacks":    {[]v1alpha1.AllowRule{lacks}, "", notKnown},
		"Told":     {[]v1alpha1.AllowRule{byTeam("team", "data")}, namespaceText("NAMESPACE", "team: data"), "grant Granted"},
	} {
		folder := w.folder(
			builders.Connection("acme").To(w.sim.URL(), orgID).Allow(tc.rules...).Cluster(),
			builders.Binding("a").In(w.namespace).ThroughCluster("acme").ForTokenID(ciID).OnDeployment(reportsID).Object())
		p := w.plans(codeChanges, "-f", folder, "-f", w.written(tc.manifest+"---\n"), "--offline")
		if got := fmt.Sprintf("%s %s", p.Bindings[0].Action, p.Bindings[0].Then.Reason); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// TestPlanOfNewNamespace: a namespace that the manifests make, with labels or without, is not missed.
func TestPlanOfNewNamespace(t *testing.T) {
	w := newWorld(t)
	w.create(builders.Connection(w.namespace).To(w.sim.URL(), orgID).Allow(builders.AllowAll("new-" + w.namespace)).Cluster())
	w.environ[credentialVariable] = w.sim.Credential(selfID)
	binding := w.folder(builders.Binding("a").In("new-" + w.namespace).ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(reportsID).Object())
	const missed = "There is no namespace new-NAMESPACE"
	if a := w.run("plan", "-f", binding); a.code != codeChanges || !strings.Contains(a.err, missed) {
		t.Errorf("it is missed: %+v", a)
	}
	for _, manifest := range []string{namespaceText("new-NAMESPACE", "team: data"), "apiVersion: v1\nkind: Namespace\nmetadata: {name: new-NAMESPACE}\n"} {
		if a := w.run("plan", "-f", binding, "-f", w.written(manifest)); a.code != codeChanges || strings.Contains(a.err, missed) {
			t.Errorf("%s\nit is made: %+v", manifest, a)
		}
	}
}
