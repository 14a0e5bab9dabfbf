package apirules

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// blanks are keys with nothing behind them, as templates leave them. What is left out would be taken for the words said
// with each.
var blanks = map[string]struct{ reason, kind, spec, key string }{
	"Kind":           {"An AstroConnection of that name may allow everything.", "ScopedTokenBinding", `{connectionRef: {name: acme, kind: }, token: {scope: Organization, name: x}, target: {kind: Deployment, id: <dep>}}`, "kind"},
	"InventoryKind":  {"It may show everything.", "TargetInventory", `{connectionRef: {name: acme, kind: }, target: {kind: Deployment, id: <dep>}}`, "kind"},
	"Role":           {"DEPLOYMENT_ADMIN is the strongest role of a Deployment.", "ScopedTokenBinding", bindingWith("role: "), "role"},
	"Mode":           {"Enforce writes.", "ScopedTokenBinding", bindingWith("mode: "), "mode"},
	"Adopt":          {"Always takes over whatever is there.", "ScopedTokenBinding", bindingWith("adopt: "), "adopt"},
	"DeletionPolicy": {"The connection may say Revoke, which takes roles away.", "ScopedTokenBinding", bindingWith("deletionPolicy: "), "deletionPolicy"},
	"ExpiresAt":      {"The role would never end.", "ScopedTokenBinding", bindingWith("expiresAt: "), "expiresAt"},
	"Suspend":        {"What is not suspended is worked on.", "ScopedTokenBinding", bindingWith("suspend: "), "suspend"},
	"TokenID":        {"The name would count alone.", "ScopedTokenBinding", `{connectionRef: {name: acme}, token: {scope: Organization, name: x, id: }, target: {kind: Deployment, id: <dep>}}`, "id"},
	"TokenHome":      {"The token could be of any Workspace.", "ScopedTokenBinding", `{connectionRef: {name: acme}, token: {scope: Workspace, id: <tok>, workspaceId: }, target: {kind: Deployment, id: <dep>}}`, "workspaceId"},
	"TargetHome":     {"The Deployment could be in any Workspace.", "ScopedTokenBinding", `{connectionRef: {name: acme}, token: {scope: Organization, name: x}, target: {kind: Deployment, id: <dep>, workspaceId: }}`, "workspaceId"},
	"TargetName":     {"The id would count alone.", "TargetInventory", `{connectionRef: {name: acme}, target: {kind: Deployment, id: <dep>, name: }}`, "name"},
	"Inventory":      {"The Deployment could be in any Workspace.", "TargetInventory", `{connectionRef: {name: acme}, target: {kind: Deployment, id: <dep>, workspaceId: }}`, "workspaceId"},
	"Undeclared":     {"Somebody meant to say what becomes of it.", "TargetInventory", `{connectionRef: {name: acme}, target: {kind: Deployment, id: <dep>}, undeclared: }`, "undeclared"},
	"Allow":          {"Without rules the namespace may do everything.", "AstroConnection", connectionWith("allow: "), "allow"},
	"ClusterAllow":   {"Rules that somebody meant to write are not there.", "ClusterAstroConnection", connectionWith("allow: "), "allow"},
	"ConnectionMode": {"Enforce writes.", "ClusterAstroConnection", connectionWith("mode: "), "mode"},
	"Deletions":      {"Revoke takes roles away.", "AstroConnection", connectionWith("deletionPolicy: "), "deletionPolicy"},
	"Revocations":    {"There would be no limit.", "AstroConnection", connectionWith("maxRevocationsPerSweep: "), "maxRevocationsPerSweep"},
	"IDs":            {"A rule of two limits would have one.", "AstroConnection", ruleWith("namespaces: {names: [a]}", "{scope: Organization, namePrefixes: [ci-], ids: }", `{workspaceIds: ["*"]}`), "ids"},
	"NamePrefixes":   {"So it would the other way round.", "ClusterAstroConnection", ruleWith("namespaces: {names: [a]}", `{scope: Organization, ids: ["*"], namePrefixes: }`, `{workspaceIds: ["*"]}`), "namePrefixes"},
	"Workspaces":     {"And with the third.", "AstroConnection", ruleWith("namespaces: {names: [a]}", `{scope: Workspace, namePrefixes: [ci-], workspaceIds: }`, `{workspaceIds: ["*"]}`), "workspaceIds"},
	"TargetRule":     {"Somebody meant to write more.", "AstroConnection", ruleWith("namespaces: {names: [a]}", `{scope: Organization, ids: ["*"]}`, `{workspaceIds: [<ws>], deploymentIds: }`), "deploymentIds"},
	"TargetRuleToo":  {"Or other ids.", "AstroConnection", ruleWith("namespaces: {names: [a]}", `{scope: Organization, ids: ["*"]}`, `{deploymentIds: [<dep>], workspaceIds: }`), "workspaceIds"},
	"Names":          {"The labels would count alone.", "ClusterAstroConnection", ruleWith("namespaces: {selector: {matchLabels: {a: b}}, names: }", `{scope: Organization, ids: ["*"]}`, `{workspaceIds: ["*"]}`), "names"},
	"Selector":       {"The names would count alone.", "ClusterAstroConnection", ruleWith("namespaces: {names: [a], selector: }", `{scope: Organization, ids: ["*"]}`, `{workspaceIds: ["*"]}`), "selector"},
	"Label":          {"A selector of two labels would have one.", "ClusterAstroConnection", ruleWith("namespaces: {selector: {matchLabels: {a: b, team: }}}", `{scope: Organization, ids: ["*"]}`, `{workspaceIds: ["*"]}`), "team"},
	"Expressions":    {"Labels would count without what else is asked of them.", "ClusterAstroConnection", ruleWith("namespaces: {selector: {matchLabels: {a: b}, matchExpressions: }}", `{scope: Organization, ids: ["*"]}`, `{workspaceIds: ["*"]}`), "matchExpressions"},
}

