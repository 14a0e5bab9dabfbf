package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+)`)

// question is one HTTP request to a port of a Pod.
type question struct {
	pod          corev1.Pod
	scheme, port string
	path         string
	bearer       string // "" to ask as nobody
}

// ask puts a question over a `kubectl port-forward` of its own and returns the answer and its body. kubectl gives a
// forwarding up as soon as one connection through it was reset, which may also be how the Pod ends an answered one: so
// every question has its own, and one that was broken off is asked again.
func (w *world) ask(ctx context.Context, q question) (*http.Response, string) {
	GinkgoHelper()
	var (
		response *http.Response
		body     string
	)
	Eventually(func() (err error) {
		response, body, err = w.forwarded(ctx, q)
		return err
	}).Should(Succeed())
	return response, body
}

// forwarded asks once. The error is that of the way, never an answer.
func (w *world) forwarded(ctx context.Context, q question) (*http.Response, string, error) {
	ctx, end := context.WithTimeout(ctx, 10*time.Second)
	defer end()
	forward := exec.CommandContext(ctx, w.settings.kubectl, "--kubeconfig", w.kubeconfig, "-n", q.pod.Namespace, "port-forward", "pod/"+q.pod.Name, ":"+q.port)
	out, err := forward.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	forward.Stderr = GinkgoWriter
	if err := forward.Start(); err != nil {
		return nil, "", err
	}
	defer func() {
		_ = forward.Process.Kill()
		_ = forward.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("kubectl port-forward says nothing: %w", err)
	}
	found := forwarding.FindStringSubmatch(line)
	if len(found) != 2 {
		return nil, "", fmt.Errorf("kubectl port-forward says no address: %q", line)
	}
	return get(ctx, q.scheme+"://"+found[1]+q.path, q.bearer)
}

// get returns an answer, and its body.
func get(ctx context.Context, url, bearer string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	// The operator's certificate is one of its own making.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
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
