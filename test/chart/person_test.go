package chart

import (
	"context"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// person is somebody whom the API server takes for the user of that name. What they do is a dry run: it goes through
// authorization and admission, and changes nothing.
type person struct {
	t    *testing.T
	kube client.Client
	name string
}

// act is something that a person does, also when the test is being cleaned up after.
type act func(t *testing.T, c client.Client) error

func personOf(t *testing.T, name string) person {
	t.Helper()
	config := rest.CopyConfig(env.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: name}
	own, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return person{t, own, name}
}

// with binds ClusterRoles to the person: in the namespace, or everywhere if that is empty.
func (p person) with(namespace string, roles ...string) person {
	p.t.Helper()
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: p.name}}
	for _, role := range roles {
		meta := metav1.ObjectMeta{Namespace: namespace, GenerateName: "person-"}
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
		var o client.Object = &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: ref}
		if namespace != "" {
			o = &rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: ref}
		}
		made(p.t, o)
	}
	return p
}

// roleOf makes a ClusterRole with one rule.
func roleOf(t *testing.T, name, group, resource string, verbs ...string) string {
	t.Helper()
	made(t, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: strings.Split(resource, ","), Verbs: verbs}},
	})
	return name
}

// made makes an object until the test ends.
func made(t *testing.T, o client.Object) {
	t.Helper()
	if err := kube.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.IgnoreNotFound(kube.Delete(context.WithoutCancel(t.Context()), o)); err != nil {
			t.Error(err)
		}
	})
}

// may is sure that the person may do it, once the API server knows of their rights.
func (p person) may(what string, do act) {
	p.t.Helper()
	eventually(p.t, p.name+" may "+what, func() string {
		if err := do(p.t, p.kube); err != nil {
			return err.Error()
		}
		return ""
	})
}

// mayNot is sure that admission refuses it in such words, once the API server knows of the policies.
func (p person) mayNot(what, words string, do act) {
	p.t.Helper()
	eventually(p.t, p.name+" may not "+what, func() string {
		switch err := do(p.t, p.kube); {
		case err == nil:
			return "it is let through"
		case !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy"):
			return "want " + words + ", got " + err.Error()
		case !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err):
			return "want a refusal, got " + err.Error()
		}
		return ""
	})
}

func create(o client.Object) act {
	return func(t *testing.T, c client.Client) error {
		t.Helper()
		again, _ := o.DeepCopyObject().(client.Object)
		return c.Create(context.WithoutCancel(t.Context()), again, client.DryRunAll)
	}
}

func patch(o client.Object, text string) act {
	return func(t *testing.T, c client.Client) error {
		t.Helper()
		again, _ := o.DeepCopyObject().(client.Object)
		return c.Patch(context.WithoutCancel(t.Context()), again, client.RawPatch(types.MergePatchType, []byte(text)), client.DryRunAll)
	}
}

func patchStatus(o client.Object, text string) act {
	return func(t *testing.T, c client.Client) error {
		t.Helper()
		again, _ := o.DeepCopyObject().(client.Object)
		return c.Status().Patch(context.WithoutCancel(t.Context()), again, client.RawPatch(types.MergePatchType, []byte(text)), client.DryRunAll)
	}
}
