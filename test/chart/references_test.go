package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestNameReferences: in an overlay with config/kustomize, what the kinds name of each other is renamed with it.
func TestNameReferences(t *testing.T) {
	const (
		secret  = "apiVersion: v1\nkind: Secret\nmetadata: {name: astro-api, namespace: NS}\n"
		own     = "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: AstroConnection\nmetadata: {name: acme, namespace: NS}\nspec: {credentialsSecretRef: {name: astro-api}}\n"
		cluster = "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: ClusterAstroConnection\nmetadata: {name: acme}\nspec: {credentialsSecretRef: {name: astro-api}}\n"
		users   = "apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: ScopedTokenBinding\nmetadata: {name: ci, namespace: NS}\nspec: {connectionRef: {REF}}\n---\n" +
			"apiVersion: astro.scopedtoken.dev/v1alpha1\nkind: TargetInventory\nmetadata: {name: all, namespace: NS}\nspec: {connectionRef: {REF}}\n"
	)
	external := func(spec string) string {
		return "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: astro-api, namespace: NS}\nspec: " + spec + "\n"
	}
	const sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: astro-api, namespace: NS}\nspec: {encryptedData: {token: x}}\n"
	in := func(namespace string) func(string) string {
		return func(text string) string { return strings.ReplaceAll(text, "NS", namespace) }
	}
	through := func(kind string) string { return strings.ReplaceAll(users, "REF", "kind: "+kind+", name: acme") }
	implied := strings.ReplaceAll(users, "REF", "name: acme")
	cases := map[string]struct {
		reason        string
		components    string
		objects       []string
		kustomization string
		want          map[string]string
	}{
		"Prefix": {
			"A connection, its Secret and those that use it.",
			"../lib", []string{in("team")(secret), in("team")(own), in("team")(implied)}, "namePrefix: dev-",
			map[string]string{"AstroConnection": "dev-astro-api", "ScopedTokenBinding": "dev-acme", "TargetInventory": "dev-acme"},
		},
		"Suffix": {
			"At the end likewise, and with the kind said.",
			"../lib", []string{in("team")(secret), in("team")(own), in("team")(through("AstroConnection"))}, "nameSuffix: -v2",
			map[string]string{"AstroConnection": "astro-api-v2", "ScopedTokenBinding": "acme-v2", "TargetInventory": "acme-v2"},
		},
		"Generated": {
			"A Secret that kustomize makes has its hash in its name.",
			"../lib", []string{in("team")(own), in("team")(implied)}, "secretGenerator: [{name: astro-api, namespace: team, literals: [token=x]}]",
			map[string]string{"AstroConnection": "astro-api-fd9k8cktfk", "ScopedTokenBinding": "acme", "TargetInventory": "acme"},
		},
		"Cluster": {
			"A cluster's connection is in no namespace, its Secret and its users are in two.",
			"../lib, ../lib/cluster", []string{in("scopedtoken-system")(secret), cluster, in("team")(through("ClusterAstroConnection"))}, "namePrefix: dev-",
			map[string]string{"ClusterAstroConnection": "dev-astro-api", "ScopedTokenBinding": "dev-acme", "TargetInventory": "dev-acme"},
		},
		"Namespace": {
			"The overlay's namespace is not for what is in none.",
			"../lib, ../lib/cluster", []string{in("a")(secret), cluster, in("b")(through("ClusterAstroConnection"))}, "namePrefix: dev-\nnamespace: scopedtoken-system",
			map[string]string{"ClusterAstroConnection": "dev-astro-api", "ScopedTokenBinding": "dev-acme", "TargetInventory": "dev-acme"},
		},
		"External": {
			"An ExternalSecret makes a Secret of its own name.",
			"../lib", []string{in("team")(external("{data: []}")), in("team")(own)}, "namePrefix: dev-",
			map[string]string{"AstroConnection": "dev-astro-api"},
		},
		"ExternalTarget": {
			"Also where it says so.",
			"../lib", []string{in("team")(external("{target: {name: astro-api}}")), in("team")(own)}, "namePrefix: dev-",
			map[string]string{"ExternalSecret": "dev-astro-api", "AstroConnection": "dev-astro-api"},
		},
		"ExternalOther": {
			"Another name is as it is written, there and in the connection.",
			"../lib", []string{strings.Replace(in("team")(external("{target: {name: astro-api}}")), "name: astro-api", "name: vault", 1), in("team")(own)}, "namePrefix: dev-",
			map[string]string{"ExternalSecret": "astro-api", "AstroConnection": "astro-api"},
		},
		"Sealed": {
			"A SealedSecret becomes a Secret of its name.",
			"../lib, ../lib/cluster", []string{in("scopedtoken-system")(sealed), cluster}, "nameSuffix: -v2",
			map[string]string{"ClusterAstroConnection": "astro-api-v2"},
		},
		"Elsewhere": {
			"What the overlay does not have keeps its name.",
			"../lib", []string{in("team")(implied)}, "namePrefix: dev-",
			map[string]string{"ScopedTokenBinding": "acme", "TargetInventory": "acme"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.CopyFS(filepath.Join(folder, "lib"), os.DirFS(filepath.Join(env.Root, "config", "kustomize"))); err != nil {
				t.Fatal(err)
			}
			overlay := filepath.Join(folder, "overlay")
			files := map[string]string{
				"objects.yaml":       strings.Join(tc.objects, "---\n"),
				"kustomization.yaml": "resources: [objects.yaml]\ncomponents: [" + tc.components + "]\n" + tc.kustomization + "\n",
			}
			if err := os.Mkdir(overlay, 0o700); err != nil {
				t.Fatal(err)
			}
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(overlay, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, named(t, kustomize(t, overlay))); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tc.reason, diff)
			}
		})
	}
}

// named is what objects name another one, by their kind.
func named(t *testing.T, objects []object) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, o := range objects {
		if o.GetKind() == "ClusterAstroConnection" && o.GetNamespace() != "" {
			t.Errorf("%s is in namespace %s", o.GetName(), o.GetNamespace())
		}
		for _, field := range []string{"credentialsSecretRef", "connectionRef", "target"} {
			if found, ok, _ := unstructured.NestedString(o.Object, "spec", field, "name"); ok {
				all[o.GetKind()] = found
			}
		}
	}
	return all
}

// TestNameReferencesAlone: the component changes nothing else; kustomize goes on to know the lists of a Deployment.
func TestNameReferencesAlone(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(env.Root, "config"))); err != nil {
		t.Fatal(err)
	}
	overlay := func(name, more string) string {
		content := `resources: [../default]
namePrefix: dev-
` + more + `
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: scopedtoken-controller-manager, namespace: scopedtoken-system}
    spec: {template: {spec: {containers: [{name: manager, env: [{name: HTTPS_PROXY, value: "http://proxy:3128"}]}]}}}
`
		path := filepath.Join(folder, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "kustomization.yaml"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	without := kustomize(t, overlay("without", ""))
	with := kustomize(t, overlay("with", "components: [../kustomize]"))
	if diff := cmp.Diff(text(t, without), text(t, with)); diff != "" {
		t.Errorf("the component changes more than references (-without +with)\n%s", diff)
	}
}
