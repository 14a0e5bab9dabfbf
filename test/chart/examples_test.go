package chart

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// application is the chart of docs/examples that brings bindings along, with the library that it depends on.
func application(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for from, to := range map[string]string{"application": ".", "astro-bindings": "charts/astro-bindings"} {
		if err := os.CopyFS(filepath.Join(folder, to), os.DirFS(filepath.Join(env.Root, "docs", "examples", from))); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestExampleOfBindings: the library chart of docs/how-to/ship-a-binding.md has each binding go through the connection that
// it says, and renders nothing that would take away a field.
func TestExampleOfBindings(t *testing.T) {
	const rest = `token: {scope: Organization, name: ci}, target: {kind: Workspace, id: clw0a1b2c3d4e5f6g7h8i9j0k}, role: WORKSPACE_MEMBER`
	team, acme := map[string]any{"name": "team"}, map[string]any{"kind": "ClusterAstroConnection", "name": "acme"}
	cases := map[string]struct {
		reason, values string
		want           map[string]any // the binding's connectionRef
		refused        string
	}{
		"General":      {"The connection of all.", `bindings: [{name: a, ` + rest + `}]`, acme, ""},
		"Own":          {"Its own, with nothing of the other's.", `bindings: [{name: a, connectionRef: {name: team}, ` + rest + `}]`, team, ""},
		"OwnAlone":     {"Where all have their own there need be no other.", `connection: , bindings: [{name: a, connectionRef: {name: team}, ` + rest + `}]`, team, ""},
		"None":         {"No connection at all.", `connection: , bindings: [{name: a, ` + rest + `}]`, nil, "astro.connection is needed"},
		"Nameless":     {"No name.", `bindings: [{` + rest + `}]`, nil, "needs a name"},
		"BlankRole":    {"It would be the strongest.", `bindings: [{name: a, ` + strings.TrimSuffix(rest, "WORKSPACE_MEMBER") + `}]`, nil, "a.role has nothing behind it"},
		"BlankExpiry":  {"The role would never end.", `bindings: [{name: a, expiresAt: , ` + rest + `}]`, nil, "a.expiresAt has nothing behind it"},
		"BlankOwn":     {"It would be the connection of all.", `bindings: [{name: a, connectionRef: , ` + rest + `}]`, nil, "a.connectionRef has nothing behind it"},
		"BlankDeeper":  {"The name would count alone.", `bindings: [{name: a, ` + strings.Replace(rest, "name: ci", "name: ci, id: ", 1) + `}]`, nil, "a.token.id has nothing behind it"},
		"BlankKind":    {"Helm takes it out, and an AstroConnection of that name may allow everything.", `connection: {kind: , name: acme}, bindings: [{name: a, ` + rest + `}]`, nil, "astro.connection.kind is needed; write AstroConnection or ClusterAstroConnection"},
		"BlankName":    {"It would be refused by the API server only.", `connection: {name: }, bindings: [{name: a, ` + rest + `}]`, nil, "astro.connection.name is needed"},
		"BlankOwnKind": {"Nor may that of a binding's own.", `bindings: [{name: a, connectionRef: {kind: , name: acme}, ` + rest + `}]`, nil, "a.connectionRef.kind has nothing behind it"},
		"OddRole":      {"The role would be the widest.", `bindings: [{name: a, ` + strings.Replace(rest, "role:", "rol:", 1) + `}]`, nil, "astro.bindings: a has no field rol; write one of adopt, "},
		"OddMode":      {"It would not only observe.", `bindings: [{name: a, Mode: Observe, ` + rest + `}]`, nil, "astro.bindings: a has no field Mode; "},
		"OddPolicy":    {"The role would be revoked.", `bindings: [{name: a, deletionpolicy: Retain, ` + rest + `}]`, nil, "astro.bindings: a has no field deletionpolicy; "},
		"OddDeeper":    {"The name would count alone.", `bindings: [{name: a, ` + strings.Replace(rest, "name: ci", "name: ci, ID: x", 1) + `}]`, nil, "astro.bindings: a.token has no field ID; write one of id, name, scope, workspaceId"},
		"OddKind":      {"It would be an AstroConnection.", `bindings: [{name: a, connectionRef: {Kind: ClusterAstroConnection, name: acme}, ` + rest + `}]`, nil, "a.connectionRef has no field Kind; write one of kind, name"},
		"OddGeneral":   {"Nor may that of all have it.", `connection: {namespace: x}, bindings: [{name: a, ` + rest + `}]`, nil, "astro.connection has no field namespace; write one of kind, name"},
		"OwnOfNothing": {"It would be the connection of all.", `bindings: [{name: a, connectionRef: {}, ` + rest + `}]`, map[string]any{}, ""},
		"NoBindings":   {"There need be none.", `bindings: []`, nil, ""},
		"NothingAtAll": {"Nor anything of it.", ``, nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", "reports", application(t), "--values", valuesFile(t, "astro: {"+tc.values+"}"))
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("%s\nwant an error with %q, got %v", tc.reason, tc.refused, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			for _, o := range of(parse(t, out), "ScopedTokenBinding") {
				got, _, _ = unstructured.NestedMap(o.Object, "spec", "connectionRef")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

// TestFieldsOfExample: the template knows every field that a binding has.
func TestFieldsOfExample(t *testing.T) {
	crd := of(kustomize(t, "config/crd"), "CustomResourceDefinition")
	crd = slices.DeleteFunc(crd, func(o object) bool { return o.GetName() != "scopedtokenbindings.astro.scopedtoken.dev" })
	versions, _, _ := unstructured.NestedSlice(crd[0].Object, "spec", "versions")
	spec := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties"}
	for part, values := range map[string]string{
		"": "odd: 1", "token": "token: {odd: 1}", "target": "target: {odd: 1}", "connectionRef": "connectionRef: {odd: 1}",
	} {
		path := spec
		if part != "" {
			path = slices.Concat(spec, []string{part, "properties"})
		}
		fields, found, _ := unstructured.NestedMap(versions[0].(map[string]any), path...)
		if !found {
			t.Fatalf("the kind has no fields at %s", path)
		}
		if part == "" {
			fields["name"] = nil // of the object
		}
		want := "has no field odd; write one of " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
		_, err := helm(t, "template", "reports", application(t), "--values", valuesFile(t, "astro: {bindings: [{name: a, "+values+"}]}"))
		if err == nil || !strings.Contains(err.Error()+"\n", want+"\n") {
			t.Errorf("%q: want an error that ends with %q, got %v", part, want, err)
		}
	}
}

// TestNamesOfExample: each binding is an object of its own, called as the API server takes it, or the release fails.
func TestNamesOfExample(t *testing.T) {
	const rest = `token: {scope: Organization, name: ci}, target: {kind: Workspace, id: clw0a1b2c3d4e5f6g7h8i9j0k}, role: WORKSPACE_MEMBER`
	const long = "reports-of-the-data-platform-team-production-eu1"
	cases := map[string]struct {
		reason, release string
		items           []string
		want            []string
		refused         string
	}{
		"Long":      {"What tells two apart may stand at the end.", long, []string{"deployer-on-production-etl-a", "deployer-on-production-etl-b"}, []string{long + "-deployer-on-production-etl-a", long + "-deployer-on-production-etl-b"}, ""},
		"Number":    {"Names of digits are names.", "123", []string{"5"}, []string{"123-5"}, ""},
		"Twice":     {"One of the two would be there.", "r", []string{"a", "b", "a"}, nil, "astro.bindings: a is there twice"},
		"TwiceSame": {"Also where one is in quotes.", "r", []string{"5", "'5'"}, nil, "astro.bindings: 5 is there twice"},
		"Dot":       {"No name may end so.", "r", []string{"a."}, nil, "astro.bindings: a. would be called r-a., which is no name"},
		"Letters":   {"Nor have such letters.", "r", []string{"Deployer_A"}, nil, "r-Deployer_A, which is no name"},
		"TooLong":   {"Nor be longer than any.", "r", []string{strings.Repeat("a", 252)}, nil, "which is no name"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			items := make([]string, len(tc.items))
			for i, item := range tc.items {
				items[i] = "{name: " + item + ", " + rest + "}"
			}
			out, err := helm(t, "template", tc.release, application(t), "--values", valuesFile(t, "astro: {bindings: ["+strings.Join(items, ", ")+"]}"))
			if tc.refused != "" || err != nil {
				if err == nil || tc.refused == "" || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("%s\nwant an error with %q, got %v", tc.reason, tc.refused, err)
				}
				return
			}
			var got []string
			for _, o := range of(parse(t, out), "ScopedTokenBinding") {
				got = append(got, o.GetName())
				if instance, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "labels", "app.kubernetes.io/instance"); instance != tc.release {
					t.Errorf("%s is labelled with the instance %v of type %T", o.GetName(), instance, instance)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}
