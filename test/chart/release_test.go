package chart

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

const bindings = "scopedtokenbindings.astro.scopedtoken.dev"

// TestRelease goes the way of a release of Helm on a cluster that knows nothing of the kinds: they come with it, are
// upgraded with it and stay when it goes, with everything that was declared.
func TestRelease(t *testing.T) {
	if there := kubectl(t, "get", "crd", "-o", "name"); there != "" {
		t.Fatalf("this test has to be the first that installs the kinds; there are %s", there)
	}
	inNamespaces(t, system, "data-platform")
	in := []string{"--namespace", system}
	refusedAtFirst(t)
	must(t, append([]string{"install", release, older(t)}, in...)...)
	kubectl(t, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")

	// The values of another release of the same chart.
	must(t, append([]string{"install", "team", "config/chart", "--values", "test/chart/testdata/objects.values.yaml"}, in...)...)
	declared := &v1alpha1.ScopedTokenBinding{}
	key := client.ObjectKey{Namespace: "data-platform", Name: "ci-on-data"}
	if err := kube.Get(t.Context(), key, declared); err != nil {
		t.Fatal(err)
	}

	if columns(t) != 0 {
		t.Fatal("the kind is not an older one")
	}
	must(t, append([]string{"upgrade", release, "config/chart", "--set", "replicaCount=2"}, in...)...)
	if columns(t) == 0 {
		t.Error("the upgrade does not bring the kinds of the chart")
	}
	again := &v1alpha1.ScopedTokenBinding{}
	if err := kube.Get(t.Context(), key, again); err != nil || again.UID != declared.UID || again.Generation != declared.Generation {
		t.Errorf("the upgrade touched a binding: %v", err)
	}

	must(t, append([]string{"uninstall", release}, in...)...)
	if err := kube.Get(t.Context(), key, again); err != nil || again.UID != declared.UID {
		t.Errorf("what was declared went with the operator: %v", err)
	}
	if going := kubectl(t, "get", "crd", "-o", "jsonpath={.items[*].metadata.deletionTimestamp}"); going != "" {
		t.Error("the kinds go with the operator, and everything that was declared with them")
	}
	if left := kubectl(t, "get", "all,role,rolebinding,serviceaccount,clusterrole,clusterrolebinding", "-A", "-o", "name",
		"-l", "app.kubernetes.io/instance="+release); strings.TrimSpace(left) != "" {
		t.Errorf("uninstalling leaves %s", left)
	}
	// Installed anew, it takes the kinds over that the first one left.
	must(t, append([]string{"install", release, "config/chart"}, in...)...)
	must(t, append([]string{"uninstall", release}, in...)...)
	takenOver(t)
	if err := kube.Get(t.Context(), key, again); err != nil || again.UID != declared.UID {
		t.Errorf("to take the kinds over touched a binding: %v", err)
	}
	must(t, append([]string{"uninstall", "team"}, in...)...)
	gone(t, again)
}

// takenOver: a release of another name in another namespace gets the kinds that one has left as docs/upgrade.md says.
func takenOver(t *testing.T) {
	t.Helper()
	install := []string{"install", "another", "config/chart", "--namespace", "another-system", "--create-namespace"}
	if _, err := helm(t, install...); err == nil || !strings.Contains(err.Error(), "cannot be imported into the current release") {
		t.Errorf("kinds of another release: %v", err)
	}
	must(t, append(install, "--take-ownership", "--force-conflicts")...)
	must(t, "upgrade", "another", "config/chart", "--namespace", "another-system", "--set", "replicaCount=2")
	must(t, "uninstall", "another", "--namespace", "another-system")
}

// refusedAtFirst: Helm cannot install the kinds and objects of theirs at once. The chart says so, and what to do, where Helm
// would ask for kinds that the chart has; it does not where somebody else applies what it renders.
func refusedAtFirst(t *testing.T) {
	t.Helper()
	binding := []string{
		"config/chart", "--namespace", system, "--set", "connections[0].name=acme,connections[0].spec.organizationId=clp0a1b2c3d4e5f6g7h8i9j0k",
		"--set", "connections[0].spec.credentialsSecretRef.name=astro-api",
	}
	for _, verb := range [][]string{{"install"}, {"upgrade", "--install"}, {"install", "--dry-run=server"}} {
		_, err := helm(t, slices.Concat(verb, []string{release}, binding)...)
		if err == nil || !strings.Contains(err.Error(), "first install the operator") || !strings.Contains(err.Error(), "operator.enabled=false") {
			t.Errorf("helm %v on a cluster without the kinds does not say what to do: %v", verb, err)
		}
	}
	_, err := helm(t, slices.Concat([]string{"install", "team"}, binding, []string{"--set", "operator.enabled=false,crds.enabled=false"})...)
	if err == nil || !strings.Contains(err.Error(), "CRDs are installed first") {
		t.Errorf("a team's release on a cluster without the kinds: %v", err)
	}
	for _, more := range [][]string{nil, {"--api-versions", "v1/Namespace"}} {
		out, err := helm(t, slices.Concat([]string{"template", release}, binding, more)...)
		if err != nil || len(of(parse(t, out), "AstroConnection")) != 1 {
			t.Errorf("rendered without a cluster, as for Argo CD: %v", err)
		}
	}
	for _, name := range []string{release, "team"} {
		_, _ = helm(t, "uninstall", name, "--namespace", system, "--ignore-not-found") // a record that a failure may leave
	}
}

// TestStrategyIsSwitched: an upgrade changes how Pods are replaced, in both directions. The API server completes a strategy
// that a chart leaves out, and what it has put in belongs to nobody, so that no upgrade takes it away.
func TestStrategyIsSwitched(t *testing.T) {
	inNamespaces(t, "operator-switched")
	with := func(verb, elected string) []string {
		return []string{verb, release, "config/chart", "--namespace", "operator-switched", "--set", "crds.enabled=false,leaderElection.enabled=" + elected}
	}
	must(t, with("install", "true")...)
	t.Cleanup(func() { must(t, "uninstall", release, "--namespace", "operator-switched") })
	for _, step := range []struct{ elected, want string }{{"false", "Recreate"}, {"true", "RollingUpdate"}, {"false", "Recreate"}} {
		must(t, with("upgrade", step.elected)...)
		got := kubectl(t, "get", "deployment", "-n", "operator-switched", release+"-controller-manager", "-o", "jsonpath={.spec.strategy.type}")
		if got != step.want {
			t.Errorf("leaderElection.enabled=%s: want the strategy %s, got %s", step.elected, step.want, got)
		}
	}
}

// TestKubectlApply installs with kubectl what the documents say. To apply it once more changes nothing.
func TestKubectlApply(t *testing.T) {
	inNamespaces(t, "data-platform")
	for _, folder := range []string{"config/default", "config/namespaced"} {
		kubectl(t, "apply", "--server-side", "--force-conflicts", "-k", folder) // the kinds are Helm's
		if out := kubectl(t, "diff", "--server-side", "-k", folder); out != "" {
			t.Errorf("kubectl apply -k %s does not settle:\n%s", folder, out)
		}
	}
	kubectl(t, "apply", "-n", "data-platform", "-k", "config/tenant")
	if out := kubectl(t, "get", "rolebinding", "-n", "data-platform", "-o", "name"); !strings.Contains(out, "scopedtoken-credential-reader") {
		t.Errorf("config/tenant makes %q", out)
	}
	// The namespace and the kinds stay, since there is nobody here to see to a namespace's end.
	installed := without(without(kustomize(t, "config/namespaced"), "Namespace"), "CustomResourceDefinition")
	file := filepath.Join(t.TempDir(), "installed.yaml")
	if err := os.WriteFile(file, []byte(text(t, installed)), 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "delete", "--ignore-not-found", "--timeout=60s", "-f", file)
	kubectl(t, "delete", "clusterrolebinding", "scopedtoken-manager-rolebinding")
}

// older is a copy of the chart in which a kind has no columns, as in an older version it may not have had them.
func older(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(env.Root, "config", "chart"))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "files", "crds", "astro.scopedtoken.dev_scopedtokenbindings.yaml")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	crd := as[apiextensionsv1.CustomResourceDefinition](t, parse(t, string(content))[0])
	crd.Spec.Versions[0].AdditionalPrinterColumns = nil
	if content, err = yaml.Marshal(crd); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func columns(t *testing.T) int {
	t.Helper()
	var crd apiextensionsv1.CustomResourceDefinition
	if err := kube.Get(t.Context(), client.ObjectKey{Name: bindings}, &crd); err != nil {
		t.Fatal(err)
	}
	return len(crd.Spec.Versions[0].AdditionalPrinterColumns)
}

func must(t *testing.T, arguments ...string) {
	t.Helper()
	if _, err := helm(t, arguments...); err != nil {
		t.Fatal(err)
	}
}
