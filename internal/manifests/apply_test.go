package manifests

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var kube client.Client

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
		"Nulls":          {KindBinding, "{connectionRef: {kind: null, name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}}"},
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
			if diff := cmp.Diff(served.Object["spec"], got.Object["spec"]); diff != "" {
				t.Errorf("-as the API server has it +as it is here\n%s", diff)
			}
		})
	}
}

// TestApplyOver lays documents over an object that is there, with kubectl's own annotation and without.
func TestApplyOver(t *testing.T) {
	const base = "connectionRef: {name: acme}, token: {scope: Organization, id: <tok>}, target: {kind: Deployment, id: <dep>}"
	const annotation = "kubectl.kubernetes.io/last-applied-configuration"
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
				was, err := document(t, KindBinding, live.GetName(), tc.applied).Object.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				live.SetAnnotations(map[string]string{annotation: string(was)})
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