func bindingWith(key string) string {
	return `{connectionRef: {name: acme}, token: {scope: Organization, name: x}, target: {kind: Deployment, id: <dep>}, ` + key + `}`
}

func connectionWith(key string) string {
	return `{organizationId: <org>, credentialsSecretRef: {name: x}, ` + key + `}`
}

func ruleWith(namespaces, token, target string) string {
	return connectionWith(fmt.Sprintf(`allow: [{%s, tokens: [%s], targets: [%s], roles: [a]}]`, namespaces, token, target))
}

// TestBlankKeys: a key with nothing behind it never means the most that it could, however it is applied.
func TestBlankKeys(t *testing.T) {
	withPolicies(t)
	for name, c := range blanks {
		object := "blank-" + strings.ToLower(name)
		t.Run(name+"/ClientSide", func(t *testing.T) {
			out, err := kubectlApply(t, c.kind, object, c.spec)
			if err == nil || !strings.Contains(out, "the key "+c.key+" with nothing behind it") || !strings.Contains(out, "write its value") {
				t.Errorf("%s\n%v %s", c.reason, err, out)
			}
		})
		t.Run(name+"/ServerSide", func(t *testing.T) {
			out, err := kubectlApply(t, c.kind, object, c.spec, "--server-side")
			said := strings.Contains(out, "nothing behind it; write") || strings.Contains(out, "take the key out") || strings.Contains(out, "supported values") || strings.Contains(out, "must be of type")
			named := strings.Contains(out, c.key) || strings.Contains(out, "a selector has a key with nothing behind it")
			if err == nil || !said || !named {
				t.Errorf("%s\n%v %s", c.reason, err, out)
			}
		})
	}
}

// harmless are blank keys whose defaults take no limit away.
var harmless = map[string]struct{ kind, spec string }{
	"APIURL":        {"AstroConnection", connectionWith("apiURL: ")},
	"Key":           {"AstroConnection", `{organizationId: <org>, credentialsSecretRef: {name: x, key: }}`},
	"SweepInterval": {"ClusterAstroConnection", connectionWith("sweepInterval: ")},
	"RateLimit":     {"AstroConnection", connectionWith("rateLimit: ")},
	"Reads":         {"AstroConnection", connectionWith("rateLimit: {readsPerSecond: }")},
	"OnWithdrawal":  {"AstroConnection", connectionWith("onWithdrawal: ")},
	"DanglingRoles": {"ClusterAstroConnection", connectionWith("danglingRoles: ")},
	"Inventory":     {"AstroConnection", connectionWith(`allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: [a], inventory: }]`)},
	"Removals":      {"ClusterAstroConnection", connectionWith(`allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, ids: ["*"]}], targets: [{workspaceIds: ["*"]}], roles: [a], removeUndeclared: }]`)},
}

