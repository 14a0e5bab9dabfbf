package connection

import (
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// bound makes so many tokens, and a binding for each that says in its status that it holds a role of it.
func (s *story) bound(n int) (tokens []string) {
	GinkgoHelper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		token := s.sim.AddOrganizationToken(s.org, fmt.Sprint("ci-", i), "ORGANIZATION_MEMBER")
		tokens = append(tokens, token)
		group.Go(func() error {
			b := s.binding(fmt.Sprint("b-", i))
			if err := kube.Create(s.ctx, b); err != nil {
				return err
			}
			b.Status.Token.ID, b.Status.Token.Scope, b.Status.OrganizationID, b.Status.Origin = token, v1alpha1.ScopeOrganization, s.org, v1alpha1.OriginCreated
			b.Status.Target.Kind, b.Status.Target.ID = v1alpha1.TargetWorkspace, "clw0000000000000000000data"
			b.Status.Claim = &v1alpha1.Claim{UID: b.UID, State: v1alpha1.ClaimHeld, ClaimedAt: metav1.NowMicro(), Host: "astro"}
			return kube.Status().Update(s.ctx, b)
		})
	}
	Expect(group.Wait()).To(Succeed())
	return tokens
}

// quick sweeps as often as may be, and as fast as Astro answers.
func (s *story) quick() *story {
	s.conn.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second}
	s.conn.Spec.RateLimit = v1alpha1.RateLimit{ReadsPerSecond: 1000, WritesPerSecond: 1000}
	return s
}

// keeps looks for proof that the tokens are gone, and finds none, and sees that nobody was told that they are.
func (s *story) keeps(through *Registry, tokens []string) {
	GinkgoHelper()
	h, _ := through.Get(s.key())
	for _, id := range tokens {
		isGone, why, err := h.Directory.ProveGone(s.ctx, id)
		Expect(err).NotTo(HaveOccurred())
		Expect(isGone).To(BeFalse())
		Expect(why).To(Equal(astro.NoEvidence))
	}
}

// told are the tokens that notices have named as changed.
func (s *story) told() (tokens []string) {
	for _, n := range notices.of(s.key()) {
		tokens = append(tokens, n.Tokens...)
		if n.All {
			tokens = append(tokens, "all")
		}
	}
	return tokens
}

var _ = Describe("A connection that loses sight of five hundred bound tokens", func() {
	It("because its credential lost its role concludes nothing, before and after a restart, and says so once", func(ctx SpecContext) {
		s := newStory(ctx).quick()
		tokens := s.bound(500)
		s.proven()
		own := "ORGANIZATION/" + s.org + "=ORGANIZATION_OWNER"
		Eventually(func() []string { return s.get().Status.CredentialRoles }).Should(Equal([]string{own}))
		notices.forget()
		s.sim.DowngradeCredential(s.self, "ORGANIZATION_MEMBER")
		Expect(s.expect("Unknown/ListIncomplete")).To(And(ContainSubstring("from "+own), ContainSubstring(v1alpha1.AnnotationRequestedAt)))
		version, writes := s.get().ResourceVersion, writesOf(s)
		s.keeps(registry, tokens)

		second, counter := NewRegistry(), &writeCounter{}
		startManager(second, counter)
		Eventually(func() bool {
			h, _ := second.Get(s.key())
			return h.Ready && h.Directory.Doubt() != ""
		}).Should(BeTrue())
		s.keeps(second, tokens)
		pages := s.pages()
		Eventually(s.pages).Should(BeNumerically(">", pages+2))
		Expect(s.get().ResourceVersion).To(Equal(version), "it is said once")
		Expect(counter.of("/"+s.namespace+"/") + writesOf(s) - writes).To(BeZero())
		Expect(s.told()).NotTo(ContainElement(BeElementOf(append(tokens, "all"))))
		Expect(s.get().Status.CredentialRoles).To(Equal([]string{own}))

		s.sim.DowngradeCredential(s.self, "ORGANIZATION_OWNER")
		s.expect("True/Connected")
	})
})

var _ = Describe("A connection that loses sight of what is bound", func() {
	It("with the role that it had waits for somebody's word, and takes it", func(ctx SpecContext) {
		s := newStory(ctx).quick()
		tokens := s.bound(20)
		s.proven()
		lost := tokens[:7]
		notices.forget()
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: lost})
		for _, id := range lost {
			s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: astrosim.TokensGet, Path: id})
		}
		Expect(s.expect("Unknown/ListIncomplete")).To(ContainSubstring("7 of the 20 tokens that bindings hold a role of are not listed"))
		Expect(meta.IsStatusConditionTrue(s.get().Status.Conditions, v1alpha1.ConditionStalled)).To(BeTrue(), "it waits for somebody")
		Expect(meta.FindStatusCondition(s.get().Status.Conditions, v1alpha1.ConditionReconciling)).To(BeNil())
		version, pages := s.get().ResourceVersion, s.pages()
		Eventually(s.pages).Should(BeNumerically(">=", pages+3), "repetition makes it no truer")
		Expect(s.get().ResourceVersion).To(Equal(version))
		s.keeps(registry, lost)
		Expect(s.told()).To(BeEmpty())

		s.look()
		s.expect("True/Connected")
		Expect(s.get().Status.LastHandledReconcileAt).To(Equal(s.conn.Annotations[v1alpha1.AnnotationRequestedAt]))
		Eventually(s.told).Should(ConsistOf(lost))
		for _, id := range lost {
			isGone, why, err := s.handle().Directory.ProveGone(ctx, id)
			Expect(err).NotTo(HaveOccurred())
			Expect(isGone).To(BeTrue(), why)
		}
	})
})
