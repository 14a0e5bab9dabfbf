package chart

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// valuesFile is a file with values.
func valuesFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestBlank: a section or a value with nothing behind it is its default, in whatever way it got so, but for those whose default is
// everything: they are refused, see TestRefuses.
func TestBlank(t *testing.T) {
	sections, leaves := blanks(t)
	indented := "scopedtoken-operator:\n  " + strings.ReplaceAll(strings.TrimSpace(sections), "\n", "\n  ") + "\n  enabled:\n  global:\n"
	want := text(t, render(t))
	cases := map[string]struct {
		reason string
		flags  []string
	}{
		"Sections": {"Every section of the file, as where all lines below it are commented out.", []string{"--values", valuesFile(t, sections)}},
		"Nested":   {"A section in a section.", []string{"--values", valuesFile(t, "metrics:\n  serviceMonitor:\n")}},
		"Values":   {"Every value.", []string{"--set", leaves}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, text(t, render(t, tc.flags...))); diff != "" {
				t.Errorf("%s (-default +blank)\n%s", tc.reason, diff)
			}
		})
	}
	t.Run("Dependency", func(t *testing.T) {
		if diff := cmp.Diff(want, text(t, asDependency(t, "scopedtoken-operator", "--values", valuesFile(t, indented)))); diff != "" {
			t.Errorf("In the values of a parent chart (-default +blank)\n%s", diff)
		}
	})
	t.Run("TakenAway", func(t *testing.T) {
		d := as[appsv1.Deployment](t, of(render(t, "--set", "resources.limits=null,podSecurityContext.seccompProfile=null"), "Deployment")[0])
		if c := d.Spec.Template.Spec.Containers[0]; c.Resources.Limits != nil || c.Resources.Requests == nil || d.Spec.Template.Spec.SecurityContext.SeccompProfile != nil {
			t.Errorf("a field of such a section can be taken away; got %v and %v", c.Resources, d.Spec.Template.Spec.SecurityContext)
		}
	})
}

