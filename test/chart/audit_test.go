package chart

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// request is one that the API server has answered.
type request struct {
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	ObjectRef  struct {
		APIGroup    string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// right is what the request needs, such as "astro.scopedtoken.dev/scopedtokenbindings/status patch".
func (r request) right() string {
	return right(r.ObjectRef.APIGroup, strings.TrimSuffix(r.ObjectRef.Resource+"/"+r.ObjectRef.Subresource, "/"), r.Verb)
}

func right(group, resource, verb string) string {
	return strings.TrimPrefix(group+"/"+resource, "/") + " " + verb
}

// requestsOf are all requests of a service account.
func requestsOf(t *testing.T, account client.ObjectKey) []request {
	t.Helper()
	file, err := os.Open(auditLog)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // a line that is being written
		}
		if r.User.Username == "system:serviceaccount:"+account.Namespace+":"+account.Name {
			all = append(all, r)
		}
	}
	return all
}

// grant is a role that is bound in a namespace, or everywhere.
type grant struct {
	namespace string
	rules     []rbacv1.PolicyRule
}

// rightsOf are those that are bound to a service account, wherever.
func rightsOf(t *testing.T, account client.ObjectKey) []string {
	t.Helper()
	var rights []string
	for _, g := range grantsOf(t, account) {
		for _, rule := range g.rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						rights = append(rights, right(group, resource, verb))
					}
				}
			}
		}
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}

// grantsOf are those of a service account.
func grantsOf(t *testing.T, account client.ObjectKey) (grants []grant) {
	t.Helper()
	is := func(subjects []rbacv1.Subject) bool {
		return slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool {
			return s.Kind == "ServiceAccount" && s.Name == account.Name && s.Namespace == account.Namespace
		})
	}
	var (
		clusters rbacv1.ClusterRoleBindingList
		bindings rbacv1.RoleBindingList
	)
	for _, list := range []client.ObjectList{&clusters, &bindings} {
		if err := kube.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range clusters.Items {
		if is(b.Subjects) {
			grants = append(grants, grant{"", rulesOf(t, "", b.RoleRef)})
		}
	}
	for _, b := range bindings.Items {
		if is(b.Subjects) {
			grants = append(grants, grant{b.Namespace, rulesOf(t, b.Namespace, b.RoleRef)})
		}
	}
	return grants
}

func rulesOf(t *testing.T, namespace string, ref rbacv1.RoleRef) []rbacv1.PolicyRule {
	t.Helper()
	var (
		cluster rbacv1.ClusterRole
		role    rbacv1.Role
		err     error
	)
	if ref.Kind == "Role" {
		err = kube.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: ref.Name}, &role)
	} else {
		err = kube.Get(t.Context(), client.ObjectKey{Name: ref.Name}, &cluster)
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(role.Rules, cluster.Rules...)
}

// maySoon waits until the API server acts on what is bound to a service account: it looks into a cache of its own.
func maySoon(t *testing.T, account client.ObjectKey) {
	t.Helper()
	for _, g := range grantsOf(t, account) {
		for _, rule := range g.rules {
			if len(rule.Resources) == 0 {
				continue
			}
			asked := &authorizationv1.ResourceAttributes{Namespace: g.namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0]}
			asked.Resource, asked.Subresource, _ = strings.Cut(rule.Resources[0], "/")
			if len(rule.ResourceNames) > 0 {
				asked.Name = rule.ResourceNames[0]
			}
			eventually(t, account.String()+" may "+right(asked.Group, rule.Resources[0], asked.Verb), func() string {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
					User: "system:serviceaccount:" + account.Namespace + ":" + account.Name, ResourceAttributes: asked,
				}}
				if err := kube.Create(t.Context(), review); err != nil || !review.Status.Allowed {
					return fmt.Sprint("not yet: ", review.Status.Reason, err)
				}
				return ""
			})
		}
	}
}

// neededAndEnough compares what the operator asked of the API server with what it may: nothing was refused to it but what
// the test says, and every right was made use of but those that the test names.
func neededAndEnough(t *testing.T, account client.ObjectKey, refused func(request) bool, unused ...string) {
	t.Helper()
	used := map[string]bool{}
	for _, r := range requestsOf(t, account) {
		if r.ResponseStatus.Code == 403 && !refused(r) {
			t.Errorf("the operator may not %s: %s", r.right(), r.RequestURI)
		}
		used[r.right()] = true
		if r.Verb == "watch" { // whose first events are the list, but from older API servers
			used[strings.Replace(r.right(), " watch", " list", 1)] = true
		}
	}
	for _, given := range rightsOf(t, account) {
		if used[given] == slices.Contains(unused, given) {
			t.Errorf("the operator may %s; made use of: %t", given, used[given])
		}
	}
}

func not(want, got int) string {
	if want == got {
		return ""
	}
	return fmt.Sprintf("want %d, got %d", want, got)
}
