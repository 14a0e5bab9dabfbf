package connection

import (
	"maps"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

var _ = Describe("The sweep of a connection", func() {
	It("finds the token that drifted, and only that", func(ctx SpecContext) {
		s := newStory(ctx)
		w := s.sim.AddWorkspace(s.org, "data")
		drifting := s.sim.AddOrganizationToken(s.org, "drifting", "ORGANIZATION_MEMBER")
		s.sim.AddOrganizationToken(s.org, "steady", "ORGANIZATION_MEMBER")
		s.proven()
		notices.forget()
		s.sim.GrantRole(drifting, "WORKSPACE", w, "WORKSPACE_MEMBER")
		s.look()
		Eventually(func() []Notice { return notices.of(s.key()) }).Should(ConsistOf(Notice{Connection: s.key(), Tokens: []string{drifting}}))
	})

	It("tells of the token before it looks at targets, which may be many and slow", func(ctx SpecContext) {
		s := newStory(ctx)
		token := s.bound(1)[0]
		s.proven()
		notices.forget()
		DeferCleanup(s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.WorkspacesList}))
		s.sim.GrantRole(token, "WORKSPACE", s.sim.AddWorkspace(s.org, "data"), "WORKSPACE_MEMBER")
		s.look()
		Eventually(s.told, "5s").Should(ConsistOf(token)) // a call is given up after twenty seconds
		Expect(notices.sweeps(s.key())).To(BeEmpty(), "the sweep is still under way")
	})

	It("costs one page and no write while nothing changes", func(ctx SpecContext) {
		s := newStory(ctx)
		s.conn.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second}
		s.proven()
		version := s.get().ResourceVersion
		writes, pages := writes.of("/"+s.namespace+"/"), s.pages()
		s.sim.ResetCounts()
		notices.forget()
		var spent astrosim.Counts
		Eventually(func() int { spent = s.sim.Counts(); return spent.ByEndpoint[astrosim.TokensList] }).Should(BeNumerically(">=", 2), "sweeps after %d", pages)
		Expect(spent.Total).To(Equal(spent.ByEndpoint[astrosim.TokensList]), "a sweep is one page: %v", spent.ByEndpoint)
		Expect(s.get().ResourceVersion).To(Equal(version))
		Expect(writesOf(s)).To(Equal(writes))
		Expect(notices.of(s.key())).To(BeEmpty())
		Eventually(func() []Notice { return notices.sweeps(s.key()) }).ShouldNot(BeEmpty(), "what could not be found is looked for again")
	})

	It("shows an outage on the connection, and leaves the bindings alone", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		notices.forget()
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: 503, Endpoint: astrosim.TokensList})
		s.look()
		Expect(s.expect("Unknown/Unreachable")).To(ContainSubstring("list the tokens"))
		Expect(s.handle().Ready).To(BeTrue())
		version := s.get().ResourceVersion
		s.sim.ResetCounts()
		Eventually(s.pages).Should(BeNumerically(">", 1))
		Expect(s.get().ResourceVersion).To(Equal(version), "an outage that lasts is written down once")

		s.sim.ClearFaults()
		s.expect("True/Connected")
		Expect(notices.of(s.key())).To(BeEmpty())
	})

	It("stays ready while Astro asks to slow down", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		notices.forget()
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, RetryAfter: "1", Endpoint: astrosim.TokensList})
		s.look()
		s.expect("True/RateLimited")
		Expect(s.handle().Ready).To(BeTrue())
		s.sim.ClearFaults()
		s.look()
		s.expect("True/Connected")
		Expect(notices.of(s.key())).To(BeEmpty())
	})

	It("says when a listing is no evidence", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{s.self}})
		s.look()
		Expect(s.expect("Unknown/ListIncomplete")).To(ContainSubstring(v1alpha1.AnnotationRequestedAt))
		Expect(s.handle().Ready).To(BeTrue())
		s.sim.ClearFaults()
		s.look()
		s.expect("True/Connected")
	})

	It("starts with what is in sync without a write", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		second, counter := NewRegistry(), &writeCounter{}
		startManager(second, counter)
		Eventually(func() bool { h, _ := second.Get(s.key()); return h.Ready }).Should(BeTrue())
		Consistently(func() int { return counter.of("/" + s.namespace + "/") }, "1s").Should(BeZero())
	})
})