// blanks are all sections of values.yaml with nothing behind them, as YAML, and all values, for --set.
func blanks(t *testing.T) (sections, leaves string) {
	t.Helper()
	values, err := os.ReadFile(filepath.Join(env.Root, "config", "chart", "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	everything := func(key string) bool { return key == "watchNamespaces:" || key == "connectionSelector:" }
	sections = strings.Join(slices.DeleteFunc(regexp.MustCompile(`(?m)^[a-zA-Z]+:`).FindAllString(string(values), -1), everything), "\n") + "\n"
	defaults, err := os.ReadFile(filepath.Join(env.Root, "config", "chart", "files", "defaults.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	paths := slices.DeleteFunc(regexp.MustCompile(`(?m)^[a-zA-Z.]+:`).FindAllString(string(defaults), -1), everything)
	if len(paths) < 50 {
		t.Fatalf("%d values in files/defaults.yaml", len(paths))
	}
	return sections, strings.ReplaceAll(strings.Join(paths, ","), ":", "=null")
}

// TestLabels: whatever users add, the chart's own labels and annotations included, is there once, is theirs where that
// does no harm, and changes nothing that objects find each other by.
func TestLabels(t *testing.T) {
	inNamespaces(t, system)
	withKinds(t)
	const words = `{app.kubernetes.io/name: mine, app.kubernetes.io/instance: mine, app.kubernetes.io/part-of: mine, app.kubernetes.io/managed-by: mine,
  app.kubernetes.io/version: mine, helm.sh/chart: mine, control-plane: mine, checksum/ca-bundle: mine, kubectl.kubernetes.io/default-container: mine,
  helm.sh/resource-policy: mine, rbac.authorization.k8s.io/aggregate-to-view: mine, scrape: true, port: 8443, nothing: }`
	values := valuesFile(t, `
commonLabels: &words `+words+`
podLabels: *words
podAnnotations: *words
caBundle: "-----BEGIN CERTIFICATE-----"
serviceAccount: {annotations: *words}
metrics: {serviceAnnotations: *words, serviceMonitor: {enabled: true, labels: *words}}
networkPolicy: {enabled: true}
podDisruptionBudget: {enabled: true}
nodeSelector: *words
connections:
- name: acme
  labels: *words
  annotations: *words
  spec: {organizationId: clp0a1b2c3d4e5f6g7h8i9j0k, credentialsSecretRef: {name: astro-api}}
`)
	flags := []string{"--set", "caBundle=-----BEGIN CERTIFICATE-----,metrics.serviceMonitor.enabled=true,networkPolicy.enabled=true,podDisruptionBudget.enabled=true"}
	out, err := helm(t, "template", release, "config/chart", "--namespace", system, "--skip-tests", "--values", values)
	if err != nil {
		t.Fatal(err)
	}
	onceEach(t, out)
	objects := parse(t, out)
	accepted(t, without(objects, "ServiceMonitor"))
	if diff := cmp.Diff(selectors(render(t, flags...)), selectors(objects)); diff != "" {
		t.Errorf("the labels of users change selectors (-without +with)\n%s", diff)
	}
	chosen := selectors(objects)["Deployment scopedtoken-system/scopedtoken-controller-manager"]["spec.selector.matchLabels"]
	for _, o := range objects {
		labels := o.GetLabels()
		if labels["app.kubernetes.io/part-of"] != "mine" || labels["scrape"] != "true" || labels["port"] != "8443" {
			t.Errorf("%s does not have the labels of the user: %v", name(o), labels)
		}
		if to := labels["rbac.authorization.k8s.io/aggregate-to-view"]; o.GetKind() == "ClusterRole" && to == "mine" {
			t.Errorf("a label for every object makes %s a part of others", name(o))
		}
		if _, there := labels["nothing"]; there {
			t.Errorf("%s has a label with nothing behind it", name(o))
		}
		if o.GetKind() == "Service" && !contains(labels, chosen) {
			t.Errorf("the ServiceMonitor does not find the Service by %v", labels)
		}
		if o.GetKind() == "Deployment" {
			template := as[appsv1.Deployment](t, o).Spec.Template
			if !contains(template.Labels, chosen) || template.Labels["app.kubernetes.io/part-of"] != "mine" {
				t.Errorf("the Pods have %v", template.Labels)
			}
			if template.Annotations["kubectl.kubernetes.io/default-container"] != "mine" || len(template.Annotations["checksum/ca-bundle"]) != 64 {
				t.Errorf("the Pods have the annotations %v", template.Annotations)
			}
		}
	}
}

func contains(labels map[string]string, chosen any) bool {
	for key, value := range chosen.(map[string]any) {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// selectors are those of every object, by their path.
func selectors(objects []object) map[string]map[string]any {
	all := map[string]map[string]any{}
	for _, o := range objects {
		for _, path := range [][]string{{"spec", "selector"}, {"spec", "selector", "matchLabels"}, {"spec", "podSelector", "matchLabels"}} {
			if found, ok, _ := unstructured.NestedMap(o.Object, path...); ok && o.GetKind() != "CustomResourceDefinition" {
				if all[name(o)] == nil {
					all[name(o)] = map[string]any{}
				}
				all[name(o)][strings.Join(path, ".")] = found
			}
		}
	}
	return all
}

// onceEach looks for keys that stand twice in a map, of which parsers take one or the other, or none.
func onceEach(t *testing.T, documents string) {
	t.Helper()
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(documents)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var anything any
		if err := yaml.UnmarshalStrict(document, &anything); err != nil {
			t.Errorf("%v in:\n%s", err, document)
		}
	}
}

// TestReleaseNames: whatever Helm takes for the name of a release makes names that every supported API server takes for its objects.
func TestReleaseNames(t *testing.T) {
	inNamespaces(t, system)
	label := regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`) // of Services, before Kubernetes 1.35
	for _, name := range []string{"team.prod", "123", "2.scopedtoken", strings.Repeat("a.b", 17)} {
		out, err := helm(t, "template", name, "config/chart", "--namespace", system, "--set", "crds.enabled=false")
		if err != nil {
			t.Fatal(err)
		}
		objects := parse(t, out)
		accepted(t, objects)
		services := of(objects, "Service")
		for _, o := range services {
			if !label.MatchString(o.GetName()) {
				t.Errorf("release %s has a Service %s", name, o.GetName())
			}
		}
		if len(services) == 0 {
			t.Error("there is no Service")
		}
	}
}

// TestNumbersForNames: names that YAML takes for numbers stay names.
func TestNumbersForNames(t *testing.T) {
	inNamespaces(t, "456")
	out, err := helm(t, "template", "123", "config/chart", "--namespace", "456", "--set", "crds.enabled=false,fullnameOverride=scopedtoken",
		"--set-string", "secretNamespaces={789},priorityClassName=1,metrics.certSecret=2,caBundleConfigMap.name=3,caBundleConfigMap.key=4,serviceAccount.name=5,leaderElection.id=6,podLabels.a=7")
	if err != nil {
		t.Fatal(err)
	}
	objects := parse(t, out)
	inNamespaces(t, "789")
	accepted(t, objects)
	for _, o := range of(objects, "Deployment") {
		as[appsv1.Deployment](t, o)
	}
}
