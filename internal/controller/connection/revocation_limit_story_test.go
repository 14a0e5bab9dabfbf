package connection

import (
	"fmt"
	"strconv"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// deletingBindings are bindings that are being deleted and hold a claim.
func (s *story) deletingBindings(n int) (all []*v1alpha1.ScopedTokenBinding) {
	GinkgoHelper()
	for i := range n {
		b := s.bind(fmt.Sprint("deleting-", i))
		Expect(kube.Delete(s.ctx, b)).To(Succeed())
		all = append(all, b)
	}
	return all
}

// limited is a proven connection of so many revocations a sweep, whose limit more have reached.
func (s *story) limited(limit int32) *story {
	GinkgoHelper()
	s.conn.Spec.MaxRevocationsPerSweep = limit
	s.proven()
	for i := range limit {
		Expect(registry.MayRevoke(s.key(), s.namespace, fmt.Sprint("revoked-", i))).To(BeTrue())
	}
	Expect(registry.MayRevoke(s.key(), s.namespace, "one more")).To(BeFalse())
	Eventually(s.paused).ShouldNot(BeEmpty())
	return s
}

// paused is what the condition says, "" if it is not there.
func (s *story) paused() string {
	GinkgoHelper()
	if c := meta.FindStatusCondition(s.get().Status.Conditions, v1alpha1.ConditionRevocationsPaused); c != nil {
		return fmt.Sprintf("%s/%s: %s", c.Status, c.Reason, c.Message)
	}
	return ""
}

func (s *story) lift(until string) {
	GinkgoHelper()
	s.edit(func(c *v1alpha1.AstroConnection) {
		c.Annotations = map[string]string{v1alpha1.AnnotationLiftRevocationLimit: until}
	})
}

func (s *story) events(reason string) (notes []string) {
	GinkgoHelper()
	var list eventsv1.EventList
	Expect(kube.List(s.ctx, &list, client.InNamespace(s.namespace))).To(Succeed())
	for _, e := range list.Items {
		if e.Reason == reason && e.Action == "Revoke" {
			notes = append(notes, e.Type+": "+e.Note)
		}
	}
	return notes
}

// pausedMetric is what the metric shows of the connection; -1 if nothing.
func (s *story) pausedMetric() float64 {
	GinkgoHelper()
	families, err := metrics.Registry.Gather()
	Expect(err).NotTo(HaveOccurred())
	for _, family := range families {
		if family.GetName() != "scopedtoken_connection_revocations_paused" {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "namespace" && label.GetValue() == s.namespace {
					return m.GetGauge().GetValue()
				}
			}
		}
	}
	return -1
}

var _ = Describe("A connection whose revocation limit is reached", func() {
	It("says so once, stays ready, and revokes nothing until somebody lifts the limit", func(ctx SpecContext) {
		s := newStory(ctx).quick()
		s.conn.Spec.MaxRevocationsPerSweep = 2
		s.deletingBindings(5)
		s.limited(2)
		Eventually(s.paused).Should(And(
			HavePrefix("True/RevocationLimited: more than 2 role(s) were to be revoked within 5s"), ContainSubstring(v1alpha1.AnnotationLiftRevocationLimit),
			ContainSubstring("5 wait: "+s.namespace+"/deleting-0, "), ContainSubstring("and 2 more"), ContainSubstring(v1alpha1.AnnotationRelease)))
		Expect(s.ready().Status).To(BeEquivalentTo("True"))
		Expect(s.ready().Reason).To(Equal("Connected"))
		Eventually(s.pausedMetric).Should(Equal(1.0))
		Eventually(func() []string { return s.events("RevocationLimited") }).Should(ConsistOf(HavePrefix("Warning: more than 2")))

		version, pages := s.get().ResourceVersion, s.pages()
		Eventually(s.pages).Should(BeNumerically(">=", pages+2))
		Expect(registry.MayRevoke(s.key(), s.namespace, "one more")).To(BeFalse(), "time lifts nothing")
		Expect(s.get().ResourceVersion).To(Equal(version), "it is said once")

		s.lift("tomorrow")
		Eventually(s.paused).Should(ContainSubstring(`is "tomorrow", which is not a time`))
		Eventually(func() string { return s.ready().Message }).Should(ContainSubstring("tomorrow"))
		s.lift(time.Now().Add(-time.Minute).Format(time.RFC3339))
		Eventually(s.paused).ShouldNot(ContainSubstring("is not a time"))
		Expect(registry.MayRevoke(s.key(), s.namespace, "one more")).To(BeFalse(), "a time that has passed lifts nothing")

		notices.forget()
		s.lift(time.Now().Add(time.Hour).Format(time.RFC3339))
		Eventually(s.paused).Should(BeEmpty())
		Eventually(func() []Notice { return notices.sweeps(s.key()) }).ShouldNot(BeEmpty(), "who waits is told")
		Expect(registry.MayRevoke(s.key(), s.namespace, "one more", "and", "many", "others")).To(BeTrue())
		Eventually(s.pausedMetric).Should(BeZero())
		Eventually(func() []string { return s.events("Revoking") }).Should(ConsistOf("Normal: revocations go on"))
	})

	It("is so after a restart as well", func(ctx SpecContext) {
		s := newStory(ctx).quick()
		s.deletingBindings(1)
		s.limited(1)
		Eventually(s.paused).Should(ContainSubstring("1 wait: " + s.namespace + "/deleting-0"))
		writes := writesOf(s)
		second, counter := NewRegistry(), &writeCounter{}
		startManager(second, counter)
		Eventually(func() bool { h, _ := second.Get(s.key()); return h.Ready }).Should(BeTrue())
		Expect(second.MayRevoke(s.key(), s.namespace, "another")).To(BeFalse())
		Consistently(func() int { return counter.of("/"+s.namespace+"/") + writesOf(s) - writes }, "1s").Should(BeZero())
	})

	It("revokes again when nobody waits any more", func(ctx SpecContext) {
		s := newStory(ctx)
		deleting := s.deletingBindings(2)
		s.limited(1)
		s.release(deleting[0])
		Eventually(s.paused).Should(ContainSubstring("1 wait: " + s.namespace + "/deleting-1"))
		s.release(deleting[1])
		Eventually(s.paused).Should(BeEmpty())
		Expect(registry.MayRevoke(s.key(), s.namespace, "another")).To(BeTrue())
	})

	It("has no limit unless it is given one", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		for i := range 1000 {
			Expect(registry.MayRevoke(s.key(), s.namespace, strconv.Itoa(i))).To(BeTrue())
		}
		Expect(s.paused()).To(BeEmpty())
		Expect(s.pausedMetric()).To(BeZero())
	})
})
