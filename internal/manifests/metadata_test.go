package manifests

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestMetadataAsTheServerDoes creates each object at a real API server, and reads it here: both take its metadata, or neither.
func TestMetadataAsTheServerDoes(t *testing.T) {
	cases := map[string]struct{ kind, metadata, refused string }{
		"Least":          {KindBinding, "{name: meta-least}", ""},
		"Whole":          {KindBinding, `{name: meta-whole, generateName: ci-, labels: {team: data, empty: ""}, annotations: {astro.scopedtoken.dev/release: "true", Any.Case/key: x y}, finalizers: [a.example/b], creationTimestamp: null}`, ""},
		"LabelsNull":     {KindBinding, "{name: meta-labels-null, labels: null}", ""},
		"LabelNull":      {KindBinding, "{name: meta-label-null, labels: {a: null}}", ""},
		"GenerateName":   {KindBinding, "{generateName: " + strings.Repeat("a", 100) + "-}", ""},
		"Cluster":        {KindClusterConnection, "{name: meta-cluster, namespace: default}", ""},
		"Namespace":      {KindNamespace, "{name: meta-namespace, labels: {team: data}}", ""},
		"NoMetadata":     {KindBinding, "null", "metadata.name"},
		"NoName":         {KindBinding, "{labels: {a: b}}", "metadata.name"},
		"OddMetadata":    {KindBinding, "[a]", "metadata: "},
		"Typo":           {KindBinding, "{name: meta-typo, namspace: y}", "there is no field metadata.namspace"},
		"Case":           {KindBinding, "{name: meta-case, Labels: {a: b}}", "there is no field metadata.Labels"},
		"OddName":        {KindBinding, "{name: A}", "metadata.name"},
		"NumberName":     {KindBinding, "{name: 1}", "metadata: "},
		"BothNames":      {KindBinding, `{generateName: ci-, name: "y\e[1A"}`, "metadata.name"},
		"OddGenerate":    {KindBinding, `{generateName: "y\e[1A"}`, "metadata.generateName"},
		"OddNamespace":   {KindBinding, `{name: a, namespace: Data_Platform}`, "metadata.namespace"},
		"LinesNamespace": {KindBinding, `{name: a, namespace: "zz\n::add-mask::grant\n"}`, "metadata.namespace"},
		"LabelValue":     {KindBinding, "{name: a, labels: {a: b c}}", "metadata.labels"},
		"LabelKey":       {KindBinding, "{name: a, labels: {a b: c}}", "metadata.labels"},
		"LabelNumber":    {KindBinding, "{name: a, labels: {a: 1}}", "metadata: "},
		"NamespaceLabel": {KindNamespace, "{name: meta-b, labels: {a: 1}}", "metadata: "},
		"NamespaceName":  {KindNamespace, "{name: a.b}", "metadata.name"},
		"Release":        {KindBinding, "{name: a, annotations: {astro.scopedtoken.dev/release: true}}", "metadata: "},
		"AnnotationKey":  {KindConnection, "{name: a, annotations: {a/b/c: d}}", "metadata.annotations"},
		"Finalizer":      {KindConnection, "{name: a, finalizers: [a b]}", "metadata.finalizers"},
		"Owner":          {KindConnection, "{name: a, ownerReferences: [{apiVersion: v1, kind: Pod, name: a}]}", "metadata.ownerReferences[0].uid"},
	}
	specs := map[string]string{
		KindBinding:    "{connectionRef: {name: acme}, token: {scope: Organization, id: " + someToken + "}, target: {kind: Deployment, id: " + someTarget + "}}",
		KindConnection: "{organizationId: " + someOrg + ", credentialsSecretRef: {name: astro}}", KindNamespace: "{}",
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			version := map[bool]string{true: "v1", false: v1alpha1.GroupVersion.String()}[tc.kind == KindNamespace]
			text := fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: %s\nspec: %s\n", version, tc.kind, tc.metadata, cmp.Or(specs[tc.kind], specs[KindConnection]))
			served := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(text), &served.Object); err != nil {
				t.Fatal(err)
			}
			if _, given, _ := unstructured.NestedFieldNoCopy(served.Object, "metadata", "namespace"); !given && (tc.kind == KindBinding || tc.kind == KindConnection) {
				_ = unstructured.SetNestedField(served.Object, "default", "metadata", "namespace")
			}
			wrong := create(t, served)
			_, err := Read([]string{"-"}, false, strings.NewReader(text))
			if (err == nil) != (tc.refused == "") || (err == nil) != (wrong == nil) {
				t.Fatalf("the API server says %v, and here it is %v", wrong, err)
			}
			if err != nil && (!strings.Contains(err.Error(), "standard input, document 1: "+tc.kind) || !strings.Contains(err.Error(), tc.refused)) {
				t.Errorf("want an error with %q, got %v", tc.refused, err)
			}
		})
	}
}

// create sends the object as it is: a typed client would leave out what does not fit.
func create(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	body, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	resource := map[string]string{
		KindBinding: "scopedtokenbindings", KindConnection: "astroconnections", KindClusterConnection: "clusterastroconnections", KindNamespace: "namespaces",
	}[object.GetKind()]
	path := []string{"apis", "astro.scopedtoken.dev", "v1alpha1"}
	if object.GetKind() == KindNamespace {
		path = []string{"api", "v1"}
	}
	if namespace := object.GetNamespace(); object.GetKind() == KindBinding || object.GetKind() == KindConnection {
		path = append(path, "namespaces", cmp.Or(namespace, "default"))
	}
	return raw.Post().AbsPath(append(path, resource)...).Param("fieldValidation", "Strict").SetHeader("Content-Type", "application/json").Body(body).Do(t.Context()).Error()
}
