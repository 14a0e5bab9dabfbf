package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+)`)

// forward makes a port of a Pod reachable and returns the address.
func (w *world) forward(ctx context.Context, pod corev1.Pod, port string) string {
	GinkgoHelper()
	command := exec.CommandContext(ctx, w.settings.kubectl, "--kubeconfig", w.kubeconfig, "-n", pod.Namespace, "port-forward", "pod/"+pod.Name, ":"+port)
	out, err := command.StdoutPipe()
	Expect(err).NotTo(HaveOccurred())
	command.Stderr = GinkgoWriter
	Expect(command.Start()).To(Succeed())
	DeferCleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	Expect(err).NotTo(HaveOccurred(), "kubectl port-forward says nothing")
	found := forwarding.FindStringSubmatch(line)
	Expect(found).To(HaveLen(2), line)
	return found[1]
}

// get returns the status and the body of an answer, and how it came.
func get(ctx context.Context, url, bearer string) (*http.Response, string) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	Expect(err).NotTo(HaveOccurred())
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	// The operator's certificate is one of its own making.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return response, string(body)
}

// account makes a service account of the team and returns a token of it and its name as a user.
func (w *world) account(ctx context.Context, name string) (token, user string) {
	GinkgoHelper()
	a := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: team}}
	Expect(w.kube.Create(ctx, a)).To(Succeed())
	request := &authenticationv1.TokenRequest{}
	Expect(w.kube.SubResource("token").Create(ctx, a, request)).To(Succeed())
	return request.Status.Token, "system:serviceaccount:" + team + ":" + name
}

// allow gives a service account of the team a ClusterRole, in the whole cluster.
func (w *world) allow(ctx context.Context, account, role string) {
	GinkgoHelper()
	b := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "e2e-" + account}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: team}},
	}
	Expect(w.kube.Create(ctx, b)).To(Succeed())
	DeferCleanup(func(ctx context.Context) { Expect(w.kube.Delete(ctx, b)).To(Succeed()) })
}

// allowIn gives it the ClusterRole in the team's namespace.
func (w *world) allowIn(ctx context.Context, account, role string) {
	GinkgoHelper()
	b := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: team}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: role},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: account, Namespace: team}},
	}
	Expect(w.kube.Create(ctx, b)).To(Succeed())
}

// disallowIn takes it away again.
func (w *world) disallowIn(ctx context.Context, account string) {
	GinkgoHelper()
	Expect(w.kube.Delete(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: account, Namespace: team}})).To(Succeed())
}

// may asks the API server whether a user may do something.
func (w *world) may(ctx context.Context, user, verb, group, resource, namespace string) bool {
	GinkgoHelper()
	resource, sub, _ := strings.Cut(resource, "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User:               user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Subresource: sub, Namespace: namespace},
	}}
	Expect(w.kube.Create(ctx, review)).To(Succeed())
	return review.Status.Allowed
}
