package manifests

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var (
	kube client.Client
	raw  rest.Interface
)

func TestMain(m *testing.M) {
	flag.Parse()
	log.SetLogger(logr.Discard())
	os.Exit(withEnvironment(m.Run))
}

func withEnvironment(run func() int) int {
	env, err := environment.Start()
	if err == nil {
		kube, err = client.New(env.Config, client.Options{FieldValidation: "Strict"})
	}
	if err == nil {
		var set *kubernetes.Clientset
		if set, err = kubernetes.NewForConfig(env.Config); err == nil {
			raw = set.RESTClient()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer env.Stop()
	return run()
}

const (
	someToken  = "cltk0000000000000000000ci"
	someTarget = "clde00000000000000000petl"
	someOrg    = "clorg0000000000000000acme"
	annotation = "kubectl.kubernetes.io/last-applied-configuration"
)

// spec is a document with this spec, in which <tok>, <dep> and <org> stand for ids.
func document(t *testing.T, kind, name, spec string) *Document {
	t.Helper()
	spec = strings.NewReplacer("<tok>", someToken, "<dep>", someTarget, "<org>", someOrg).Replace(spec)
	all, err := Read([]string{"-"}, false, strings.NewReader(fmt.Sprintf("%s%s\nmetadata: {name: %s}\nspec: %s\n", head, kind, name, spec)))
	if err != nil {
		t.Fatal(err)
	}
	if kind != KindClusterConnection {
		all[0].Object.SetNamespace("default")
	}
	return &all[0]
}

// TestApplyAsTheServerDoes creates each object at a real API server, and applies it here: both make the same of it, or both
// refuse it.
func TestApplyAsTheServerDoes(t *testing.T) {
	const base = "connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}"
	const connection = "organizationId: <org>, credentialsSecretRef: {name: astro}"
	cases := map[string]struct{ kind, spec string }{
		"Least":          {KindBinding, "{" + base + "}"},
		"Whole":          {KindBinding, "{" + base + ", role: Deploy Only, mode: Observe, adopt: Never, deletionPolicy: Retain, suspend: true}"},
		"Nulls":          {KindConnection, "{organizationId: <org>, credentialsSecretRef: {name: astro, key: null}, sweepInterval: null}"},
		"NullKind":       {KindBinding, "{connectionRef: {kind: null, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}"},
		"RoleNull":       {KindBinding, "{" + base + ", role: null}"},
		"ModeNull":       {KindBinding, "{" + base + ", mode: null}"},
		"SuspendNull":    {KindBinding, "{" + base + ", suspend: null}"},
		"OddMode":        {KindBinding, "{" + base + ", mode: Watch}"},
		"OddType":        {KindBinding, "{" + base + ", suspend: 'yes'}"},
		"Unknown":        {KindBinding, "{" + base + ", rol: DEPLOYMENT_ADMIN}"},
		"NoTarget":       {KindBinding, "{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}}"},
		"NameAndID":      {KindBinding, "{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>, name: ci}, target: {kind: Deployment, id: <dep>}}"},
		"WorkspaceRole":  {KindBinding, "{" + base + ", role: WORKSPACE_OWNER}"},
		"RoleOnTwoLines": {KindBinding, "{" + base + `, role: "a\nb"}`},
		"NoRole":         {KindBinding, "{connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Workspace, id: <dep>}}"},
		"Connection":     {KindConnection, "{" + connection + "}"},
		"Rates":          {KindConnection, "{" + connection + ", rateLimit: {readsPerSecond: 3}, sweepInterval: 1m}"},
		"BadInterval":    {KindConnection, "{" + connection + ", sweepInterval: 1s}"},
		"AllowNull":      {KindConnection, "{" + connection + ", allow: null}"},
		"AllowNobody":    {KindClusterConnection, "{" + connection + ", allow: []}"},
		"Rule":           {KindClusterConnection, "{" + connection + `, allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: ["*"]}]}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := document(t, tc.kind, "created-"+strings.ToLower(name), tc.spec)
			served := d.Object.DeepCopy()
			wrong := kube.Create(t.Context(), served)
			got, err := d.Apply(t.Context(), nil)
			if (err == nil) != (wrong == nil) {
				t.Fatalf("the API server says %v, and here it is %v", wrong, err)
			}
			if err != nil {
				t.Log(err)
				return
			}
			if diff := gocmp.Diff(served.Object["spec"], got.Object["spec"]); diff != "" {
				t.Errorf("-as the API server has it +as it is here\n%s", diff)
			}
		})
	}
}

// TestApplyOver lays documents over an object that is there, with kubectl's own annotation and without.
func TestApplyOver(t *testing.T) {
	const base = "connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}"
	cases := map[string]struct {
		reason, live, applied, document string
		want                            map[string]any // fields of the spec
		edited                          bool
		fails                           string
	}{
		"Same":         {"The same again changes nothing.", "{" + base + "}", "", "{" + base + "}", map[string]any{"mode": "Enforce"}, false, ""},
		"TakenOut":     {"What was applied and is taken out is the default again.", "{" + base + ", mode: Observe}", "{" + base + ", mode: Observe}", "{" + base + "}", map[string]any{"mode": "Enforce"}, true, ""},
		"OfOthers":     {"What somebody else has set stays.", "{" + base + ", suspend: true}", "{" + base + "}", "{" + base + "}", map[string]any{"suspend": true}, false, ""},
		"NotKnown":     {"Where nobody knows what was applied, the document is all there is.", "{" + base + ", suspend: true}", "", "{" + base + "}", map[string]any{"suspend": false}, true, ""},
		"Role":         {"A role may change.", "{" + base + ", role: a}", "", "{" + base + ", role: b}", map[string]any{"role": "b"}, true, ""},
		"RoleTakenOut": {"But not go.", "{" + base + ", role: a}", "{" + base + ", role: a}", "{" + base + "}", nil, false, "spec.role may be changed but not taken out"},
		"Token":        {"A token may not change.", "{" + base + "}", "", "{connectionRef: {name: acme}, token: {scope: Organization, name: ci}, target: {kind: Deployment, id: <dep>}}", nil, false, "spec.token cannot be changed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			live := document(t, KindBinding, "over-"+strings.ToLower(name), tc.live).Object
			if tc.applied != "" {
				live.SetAnnotations(map[string]string{annotation: string(asJSON(t, document(t, KindBinding, live.GetName(), tc.applied).Object))})
			}
			if err := kube.Create(t.Context(), live); err != nil {
				t.Fatal(err)
			}
			got, err := document(t, KindBinding, live.GetName(), tc.document).Apply(t.Context(), live)
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) || !strings.Contains(err.Error(), "standard input, document 1") {
					t.Errorf("%s\nwant an error with %q, got %v", tc.reason, tc.fails, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for field, want := range tc.want {
				if is, _, _ := unstructured.NestedFieldNoCopy(got.Object, "spec", field); is != want {
					t.Errorf("%s\nspec.%s is %v, want %v", tc.reason, field, is, want)
				}
			}
			if edited := got.GetGeneration() > live.GetGeneration(); edited != tc.edited {
				t.Errorf("%s\nwant edited: %v", tc.reason, tc.edited)
			}
			if got.GetUID() != live.GetUID() {
				t.Error("it is the same object")
			}
		})
	}
}

// TestApplyBlanksOver lays documents with a key that has nothing behind it over an object that has a value there: here as with
// server-side apply it is refused, or is the default where that allows nobody more. (What kubectl does on the client's side is
// refused by a policy: test/apirules.)
func TestApplyBlanksOver(t *testing.T) {
	const binding = "connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}"
	const connection = "organizationId: <org>, credentialsSecretRef: {name: astro}"
	rule := func(namespaces, token, target string) string {
		return connection + fmt.Sprintf(", allow: [{namespaces: {%s}, tokens: [{scope: Organization, %s}], targets: [{%s}], roles: [a]}]", namespaces, token, target)
	}
	cases := map[string]struct {
		kind, live, document string
		accepted             bool
	}{
		"Mode":           {KindBinding, binding + ", mode: Observe", binding + ", mode: ", false},
		"Suspend":        {KindBinding, binding + ", suspend: true", binding + ", suspend: ", false},
		"Adopt":          {KindBinding, binding + ", adopt: Never", binding + ", adopt: ", false},
		"DeletionPolicy": {KindBinding, binding + ", deletionPolicy: Retain", binding + ", deletionPolicy: ", false},
		"ExpiresAt":      {KindBinding, binding + `, expiresAt: "2126-01-02T03:04:05Z"`, binding + ", expiresAt: ", false},
		"Role":           {KindBinding, binding + ", role: a", binding + ", role: ", false},
		"NoRole":         {KindBinding, binding, binding + ", role: ", false},
		"TokenName":      {KindBinding, binding, strings.Replace(binding, "id: <tok>", "id: <tok>, name: ", 1), false},
		"TargetHome":     {KindBinding, binding, strings.Replace(binding, "id: <dep>", "id: <dep>, workspaceId: ", 1), false},
		"TokenBlank":     {KindBinding, binding, strings.Replace(binding, "token: {scope: Organization, id: <tok>}", "token: ", 1), false},
		"Spec":           {KindBinding, binding, "", false},
		"RefKind":        {KindBinding, binding, strings.Replace(binding, "name: acme", "name: acme, kind: ", 1), false},
		"ConnectionMode": {KindClusterConnection, connection + ", mode: Observe", connection + ", mode: ", false},
		"Deletions":      {KindConnection, connection + ", deletionPolicy: Retain", connection + ", deletionPolicy: ", false},
		"Revocations":    {KindConnection, connection + ", maxRevocationsPerSweep: 5", connection + ", maxRevocationsPerSweep: ", false},
		"Allow":          {KindClusterConnection, rule("names: [a]", `ids: ["*"]`, `workspaceIds: ["*"]`), connection + ", allow: ", false},
		"IDs":            {KindConnection, rule("names: [a]", "namePrefixes: [ci-], ids: [<tok>]", `workspaceIds: ["*"]`), rule("names: [a]", "namePrefixes: [ci-], ids: ", `workspaceIds: ["*"]`), false},
		"NamePrefixes":   {KindConnection, rule("names: [a]", "namePrefixes: [ci-], ids: [<tok>]", `workspaceIds: ["*"]`), rule("names: [a]", "namePrefixes: , ids: [<tok>]", `workspaceIds: ["*"]`), false},
		"OneID":          {KindConnection, rule("names: [a]", "ids: [<tok>]", `workspaceIds: ["*"]`), rule("names: [a]", "ids: [<tok>, null]", `workspaceIds: ["*"]`), false},
		"Workspaces":     {KindClusterConnection, rule("names: [a]", `ids: ["*"]`, "workspaceIds: [<org>]"), rule("names: [a]", `ids: ["*"]`, "workspaceIds: [<org>], deploymentIds: "), false},
		"Names":          {KindClusterConnection, rule("selector: {matchLabels: {a: b}}", `ids: ["*"]`, `workspaceIds: ["*"]`), rule("selector: {matchLabels: {a: b}}, names: ", `ids: ["*"]`, `workspaceIds: ["*"]`), false},
		"Selector":       {KindClusterConnection, rule("names: [a]", `ids: ["*"]`, `workspaceIds: ["*"]`), rule("names: [a], selector: ", `ids: ["*"]`, `workspaceIds: ["*"]`), false},
		"Label":          {KindClusterConnection, rule("selector: {matchLabels: {a: b, team: c}}", `ids: ["*"]`, `workspaceIds: ["*"]`), rule("selector: {matchLabels: {a: b, team: }}", `ids: ["*"]`, `workspaceIds: ["*"]`), false},
		"Expressions":    {KindClusterConnection, rule("selector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}", `ids: ["*"]`, `workspaceIds: ["*"]`), rule("selector: {matchLabels: {a: b}, matchExpressions: }", `ids: ["*"]`, `workspaceIds: ["*"]`), false},
		"Interval":       {KindConnection, connection + ", sweepInterval: 1m", connection + ", sweepInterval: ", true},
		"Rates":          {KindConnection, connection + ", rateLimit: {readsPerSecond: 3}", connection + ", rateLimit: ", true},
		"Withdrawal":     {KindConnection, connection + ", onWithdrawal: Revoke", connection + ", onWithdrawal: ", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			first := document(t, tc.kind, "blank-"+strings.ToLower(name), "{"+tc.live+"}")
			live, err := serverSide(t, first)
			if err != nil {
				t.Fatal(err)
			}
			spec := "{" + tc.document + "}"
			if tc.document == "" {
				spec = "null"
			}
			d := document(t, tc.kind, live.GetName(), spec)
			served, wrong := serverSide(t, d, client.DryRunAll)
			if (wrong == nil) != tc.accepted {
				t.Fatalf("the API server says %v", wrong)
			}
			applied := live.DeepCopy()
			applied.SetAnnotations(map[string]string{annotation: string(asJSON(t, first.Object))})
			for _, over := range []*unstructured.Unstructured{nil, live, applied} {
				got, err := d.Apply(t.Context(), over)
				if (err == nil) != tc.accepted {
					t.Errorf("the API server says %v, and here it is %v", wrong, err)
				}
				if err != nil || over == nil {
					continue
				}
				if diff := gocmp.Diff(served.Object["spec"], got.Object["spec"]); diff != "" {
					t.Errorf("-as the API server has it +as it is here\n%s", diff)
				}
			}
		})
	}
}

// serverSide is what server-side apply makes of the document.
func serverSide(t *testing.T, d *Document, more ...client.PatchOption) (*unstructured.Unstructured, error) {
	t.Helper()
	object := d.Object.DeepCopy()
	patch := client.RawPatch(types.ApplyPatchType, asJSON(t, object))
	return object, kube.Patch(t.Context(), object, patch, append(more, client.ForceOwnership, client.FieldOwner("plan"))...)
}

func asJSON(t *testing.T, object *unstructured.Unstructured) []byte {
	t.Helper()
	text, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