var _ = Describe("The rules of a connection", func() {
	It("make the bindings be looked at when they change", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		pages := s.pages()
		notices.forget()
		s.edit(func(c *v1alpha1.AstroConnection) {
			c.Spec.Allow = []v1alpha1.AllowRule{rule(v1alpha1.NamespaceRule{Names: []string{s.namespace}})}
		})
		Eventually(func() []Notice { return notices.of(s.key()) }).Should(ConsistOf(Notice{Connection: s.key(), All: true}))
		Expect(s.pages()).To(Equal(pages), "a rule costs no listing")
	})

	It("make them be looked at before a slow sweep is over", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		notices.forget()
		DeferCleanup(s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHang, Endpoint: astrosim.TokensList}))
		s.edit(func(c *v1alpha1.AstroConnection) {
			c.Spec.Allow = []v1alpha1.AllowRule{rule(v1alpha1.NamespaceRule{Names: []string{s.namespace}})}
			c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "now"}
		})
		Eventually(func() []Notice { return notices.of(s.key()) }, "15s").Should( // a page is given up after twenty seconds
			ConsistOf(Notice{Connection: s.key(), All: true}))
	})

	It("serve a ClusterAstroConnection, with its Secret in the operator's namespace and its eye on labels", func(ctx SpecContext) {
		s := newStory(ctx)
		c := &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}, Spec: s.conn.Spec}
		c.Spec.CredentialsSecretRef.Name = s.namespace
		c.Spec.Allow = []v1alpha1.AllowRule{rule(v1alpha1.NamespaceRule{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": s.namespace}}})}
		data := map[string]string{"token": s.sim.Credential(s.self)}
		Expect(kube.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.namespace}, StringData: data})).To(Succeed())
		Expect(kube.Create(ctx, c)).To(Succeed())
		reason := func() string { h, _ := registry.Get(KeyOf(c)); return h.Reason }
		Eventually(reason).Should(Equal("SecretNotFound"), "a tenant's Secret does not count")
		Expect(kube.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: s.namespace}, StringData: data})).To(Succeed())
		Eventually(func() bool { h, _ := registry.Get(KeyOf(c)); return h.Ready }).Should(BeTrue())
		Eventually(func() []Notice { return notices.sweeps(KeyOf(c)) }).ShouldNot(BeEmpty(), "the first listing is told of after all else")

		notices.forget()
		s.label(map[string]string{"colour": "blue"})
		Consistently(func() []Notice { return notices.of(KeyOf(c)) }, "300ms").Should(BeEmpty(), "no rule asks for the colour")
		s.label(map[string]string{"team": s.namespace})
		Eventually(func() []Notice { return notices.of(KeyOf(c)) }).Should(ConsistOf(Notice{Connection: KeyOf(c), Namespaces: []string{s.namespace}}))
	})
})

var _ = Describe("A connection that is deleted", func() {
	It("is held while bindings need it, and goes with the last", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		held := []*v1alpha1.ScopedTokenBinding{s.bind("a"), s.bind("b"), s.bind("c"), s.bind("d")}
		Expect(kube.Delete(ctx, s.conn)).To(Succeed())
		s.deleteSecret()
		Eventually(func() string { s.expect("False/InUse"); return s.ready().Message }).Should(And(
			ContainSubstring("4 binding(s)"), ContainSubstring(s.namespace+"/a, "+s.namespace+"/b, "+s.namespace+"/c and 1 more")))
		Expect(s.get().Status.Bindings).To(BeEquivalentTo(4))
		h := s.handle()
		Expect(h.Deleting).To(BeTrue())
		_, err := h.Client.GetToken(ctx, s.self)
		Expect(err).NotTo(HaveOccurred())

		for _, b := range held[1:] {
			s.release(b)
		}
		Eventually(func() string { return s.ready().Message }).Should(ContainSubstring("1 binding(s)"))
		s.release(held[0])
		Eventually(func() bool {
			return apierrors.IsNotFound(kube.Get(ctx, client.ObjectKeyFromObject(s.conn), s.conn))
		}).Should(BeTrue())
		Eventually(func() bool { _, known := registry.Get(s.key()); return known }).Should(BeFalse())
		Expect(registry.CredentialOf(h.Host, s.self)).To(BeEmpty())
	})

	It("goes at once when nothing refers to it", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		Expect(kube.Delete(ctx, s.conn)).To(Succeed())
		Eventually(func() bool {
			return apierrors.IsNotFound(kube.Get(ctx, client.ObjectKeyFromObject(s.conn), s.conn))
		}).Should(BeTrue())
	})
})

func writesOf(s *story) int { return writes.of("/" + s.namespace + "/") }

func rule(namespaces v1alpha1.NamespaceRule) v1alpha1.AllowRule {
	return v1alpha1.AllowRule{
		Namespaces: namespaces, Roles: []string{"*"},
		Tokens:  []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, IDs: []string{"*"}}},
		Targets: []v1alpha1.TargetRule{{WorkspaceIDs: []string{"*"}}},
	}
}

func (s *story) label(labels map[string]string) {
	GinkgoHelper()
	n := &corev1.Namespace{}
	Expect(kube.Get(s.ctx, client.ObjectKey{Name: s.namespace}, n)).To(Succeed())
	before := n.DeepCopy()
	maps.Copy(n.Labels, labels)
	Expect(kube.Patch(s.ctx, n, client.MergeFrom(before))).To(Succeed())
}

// bind makes a binding that holds a claim.
func (s *story) bind(name string) *v1alpha1.ScopedTokenBinding {
	GinkgoHelper()
	b := s.binding(name)
	Expect(kube.Create(s.ctx, b)).To(Succeed())
	before := b.DeepCopy()
	b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NowMicro(), Host: "astro"}
	b.Status.OrganizationID, b.Status.Token.ID, b.Status.Target.ID = string(s.conn.Spec.OrganizationID), "clt0000000000000000000ci", "clw0000000000000000000data"
	Expect(kube.Status().Patch(s.ctx, b, client.MergeFrom(before))).To(Succeed())
	return b
}

func (s *story) binding(name string) *v1alpha1.ScopedTokenBinding {
	return &v1alpha1.ScopedTokenBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name, Finalizers: []string{v1alpha1.FinalizerRevoke}},
		Spec: v1alpha1.ScopedTokenBindingSpec{
			ConnectionRef: v1alpha1.ConnectionReference{Name: s.conn.Name},
			Token:         v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"},
			Target:        v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"},
			Role:          "WORKSPACE_MEMBER",
		},
	}
}

func (s *story) release(b *v1alpha1.ScopedTokenBinding) {
	GinkgoHelper()
	Expect(kube.Delete(s.ctx, b)).To(Succeed())
	Expect(kube.Patch(s.ctx, b, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))).To(Succeed())
}
