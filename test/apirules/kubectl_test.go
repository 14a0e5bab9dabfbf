package apirules

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// kubectl runs the real one and fails the test if it fails.
func kubectl(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	command := exec.Command(env.Kubectl, append([]string{"--kubeconfig", env.Kubeconfig}, arguments...)...)
	command.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s%s", strings.Join(arguments, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// listed creates an object of a name and labels it, so that a test lists its own.
func listed(t *testing.T, kind, name, label, spec, status string) {
	t.Helper()
	object := manifest(t, kind, spec)
	object.SetName(name)
	object.SetLabels(map[string]string{"list": label})
	object, err := create(t, object)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = patch(t, object, types.MergePatchType, "{status: "+status+"}", "status"); err != nil {
		t.Fatal(err)
	}
}

var gap = regexp.MustCompile(` {2,}`)

// table splits what kubectl prints at its gaps. The columns of the tests are all filled.
func table(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		rows = append(rows, gap.Split(strings.TrimSpace(line), -1))
	}
	return rows
}

// TestColumns: what stands in status is what the columns show, with the CLI's list columns among the wide ones.
func TestColumns(t *testing.T) {
	const ready = `conditions: [{type: Ready, status: "True", reason: Granted, message: "", lastTransitionTime: "2026-01-02T03:04:05Z"}]`
	threeDays := time.Now().Add(-3*24*time.Hour - time.Minute).UTC().Format(time.RFC3339)
	listed(t, "ScopedTokenBinding", "columns", "columns", strings.TrimSuffix(workspaceOnDeployment, "}")+`, expiresAt: "2126-02-03T04:05:06Z"}`, `{observedGeneration: 1, role: DEPLOYMENT_ADMIN,
		token: {id: <tok>, name: CI, description: For CI, scope: Workspace, createdAt: "`+threeDays+`", createdBy: Jo Doe, expiresAt: "2126-01-02T03:04:05Z"},
		target: {kind: Deployment, id: <dep>, name: prod-etl}, `+ready+`}`)
	listed(t, "AstroConnection", "columns", "columns", leastConnection, `{observedGeneration: 1, organizationName: Acme, bindings: 0, credentialExpiresAt: "2126-01-02T03:04:05Z", `+ready+`}`)
	listed(t, "ClusterAstroConnection", "columns", "columns", leastConnection, `{observedGeneration: 1, organizationName: Acme, bindings: 7, credentialExpiresAt: "2126-01-02T03:04:05Z", `+ready+`}`)
	listed(t, "TargetInventory", "columns", "columns", leastInventory, `{observedGeneration: 1, total: 3, undeclared: 1, remaining: 0,
		target: {kind: Deployment, id: <dep>, name: prod-etl, workspaceId: <ws>}, tokens: [{id: <tok>, name: CI}, {id: <other>, name: CD}], `+ready+`}`)

	cases := map[string]struct {
		reason    string
		arguments []string
		want      [][]string
	}{
		"Binding": {"What, where, ready?", []string{"stb"}, [][]string{
			{"NAME", "TOKEN", "TARGET", "ROLE", "READY", "REASON", "AGE"},
			{"columns", "CI", "prod-etl", "DEPLOYMENT_ADMIN", "True", "Granted", "AGE"},
		}},
		"BindingWide": {"The CLI's ID, NAME, DESCRIPTION, SCOPE, ROLE, CREATED, CREATED BY.", []string{"stb", "-o", "wide"}, [][]string{
			{"NAME", "TOKEN", "TARGET", "ROLE", "READY", "REASON", "AGE", "TOKEN ID", "DESCRIPTION", "SCOPE", "CREATED", "CREATED BY", "EXPIRES", "UNTIL"},
			{"columns", "CI", "prod-etl", "DEPLOYMENT_ADMIN", "True", "Granted", "AGE", expand("<tok>"), "For CI", "Workspace", "3d", "Jo Doe", "2126-01-02T03:04:05Z", "2126-02-03T04:05:06Z"},
		}},
		"Connection": {"No binding is a figure too.", []string{"astroconn"}, [][]string{
			{"NAME", "ORGANIZATION", "BINDINGS", "MODE", "READY", "REASON", "AGE"},
			{"columns", "Acme", "0", "Enforce", "True", "Granted", "AGE"},
		}},
		"ConnectionWide": {"A day in the future is shown as such.", []string{"astroconn", "-o", "wide"}, [][]string{
			{"NAME", "ORGANIZATION", "BINDINGS", "MODE", "READY", "REASON", "AGE", "ORGANIZATION ID", "CREDENTIAL EXPIRES"},
			{"columns", "Acme", "0", "Enforce", "True", "Granted", "AGE", expand("<org>"), "2126-01-02T03:04:05Z"},
		}},
		"ClusterConnection": {"The same for the cluster's.", []string{"castroconn"}, [][]string{
			{"NAME", "ORGANIZATION", "BINDINGS", "MODE", "READY", "REASON", "AGE"},
			{"columns", "Acme", "7", "Enforce", "True", "Granted", "AGE"},
		}},
		"ClusterConnectionWide": {"And wide.", []string{"castroconn", "-o", "wide"}, [][]string{
			{"NAME", "ORGANIZATION", "BINDINGS", "MODE", "READY", "REASON", "AGE", "ORGANIZATION ID", "CREDENTIAL EXPIRES"},
			{"columns", "Acme", "7", "Enforce", "True", "Granted", "AGE", expand("<org>"), "2126-01-02T03:04:05Z"},
		}},
		"Inventory": {"How many, and how many undeclared.", []string{"tinv"}, [][]string{
			{"NAME", "TARGET", "KIND", "TOKENS", "UNDECLARED", "READY", "REASON", "AGE"},
			{"columns", "prod-etl", "Deployment", "3", "1", "True", "Granted", "AGE"},
		}},
		"InventoryWide": {"A column cannot hold a list, so the tokens stand in status.", []string{"tinv", "-o", "wide"}, [][]string{
			{"NAME", "TARGET", "KIND", "TOKENS", "UNDECLARED", "READY", "REASON", "AGE", "TARGET ID", "WORKSPACE ID", "UNLISTED"},
			{"columns", "prod-etl", "Deployment", "3", "1", "True", "Granted", "AGE", expand("<dep>"), expand("<ws>"), "0"},
		}},
	}
	age := regexp.MustCompile(`^\d+(s|m\d*s?)$`)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := table(kubectl(t, "", append([]string{"get", "-n", namespace, "-l", "list=columns"}, tc.arguments...)...))
			for i := range got {
				for j, cell := range got[i] {
					if i > 0 && got[0][min(j, len(got[0])-1)] == "AGE" && age.MatchString(cell) {
						got[i][j] = "AGE"
					}
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

func TestSelectableFields(t *testing.T) {
	listed(t, "ScopedTokenBinding", "selected", "fields",
		`{connectionRef: {name: acme}, token: {scope: Workspace, name: CI deployer, workspaceId: <ws>}, target: {kind: Deployment, name: prod etl, workspaceId: <ws>}, role: Deploy Only}`,
		`{token: {id: <tok>}, target: {id: <dep>}}`)
	listed(t, "ScopedTokenBinding", "passed-over", "fields",
		`{connectionRef: {name: other}, token: {scope: Organization, id: <x>}, target: {kind: Workspace, id: <y>}, role: WORKSPACE_OWNER}`,
		`{token: {id: <x>}, target: {id: <y>}}`)
	fields := map[string]string{
		"spec.connectionRef.name": "acme", "spec.token.name": "CI deployer", "spec.token.scope": "Workspace", "spec.target.kind": "Deployment",
		"spec.target.name": "prod etl", "spec.role": "Deploy Only", "status.token.id": expand("<tok>"), "status.target.id": expand("<dep>"),
	}
	for field, value := range fields {
		t.Run(field, func(t *testing.T) {
			equal := kubectl(t, "", "get", "stb", "-n", namespace, "-l", "list=fields", "-o", "name", "--field-selector", field+"="+value)
			if want := "scopedtokenbinding.astro.scopedtoken.dev/selected\n"; equal != want {
				t.Errorf("%s=%s\nwant %q, got %q", field, value, want, equal)
			}
			unequal := kubectl(t, "", "get", "stb", "-n", namespace, "-l", "list=fields", "-o", "name", "--field-selector", field+"!="+value)
			if want := "scopedtokenbinding.astro.scopedtoken.dev/passed-over\n"; unequal != want {
				t.Errorf("%s!=%s\nwant %q, got %q", field, value, want, unequal)
			}
		})
	}
}

func TestNames(t *testing.T) {
	want := map[string]bool{
		"astroconnections astroconn astro.scopedtoken.dev/v1alpha1 true AstroConnection":                 true,
		"clusterastroconnections castroconn astro.scopedtoken.dev/v1alpha1 false ClusterAstroConnection": true,
		"scopedtokenbindings stb astro.scopedtoken.dev/v1alpha1 true ScopedTokenBinding":                 true,
		"targetinventories tinv astro.scopedtoken.dev/v1alpha1 true TargetInventory":                     true,
	}
	got := map[string]bool{}
	for line := range strings.Lines(kubectl(t, "", "api-resources", "--categories=astro", "--no-headers")) {
		got[strings.Join(strings.Fields(line), " ")] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds of category astro (-want +got)\n%s", diff)
	}
	listed(t, "TargetInventory", "category", "category", leastInventory, `{}`)
	if out := kubectl(t, "", "get", "astro", "-n", namespace, "-l", "list=category", "-o", "name"); out != "targetinventory.astro.scopedtoken.dev/category\n" {
		t.Errorf("kubectl get astro: %q", out)
	}
}

func TestExplain(t *testing.T) {
	cases := map[string]string{
		"stb.spec.token.name":                              "exactly as Astro spells it",
		"stb.spec.role":                                    "DEPLOYMENT_ADMIN, which is meant where none is given",
		"stb.status.plannedChange":                         "what the operator would do if mode were Enforce",
		"castroconn.spec.allow.namespaces.selector":        "must not be empty",
		"castroconn.spec.allow.tokens.namePrefixes":        "the name a token has in Astro now",
		"astroconn.spec.credentialsSecretRef":              "in the same namespace for an",
		"tinv.status.tokens.declaredBy":                    "the binding that declares the role",
		"targetinventory.spec.connectionRef.kind":          "in the namespace of the object that refers to it",
		"scopedtokenbindings.astro.scopedtoken.dev":        "one role on one Workspace or Deployment",
		"clusterastroconnections.spec.sweepInterval":       "from 5s to 24h",
		"astroconnections.astro.scopedtoken.dev.spec":      "who may use it",
		"clusterastroconnection.status.observedGeneration": "-1 until the operator has looked",
	}
	for field, want := range cases {
		t.Run(field, func(t *testing.T) {
			got := strings.Join(strings.Fields(kubectl(t, "", "explain", field)), " ")
			if !strings.Contains(got, want) {
				t.Errorf("kubectl explain %s: want %q in:\n%s", field, want, got)
			}
		})
	}
}

// TestKubectlApply goes the way of users who apply on the client's side.
func TestKubectlApply(t *testing.T) {
	object := manifest(t, "ScopedTokenBinding", workspaceOnDeployment)
	object.SetGenerateName("")
	object.SetName("applied")
	if out := kubectl(t, text(t, object), "apply", "-f", "-"); !strings.Contains(out, "applied created") {
		t.Errorf("first: %q", out)
	}
	if out := kubectl(t, text(t, object), "apply", "-f", "-"); !strings.Contains(out, "applied unchanged") {
		t.Errorf("second: %q", out)
	}
	unstructured.RemoveNestedField(object.Object, "spec", "role")
	command := exec.Command(env.Kubectl, "--kubeconfig", env.Kubeconfig, "apply", "-f", "-")
	command.Stdin = strings.NewReader(text(t, object))
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), cannotTakeOutRole) {
		t.Errorf("a role taken out in Git: %v %s", err, out)
	}
}

func text(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	body, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
