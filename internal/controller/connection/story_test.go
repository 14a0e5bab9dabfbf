package connection

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// story is one Astro, one namespace and one connection.
type story struct {
	ctx       context.Context
	sim       *astrosim.Sim
	namespace string
	org       string
	self      string // the credential's token
	conn      *v1alpha1.AstroConnection
}

var stories atomic.Int64

func newStory(ctx context.Context) *story {
	GinkgoHelper()
	s := &story{ctx: context.WithoutCancel(ctx), sim: <-sims, namespace: fmt.Sprintf("story-%d", stories.Add(1))}
	s.org = s.sim.AddOrganization("Acme")
	s.self = s.sim.AddOrganizationToken(s.org, "operator", "ORGANIZATION_OWNER")
	Expect(kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
	s.conn = &v1alpha1.AstroConnection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "acme"},
		Spec: v1alpha1.ConnectionSpec{
			OrganizationID: v1alpha1.AstroID(s.org), APIURL: s.sim.URL(),
			CredentialsSecretRef: v1alpha1.SecretKeyReference{Name: "astro-api", Key: "token"},
			SweepInterval:        metav1.Duration{Duration: time.Hour},
		},
	}
	return s
}

// key is the connection's, also while its object is being read.
func (s *story) key() Key {
	return Key{Kind: v1alpha1.KindAstroConnection, Namespace: s.namespace, Name: "acme"}
}

func (s *story) handle() Handle {
	h, _ := registry.Get(s.key())
	return h
}

func (s *story) connect() *story {
	GinkgoHelper()
	Expect(kube.Create(s.ctx, s.conn)).To(Succeed())
	return s
}

// secret makes or replaces the Secret.
func (s *story) secret(data map[string]string) *story {
	GinkgoHelper()
	return s.put(&corev1.Secret{StringData: data})
}

// credentialBytes puts a value into the Secret that need not be text.
func (s *story) credentialBytes(value []byte) *story {
	GinkgoHelper()
	return s.put(&corev1.Secret{Data: map[string][]byte{"token": value}})
}

func (s *story) put(secret *corev1.Secret) *story {
	GinkgoHelper()
	secret.Namespace, secret.Name = s.namespace, "astro-api"
	if err := kube.Create(s.ctx, secret); err != nil {
		Expect(kube.Update(s.ctx, secret)).To(Succeed())
	}
	return s
}

func (s *story) credential(secret string) *story { return s.secret(map[string]string{"token": secret}) }

func (s *story) deleteSecret() {
	GinkgoHelper()
	Expect(kube.Delete(s.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "astro-api"}})).To(Succeed())
}

// proven is a connection that works, and whose first listing has been told of.
func (s *story) proven() *story {
	GinkgoHelper()
	s.credential(s.sim.Credential(s.self)).connect().expect("True/Connected")
	Eventually(func() []Notice { return notices.sweeps(s.key()) }).ShouldNot(BeEmpty())
	Expect(s.handle().Ready).To(BeTrue())
	return s
}

// look asks for a proof and a sweep by annotation.
func (s *story) look() {
	GinkgoHelper()
	s.edit(func(c *v1alpha1.AstroConnection) {
		c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: time.Now().Format(time.RFC3339Nano)}
	})
}

func (s *story) edit(change func(*v1alpha1.AstroConnection)) {
	GinkgoHelper()
	before := s.get().DeepCopy()
	change(s.conn)
	Expect(kube.Patch(s.ctx, s.conn, client.MergeFrom(before))).To(Succeed())
}

func (s *story) get() *v1alpha1.AstroConnection {
	GinkgoHelper()
	Expect(kube.Get(s.ctx, client.ObjectKeyFromObject(s.conn), s.conn)).To(Succeed())
	return s.conn
}

func (s *story) ready() metav1.Condition {
	GinkgoHelper()
	if c := meta.FindStatusCondition(s.get().Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// expect waits until Ready has this status and reason, and returns its message.
func (s *story) expect(statusAndReason string) string {
	GinkgoHelper()
	Eventually(func() string {
		c := s.ready()
		return string(c.Status) + "/" + c.Reason
	}).Should(Equal(statusAndReason))
	return s.ready().Message
}

// pages are the listings of tokens that Astro has answered.
func (s *story) pages() int { return s.sim.Counts().ByEndpoint[astrosim.TokensList] }

func (s *story) proofs() int { return s.sim.Counts().ByEndpoint[astrosim.OrganizationGet] }