// TestHarmlessBlankKeys: such a key is its default where it reaches the API server, but for one that has no default and is
// applied; what kubectl takes out on its side is refused by the policy.
func TestHarmlessBlankKeys(t *testing.T) {
	apply := func(t *testing.T, object, want string, arguments ...string) {
		t.Helper()
		c := harmless[object]
		out, err := kubectlApply(t, c.kind, "harmless-"+strings.ToLower(object), c.spec, append(arguments, "--dry-run=server")...)
		if (err != nil) != (want != "") || !strings.Contains(out, want) {
			t.Errorf("%s: want %q, got %v %s", object, want, err, out)
		}
	}
	for name, c := range harmless {
		_, err := create(t, manifest(t, c.kind, c.spec))
		check(t, name, err, accepted)
		apply(t, name, "")
		apply(t, name, map[string]string{"Inventory": "inventory in body must be of type boolean", "Removals": "removeUndeclared in body must be of type boolean"}[name], "--server-side")
	}
	withPolicies(t)
	for name := range harmless {
		apply(t, name, "with nothing behind it, which kubectl would leave out")
	}
}

// withPolicies has the policies in force until the test ends. The API server takes its time to notice either.
func withPolicies(t *testing.T) {
	t.Helper()
	policies := filepath.Join(env.Root, "config", "policies")
	kubectl(t, "", "apply", "-k", policies)
	waitForPolicies(t, true)
	t.Cleanup(func() {
		kubectl(t, "", "delete", "-k", policies)
		waitForPolicies(t, false)
	})
}

func waitForPolicies(t *testing.T, there bool) {
	t.Helper()
	for range 300 {
		out, err := kubectlApply(t, "ScopedTokenBinding", "blank-yet", bindingWith("role: "), "--dry-run=server")
		if denied := err != nil && strings.Contains(out, "nothing behind it"); denied == there {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the policies are still not as they should be: in force %t", there)
}

// TestBlankKeysOfAnUpdate: what an object has is not lost to a key that was left blank, and an object that was applied with
// one before there was a policy can still be changed.
func TestBlankKeysOfAnUpdate(t *testing.T) {
	const rules = `allow: [{namespaces: {names: [a]}, tokens: [{scope: Organization, namePrefixes: [ci-], ids: [<tok>]}], targets: [{workspaceIds: ["*"]}], roles: [a]}]`
	mustApply(t, "AstroConnection", "blank-before", connectionWith("maxRevocationsPerSweep: "))
	mustApply(t, "AstroConnection", "blank-update", connectionWith(rules))
	mustApply(t, "ScopedTokenBinding", "blank-update", bindingWith("role: a"))
	for name, spec := range map[string]string{"Blank": connectionWith("allow: "), "Gone": connectionWith("sweepInterval: 5m")} {
		if out, err := kubectlApply(t, "AstroConnection", "blank-update", spec); err == nil || !strings.Contains(out, "spec.allow may be changed but not taken out") {
			t.Errorf("%s: rules that are taken out would allow everything: %v %s", name, err, out)
		}
	}
	if out, err := kubectlApply(t, "ScopedTokenBinding", "blank-update", bindingWith("role: ")); err == nil || !strings.Contains(out, cannotTakeOutRole) {
		t.Errorf("a role: %v %s", err, out)
	}

	withPolicies(t)
	if out, err := kubectlApply(t, "AstroConnection", "blank-update", connectionWith(strings.Replace(rules, "[<tok>]", "", 1))); err == nil || !strings.Contains(out, "the key ids with nothing behind it") {
		t.Errorf("a rule that is widened: %v %s", err, out)
	}
	labelled := manifest(t, "ScopedTokenBinding", bindingWith("role: a"))
	labelled.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"metadata":{"labels":{"spec":"x","team":null}},"spec":{"role":"a"}}` + "\n"})
	_, err := create(t, labelled)
	check(t, "A label is no key of the spec.", err, accepted)
	kubectl(t, "", "patch", "astroconn", "blank-before", "-n", namespace, "--type=merge", "-p", `{"spec":{"sweepInterval":"1h"}}`)
	mustApply(t, "AstroConnection", "blank-before", connectionWith("maxRevocationsPerSweep: 5"))
}

func kubectlApply(t *testing.T, kind, name, spec string, arguments ...string) (string, error) {
	t.Helper()
	body := fmt.Sprintf("{apiVersion: astro.scopedtoken.dev/v1alpha1, kind: %s, metadata: {name: %s}, spec: %s}", kind, name, expand(spec))
	command := exec.Command(env.Kubectl, append([]string{"--kubeconfig", env.Kubeconfig, "-n", namespace, "apply", "-f", "-"}, arguments...)...)
	command.Stdin = strings.NewReader(body)
	out, err := command.CombinedOutput()
	return string(out), err
}

func mustApply(t *testing.T, kind, name, spec string) {
	t.Helper()
	if out, err := kubectlApply(t, kind, name, spec); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}
