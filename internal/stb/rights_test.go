package stb

import (
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// user makes a user who may get every ClusterAstroConnection, but list none, and who has no other right.
func (w *world) user() (name string) {
	w.Helper()
	name = w.namespace + "-user"
	meta := metav1.ObjectMeta{Name: name}
	w.create(
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"clusterastroconnections"}, Verbs: []string{"get"}}}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}}})
	w.await(name, authorizationv1.ResourceAttributes{Group: v1alpha1.GroupVersion.Group, Resource: "clusterastroconnections", Verb: "get"})
	w.mayRead(name, w.namespace)
	return name
}

// mayRead lets the user read bindings and connections of the namespace, but not the namespace itself.
func (w *world) mayRead(user, namespace string) {
	w.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: user}
	w.create(
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}})
	w.await(user, authorizationv1.ResourceAttributes{
		Namespace: namespace, Group: v1alpha1.GroupVersion.Group, Resource: "scopedtokenbindings", Verb: "list"})
}

// await waits until the API server grants the right, which it learns of a moment after the role was made.
func (w *world) await(user string, right authorizationv1.ResourceAttributes) {
	w.Helper()
	for range 100 {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &right}}
		if err := kube.Create(w.Context(), review); err != nil {
			w.Fatal(err)
		}
		if review.Status.Allowed {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.Fatalf("%s does not get the right to %s %s", user, right.Verb, right.Resource)
}

// shared is a ClusterAstroConnection with the name of the namespace, and the API token to use it with.
func (w *world) shared(rules ...v1alpha1.AllowRule) {
	w.Helper()
	w.create(builders.Connection(w.namespace).To(w.sim.URL(), orgID).Allow(rules...).Cluster())
	w.environ[credentialVariable] = w.sim.Credential(selfID)
}

// With rights in some namespaces, nothing is printed over what a binding in one of the others may enforce.
func TestExportIntoNamespaceOfAnother(t *testing.T) {
	w := newWorld(t)
	w.shared(builders.AllowAll("*"))
	team := w.namespace + "-team"
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: team}})
	there := *w
	there.namespace = team
	there.declare(builders.Binding("ci-deployer-on-models").ForTokenID(ciID).OnDeployment(modelsID).Object(), ciID, modelsID)
	user := w.user()
	args := []string{"export", "--as", user, "--connection", "cluster/" + w.namespace, "--namespace-for", "science=" + team}
	w.fails("you may not list the bindings of namespace NAMESPACE-team, so what is enforced there is not known", args...)
	if a := w.run(append(args, "--workspace", "data")...); a.code != 0 || !strings.Contains(a.out, "ci-deployer-on-data") {
		t.Errorf("nothing is written into the other namespace: %+v", a)
	}
	w.mayRead(user, team)
	a := w.run(args...)
	if a.code != 0 || strings.Contains(a.out, "models") || !strings.Contains(a.err, "Left out: 1 roles that a binding holds already") {
		t.Errorf("the binding of the other namespace is not known: %+v", a)
	}
}

// Whoever may not read a namespace does not know by its labels what is allowed, and is told so.
func TestRulesByLabelsThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	byName := builders.AllowAll(w.namespace)
	byLabel := builders.AllowAll()
	byLabel.Namespaces = v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}}}
	w.shared(byLabel)
	w.create(builders.Connection("by-name").To(w.sim.URL(), orgID).In(w.namespace).Allow(byName).Object(),
		builders.Binding("labels").In(w.namespace).ThroughCluster(w.namespace).ForTokenID(ciID).OnDeploymentNamed(dataID, "prod-etl").Object(),
		builders.Binding("names").In(w.namespace).Through("by-name").ForTokenID(ciID).OnDeploymentNamed(dataID, "prod-etl").Object())
	user := w.user()
	const unknown = "not known: you may not read namespace NAMESPACE, whose labels a rule goes by"
	const allowed = "spec.allow[0] of the connection allows it"
	for name, want := range map[string]string{"labels": unknown, "names": allowed} {
		if a := w.run("explain", name, "--as", user); a.code != 0 || !strings.Contains(a.out, "Rule:        "+want) || strings.Contains(a.err, "make it before") {
			t.Errorf("%s: want %q in\n%s%s", name, want, a.out, a.err)
		}
	}
	if a := w.run("explain", "labels"); !strings.Contains(a.out, allowed) {
		t.Errorf("with the labels the rule is known: %+v", a)
	}
	a := w.run("export", "--as", user, "--connection", "cluster/"+w.namespace)
	if a.code != 0 || strings.Contains(a.err, "will say") ||
		!strings.Contains(a.err, "Whether the rules allow the 4 binding(s) of namespace NAMESPACE is "+unknown) {
		t.Errorf("%+v", a)
	}
}

// Whoever may not read the connection of a binding is told that its rules are not known.
func TestRulesOfAnUnreadableConnection(t *testing.T) {
	w := newWorld(t)
	w.shared(builders.AllowAll("*"))
	w.create(builders.Binding("b").In(w.namespace).ThroughCluster(w.namespace).ForTokenID(ciID).OnDeployment(etlID).Object())
	user := w.namespace + "-guest"
	w.mayRead(user, w.namespace)
	a := w.run("explain", "b", "--as", user)
	if a.code != 0 || !strings.Contains(a.out, ", which you may not read: ") ||
		!strings.Contains(a.out, "Rule:        not known, because the connection cannot be read\n") {
		t.Errorf("what cannot be read has no rules that are known: %+v", a)
	}
}

// Whoever may only get a ClusterAstroConnection can name it, and is told why it is not found otherwise.
func TestConnectionsThatCannotBeListed(t *testing.T) {
	w := newWorld(t)
	w.shared(builders.AllowAll("*"))
	user := w.user()
	if a := w.run("list", "--as", user, "--connection", "cluster/"+w.namespace); a.code != 0 || !strings.Contains(a.out, "CI deployer") {
		t.Errorf("%+v", a)
	}
	w.fails(`get ClusterAstroConnection/none: clusterastroconnections`, "list", "--as", user, "--connection", "cluster/none")
	w.fails(`has no connection "other"; there is AstroConnection/acme (you may not list ClusterAstroConnections)`, "list", "--as", user, "--connection", "other")
	if err := kube.Delete(t.Context(), builders.Connection(builders.ConnectionName).In(w.namespace).Object()); err != nil {
		t.Fatal(err)
	}
	w.fails("no ClusterAstroConnection can be seen (you may not list ClusterAstroConnections)", "list", "--as", user)
}
