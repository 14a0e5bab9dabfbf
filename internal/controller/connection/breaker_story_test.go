package connection

import (
	"context"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// workers use the connection at the same time, each so many times, and return how many of their calls failed.
func (s *story) workers(workers, calls int) (failed int) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range calls {
				if s.call() != nil {
					mu.Lock()
					failed++
					mu.Unlock()
					registry.ReportUnauthorized(s.key())
				}
			}
		})
	}
	group.Wait()
	return failed
}

func (s *story) call() error {
	_, err := s.handle().Client.GetToken(s.ctx, s.self)
	return err
}

func (s *story) calls() int { return s.sim.Counts().Total }

// due is how often something can have come due since then that comes every five seconds, give or take a tenth.
func due(since time.Time) int { return int(time.Since(since) / (4500 * time.Millisecond)) }

var _ = Describe("A credential that Astro refuses", func() {
	It("costs a call and a proof, however many have something to ask, and works again once it is proven", func(ctx SpecContext) {
		s := newStory(ctx)
		s.conn.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second}
		s.proven()
		s.sim.RevokeCredential(s.self)
		s.sim.ResetCounts()
		begun := time.Now()
		Expect(s.workers(16, 50)).To(Equal(800))
		Expect(s.calls()).To(BeNumerically("<=", 16+1+1+due(begun)), "those under way when the first was refused, maybe a sweep among them, and the proof")
		s.expect("False/CredentialRejected")
		told, begun := s.calls(), time.Now()
		Expect(s.workers(16, 50)).To(Equal(800))
		Expect(s.calls()).To(BeNumerically("<=", told+1+due(begun)), "a proof may have come due")

		s.sim.RestoreCredential(s.self)
		s.expect("True/Connected")
		Expect(s.call()).To(Succeed())
	})

	It("by mistake, once, is proven at once and goes on", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		version := s.get().ResourceVersion
		notices.forget()
		s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultUnauthorized, Endpoint: astrosim.TokensGet, Times: 1})
		s.sim.ResetCounts()
		Expect(s.call()).To(MatchError(astro.ErrUnauthorized))
		Eventually(s.call).Should(Succeed())
		Expect(s.proofs()).To(Equal(1))
		Expect(s.get().ResourceVersion).To(Equal(version), "nothing is worth a word")
		Eventually(func() []Notice { return notices.about(s.key()) }).Should(ContainElement(HaveField("All", true)),
			"who met the refusal tries again, those who are Ready too")
	})

	It("for some calls only is tried less and less, and says so once", func(ctx SpecContext) {
		s := newStory(ctx).proven()
		restore := s.sim.Inject(astrosim.Fault{Kind: astrosim.FaultUnauthorized, Endpoint: astrosim.TokensGet})
		s.sim.ResetCounts()
		begun := time.Now()
		stop := s.keepAsking()
		s.expect("Unknown/CredentialRejected")
		Expect(s.ready().Message).To(And(ContainSubstring("now and then"), ContainSubstring("by itself")))
		version := s.get().ResourceVersion
		Consistently(func() int { return s.proofs() - due(begun) }, "3s").Should(BeNumerically("<=", 2))
		stop()
		Expect(s.calls()).To(BeNumerically("<=", 2*16+3+(16+1)*due(begun)))
		Expect(s.get().ResourceVersion).To(Equal(version))
		Expect(s.handle().Ready).To(BeTrue(), "it passes")

		restore()
		s.expect("True/Connected")
		Expect(s.call()).To(Succeed())
	})

	It("and whose Secret is gone is tried once a sweep interval, for those who have to revoke", func(ctx SpecContext) {
		s := newStory(ctx)
		s.conn.Spec.SweepInterval = metav1.Duration{Duration: 5 * time.Second}
		s.proven()
		s.deleteSecret()
		s.expect("False/SecretNotFound")
		s.sim.RevokeCredential(s.self)
		s.sim.ResetCounts()
		begun := time.Now()
		Expect(s.workers(1, 50)).To(Equal(50))
		Consistently(func() int {
			s.look()
			return s.calls() - due(begun)
		}, "7s", "200ms").Should(BeNumerically("<=", 2), "whatever else there is to look at")
		s.sim.RestoreCredential(s.self)
		Eventually(s.call).Should(Succeed())
		s.expect("False/SecretNotFound")
	})
})

// keepAsking has 16 workers ask until it is stopped.
func (s *story) keepAsking() (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			s.workers(16, 10)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
