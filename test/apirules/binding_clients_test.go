package apirules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	astrov1alpha1 "github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestRoleStays takes the role out in every way a client has. None may succeed, for the default is a high role.
func TestRoleStays(t *testing.T) {
	const without = `{connectionRef: {name: acme}, token: {scope: Workspace, name: CI, workspaceId: <ws>}, target: {kind: Deployment, name: etl, workspaceId: <ws>}}`
	ways := map[string]struct {
		reason string
		do     func(t *testing.T, object *unstructured.Unstructured) error
	}{
		"ServerSideApply": {"The owner of the field applies without it.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			_, err := apply(t, object, without)
			return err
		}},
		"MergePatchNull": {"A merge patch with null.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			_, err := patch(t, object, types.MergePatchType, `{spec: {role: null}}`)
			return err
		}},
		"MergePatchNullAndBack": {"A spec that is null is no spec.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			_, err := patch(t, object, types.MergePatchType, `{spec: null}`)
			return err
		}},
		"JSONPatchRemove": {"A JSON patch that removes it.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			_, err := patch(t, object, types.JSONPatchType, `[{op: remove, path: /spec/role}]`)
			return err
		}},
		"JSONPatchReplaceSpec": {"A JSON patch that replaces the spec.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			_, err := patch(t, object, types.JSONPatchType, `[{op: replace, path: /spec, value: `+without+`}]`)
			return err
		}},
		"Put": {"A whole object without it.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			object.Object["spec"] = decode(t, without)
			return put(t, object)
		}},
		"PutNull": {"A whole object with null.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			spec, _ := object.Object["spec"].(map[string]any)
			spec["role"] = nil
			return put(t, object)
		}},
		"GoClient": {"A Go client that clears the field.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			binding := &astrov1alpha1.ScopedTokenBinding{}
			if err := typed.Get(t.Context(), client.ObjectKeyFromObject(object), binding); err != nil {
				t.Fatal(err)
			}
			binding.Spec.Role = ""
			return typed.Update(t.Context(), binding)
		}},
		"Status": {"An update of the status does not touch the spec.", func(t *testing.T, object *unstructured.Unstructured) error {
			t.Helper()
			after, err := patch(t, object, types.MergePatchType, `{spec: {role: null}, status: {role: DEPLOYMENT_ADMIN}}`, "status")
			if err != nil {
				return err
			}
			if role, _, _ := unstructured.NestedString(after.Object, "spec", "role"); role != "Deploy Only" {
				t.Errorf("an update of the status made the role %q", role)
			}
			_, err = patch(t, after, types.MergePatchType, `{spec: {role: null}}`)
			return err
		}},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			object := manifest(t, "ScopedTokenBinding", without)
			object.SetGenerateName("")
			object.SetName("role-stays-" + lower(name))
			object, err := apply(t, object, without[:len(without)-1]+`, role: Deploy Only}`)
			if err != nil {
				t.Fatal(err)
			}
			if err := way.do(t, object.DeepCopy()); err == nil {
				t.Errorf("%s\naccepted", way.reason)
			}
			after, err := resource("ScopedTokenBinding").Get(t.Context(), object.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if role, _, _ := unstructured.NestedString(after.Object, "spec", "role"); role != "Deploy Only" {
				t.Errorf("%s\nrole is %q now", way.reason, role)
			}
		})
	}
}

