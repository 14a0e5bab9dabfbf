package stories

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// connectionNamed is an AstroConnection of the first namespace as it is now, and what kstatus makes of it.
func (w *world) connectionNamed(name string) (*v1alpha1.AstroConnection, status.Status) {
	GinkgoHelper()
	c := &v1alpha1.AstroConnection{}
	Expect(kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, c)).To(Succeed())
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
	Expect(err).NotTo(HaveOccurred())
	result, err := status.Compute(&unstructured.Unstructured{Object: object})
	Expect(err).NotTo(HaveOccurred())
	return c, result.Status
}

// acmeIs waits until the connection "acme" of the first namespace is in a state, of which kstatus makes the same as we.
func (w *world) acmeIs(state string, kstatus status.Status) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		c, got := w.connectionNamed(builders.ConnectionName)
		g.Expect(readiness(c.Status.Conditions)).To(Equal(state))
		g.Expect(got).To(Equal(kstatus))
	}).Should(Succeed())
}

// forged is a credential that claims to be a token, and that Astro does not know.
func forged(token, organization string) string {
	claims := `{"apiTokenId":"` + token + `","permissions":["organizationId:` + organization + `"]}`
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// flawed is a connection that cannot work, why, and what its owner has to read.
type flawed struct {
	name, reason string
	secret       map[string]string // nil: there is none
	change       func(*v1alpha1.ConnectionSpec)
	says         []string
}

func (w *world) flaws() []flawed {
	other := w.sim.AddOrganization("Umbrella")
	others := w.sim.AddOrganizationToken(other, "theirs", "ORGANIZATION_OWNER")
	expired := w.sim.AddOrganizationToken(w.org, "old", "ORGANIZATION_OWNER", astrosim.Expires(time.Now().Add(-time.Hour)))
	revoked := w.sim.AddOrganizationToken(w.org, "revoked", "ORGANIZATION_OWNER")
	w.sim.RevokeCredential(revoked)
	token := func(credential string) map[string]string { return map[string]string{"token": credential} }
	good := token(w.sim.Credential(w.operator))
	return []flawed{
		{"no-secret", v1alpha1.ReasonSecretNotFound, nil, nil, []string{w.namespace + "/no-secret", "does not exist", "create it"}},
		{"no-key", v1alpha1.ReasonSecretKeyMissing, map[string]string{"password": "x"}, nil, []string{w.namespace + "/no-key", `no key "token"`, `it has "password"`, "put the API token there"}},
		{"empty", v1alpha1.ReasonSecretKeyMissing, token(" \n"), nil, []string{w.namespace + "/empty", "holds nothing", "put the API token there"}},
		{"no-jwt", v1alpha1.ReasonCredentialRejected, token("hunter2-and-more"), nil, []string{w.namespace + "/no-jwt", "not an Astro API token", "put an API token"}},
		{"unknown", v1alpha1.ReasonCredentialRejected, token(forged(w.operator, w.org)), nil, []string{w.namespace + "/unknown", "Unauthorized", "put a valid API token"}},
		{"revoked", v1alpha1.ReasonCredentialRejected, token(w.sim.Credential(revoked)), nil, []string{revoked, "put a valid API token"}},
		{"expired", v1alpha1.ReasonCredentialRejected, token(w.sim.Credential(expired)), nil, []string{expired, "expired on", "make another"}},
		{"others", v1alpha1.ReasonOrganizationMismatch, token(w.sim.Credential(others)), nil, []string{others, other, w.org, "spec.organizationId"}},
		{"squatter", v1alpha1.ReasonOrganizationMismatch, good, func(s *v1alpha1.ConnectionSpec) { s.OrganizationID = v1alpha1.AstroID(other) }, []string{w.operator, other, "make a connection to the other"}},
		{"forged", v1alpha1.ReasonCredentialRejected, token(forged(w.operator, other)), func(s *v1alpha1.ConnectionSpec) { s.OrganizationID = v1alpha1.AstroID(other) }, []string{"put a valid API token"}},
		{"host", v1alpha1.ReasonHostNotAllowed, good, func(s *v1alpha1.ConnectionSpec) { s.APIURL = "https://astro.example.com" }, []string{"astro.example.com", "--allowed-api-hosts"}},
		{"port", v1alpha1.ReasonHostNotAllowed, good, func(s *v1alpha1.ConnectionSpec) { s.APIURL = "http://127.0.0.1:9" }, []string{"127.0.0.1:9", "--allowed-api-hosts"}},
	}
}

// make applies the connection with its Secret, and a binding through it.
func (f flawed) make(w *world) {
	GinkgoHelper()
	if f.secret != nil {
		w.apply(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: f.name}, StringData: f.secret})
	}
	c := w.connection(f.name).In(w.namespace).WithSecret(f.name).Object()
	if f.change != nil {
		f.change(&c.Spec)
	}
	w.apply(c)
	w.bind(builders.Binding(f.name).Through(f.name).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
}

// check looks at both the connection and its binding.
func (f flawed) check(w *world) {
	GinkgoHelper()
	Eventually(func() string {
		c, _ := w.connectionNamed(f.name)
		return readiness(c.Status.Conditions)
	}).Should(Equal("False/"+f.reason), f.name)
	c, kstatus := w.connectionNamed(f.name)
	Expect(kstatus).To(Equal(status.FailedStatus), f.name)
	message := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady).Message
	for _, words := range f.says {
		Expect(message).To(ContainSubstring(words), f.name)
	}
	for _, secret := range f.secret {
		if secret = strings.TrimSpace(secret); len(secret) > 1 {
			Expect(message).NotTo(ContainSubstring(secret))
		}
	}
	w.unready(f.name, f.reason)
}
