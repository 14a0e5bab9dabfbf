package stories

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// annotationHeld is an annotation as any other: users may write into it what they like.
const annotationHeld = "astro.scopedtoken.dev/held"

// longAgo is a time before any claim.
const longAgo = "1999-01-01T00:00:00.000000Z"

// madeUp is a claim as a user would make it up for an annotation; it was taken at the time, or at none.
func (w *world) madeUp(token, target, role string, at any) string {
	GinkgoHelper()
	kind := v1alpha1.TargetWorkspace
	if slices.Contains([]string{w.etl, w.reports, w.models}, target) {
		kind = v1alpha1.TargetDeployment
	}
	value, err := json.Marshal(map[string]any{
		"host": strings.TrimPrefix(w.sim.URL(), "http://"), "organization": w.org, "token": token, "scope": v1alpha1.ScopeOrganization,
		"targetKind": kind, "target": target, "role": role, "origin": v1alpha1.OriginCreated, "time": at,
	})
	Expect(err).NotTo(HaveOccurred())
	return string(value)
}

// withFinalizer adds the operator's finalizer to a manifest, as its author can.
func withFinalizer(b *v1alpha1.ScopedTokenBinding) *v1alpha1.ScopedTokenBinding {
	b.Finalizers = []string{v1alpha1.FinalizerRevoke}
	return b
}

// editor is the world as somebody acts in it who has the shipped edit role in one namespace and no other right.
func (w *world) editor(user, namespace string) *world {
	GinkgoHelper()
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "rbac", "scopedtokenbinding_editor_role.yaml"))
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(text, role)).To(Succeed())
	if err := w.kube.Create(w.ctx, role); !apierrors.IsAlreadyExists(err) { // another story may have needed it
		Expect(err).NotTo(HaveOccurred())
	}
	w.apply(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "edit-" + user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
	})
	config := rest.CopyConfig(w.admin)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	own, err := client.New(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Eventually(func() error {
		return own.List(w.ctx, &v1alpha1.ScopedTokenBindingList{}, client.InNamespace(namespace))
	}).Should(Succeed(), "the rights of %s are known", user)
	return &world{
		seeded: w.seeded, ctx: w.ctx, admin: config, kube: own, traffic: w.traffic,
		namespace: w.namespace, other: w.other, system: w.system,
	}
}

// replaceWhole puts a manifest in the place of the binding, as kubectl replace and GitOps tools do: whatever the operator
// has put on the object is gone, but for the status.
func (w *world) replaceWhole(name string, change ...func(*v1alpha1.ScopedTokenBinding)) {
	GinkgoHelper()
	Eventually(func() error {
		b := w.binding(name)
		manifest := &v1alpha1.ScopedTokenBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: b.Namespace, Name: b.Name, ResourceVersion: b.ResourceVersion},
			Spec:       b.Spec,
		}
		for _, do := range change {
			do(manifest)
		}
		w.label(manifest)
		return w.kube.Update(w.ctx, manifest)
	}).Should(Succeed(), "kubectl replace tries again where the object has changed meanwhile")
}

// saved is what a backup that includes the status keeps of a binding.
func (w *world) saved(name string) *unstructured.Unstructured {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ScopedTokenBinding"))
	Expect(w.kube.Get(w.ctx, w.key(name), o)).To(Succeed())
	return o
}

// restoreWhole makes a binding anew from a backup, and then writes the status of the backup, as a restore does that
// includes it. A change is made to the backup before.
func (w *world) restoreWhole(backup *unstructured.Unstructured, change ...func(*unstructured.Unstructured)) {
	GinkgoHelper()
	o := backup.DeepCopy()
	o.SetUID("")
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
	for _, do := range change {
		do(o)
	}
	status, found := o.Object["status"]
	Expect(found).To(BeTrue())
	w.apply(o)
	patch, err := json.Marshal(map[string]any{"status": status})
	Expect(err).NotTo(HaveOccurred())
	Expect(w.kube.Status().Patch(w.ctx, o, client.RawPatch("application/merge-patch+json", patch))).To(Succeed())
}

// kubectl runs a command as an administrator of the world's cluster with an input, and returns what it prints.
func (w *world) kubectl(input string, args ...string) string {
	GinkgoHelper()
	command := exec.CommandContext(w.ctx, kubectlPath, append([]string{"--kubeconfig", w.kubeconfig()}, args...)...)
	command.Stdin = strings.NewReader(input)
	out, err := command.Output()
	Expect(err).NotTo(HaveOccurred(), string(out))
	return string(out)
}

// tenancy is a ClusterAstroConnection by which the other namespace may give the token ci the role DEPLOYMENT_ADMIN on what
// is in the Workspace data, and nothing else; the first namespace may do everything. The token holds a role on the
// Deployment models, which is in the Workspace science: somebody gave it by hand.
func (w *world) tenancy() (cluster string) {
	GinkgoHelper()
	theirs := v1alpha1.AllowRule{
		Namespaces: v1alpha1.NamespaceRule{Names: []string{w.other}},
		Tokens:     []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{w.ci}}},
		Targets:    []v1alpha1.TargetRule{{WorkspaceIDs: []string{w.data}}},
		Roles:      []string{"DEPLOYMENT_ADMIN"},
	}
	return w.connectCluster(map[string][]v1alpha1.AllowRule{"shared": {builders.AllowAll(w.namespace), theirs}})["shared"]
}