// TestGoClient writes with the Go types, whose empty fields must be absent on the wire.
func TestGoClient(t *testing.T) {
	tokenID, deploymentID := astrov1alpha1.AstroID(expand("<tok>")), astrov1alpha1.AstroID(expand("<dep>"))
	meta := metav1.ObjectMeta{GenerateName: "go-", Namespace: namespace}
	cases := map[string]struct {
		reason string
		object client.Object
		want   []string
	}{
		"Binding": {"The least a binding needs.", &astrov1alpha1.ScopedTokenBinding{ObjectMeta: meta, Spec: astrov1alpha1.ScopedTokenBindingSpec{
			ConnectionRef: astrov1alpha1.ConnectionReference{Name: "acme"},
			Token:         astrov1alpha1.TokenReference{Scope: astrov1alpha1.ScopeOrganization, ID: tokenID},
			Target:        astrov1alpha1.TargetReference{Kind: astrov1alpha1.TargetDeployment, ID: deploymentID},
		}}, accepted},
		"EmptyBinding": {"Nothing at all is refused as such.", &astrov1alpha1.ScopedTokenBinding{ObjectMeta: meta},
			refused("spec: Required value")},
		"NoConnectionName": {"An empty name is no name.", &astrov1alpha1.ScopedTokenBinding{ObjectMeta: meta, Spec: astrov1alpha1.ScopedTokenBindingSpec{
			ConnectionRef: astrov1alpha1.ConnectionReference{Kind: astrov1alpha1.KindAstroConnection},
			Token:         astrov1alpha1.TokenReference{Scope: astrov1alpha1.ScopeOrganization, ID: tokenID},
			Target:        astrov1alpha1.TargetReference{Kind: astrov1alpha1.TargetDeployment, ID: deploymentID},
		}}, refused("spec.connectionRef.name: Required value")},
		"Connection": {"The least a connection needs.", &astrov1alpha1.AstroConnection{ObjectMeta: meta, Spec: astrov1alpha1.ConnectionSpec{
			OrganizationID:       astrov1alpha1.AstroID(expand("<org>")),
			CredentialsSecretRef: astrov1alpha1.SecretKeyReference{Name: "astro"},
		}}, accepted},
		"EmptySelector": {"An empty selector is refused from Go as well.", &astrov1alpha1.AstroConnection{ObjectMeta: meta, Spec: astrov1alpha1.ConnectionSpec{
			OrganizationID:       astrov1alpha1.AstroID(expand("<org>")),
			CredentialsSecretRef: astrov1alpha1.SecretKeyReference{Name: "astro"},
			Allow: []astrov1alpha1.AllowRule{{
				Namespaces: astrov1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{}},
				Tokens:     []astrov1alpha1.TokenRule{{Scope: astrov1alpha1.ScopeOrganization, IDs: []string{"*"}}},
				Targets:    []astrov1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}},
				Roles:      []string{"*"},
			}},
		}}, refused("an empty selector would mean every namespace")},
		"EmptyRule": {"A rule of nothing allows nothing.", &astrov1alpha1.AstroConnection{ObjectMeta: meta, Spec: astrov1alpha1.ConnectionSpec{
			OrganizationID:       astrov1alpha1.AstroID(expand("<org>")),
			CredentialsSecretRef: astrov1alpha1.SecretKeyReference{Name: "astro"},
			Allow:                []astrov1alpha1.AllowRule{{}},
		}}, refused("namespaces: Required value", "tokens: Required value", "targets: Required value", "roles: Required value")},
		"Inventory": {"The least an inventory needs.", &astrov1alpha1.TargetInventory{ObjectMeta: meta, Spec: astrov1alpha1.TargetInventorySpec{
			ConnectionRef: astrov1alpha1.ConnectionReference{Name: "acme"},
			Target:        astrov1alpha1.TargetReference{Kind: astrov1alpha1.TargetWorkspace, Name: "Data"},
		}}, accepted},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			strict := client.WithFieldValidation(typed, metav1.FieldValidationStrict)
			check(t, tc.reason, strict.Create(t.Context(), tc.object), tc.want)
			if len(tc.want) > 0 || t.Failed() {
				return
			}
			// Written back as read, the spec is the same; the first time status is stored too, which was a default until then.
			if err := strict.Update(t.Context(), tc.object); err != nil {
				t.Fatal(err)
			}
			if generation := tc.object.GetGeneration(); generation != 1 {
				t.Errorf("%s\nwritten back as read, it is generation %d", tc.reason, generation)
			}
			before, _ := tc.object.DeepCopyObject().(client.Object)
			if err := strict.Update(t.Context(), tc.object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, tc.object); diff != "" {
				t.Errorf("%s\nwritten back as read (-before +after):\n%s", tc.reason, diff)
			}
		})
	}
}
