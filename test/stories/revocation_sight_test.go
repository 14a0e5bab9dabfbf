package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

var _ = Describe("A credential that quietly sees less, so that many tokens look gone,", func() {
	blindness := map[string]struct {
		tokens      int
		says        string
		blind, back func(w *world, tokens []string)
	}{
		"since its role is a smaller one now": {
			tokens: 500,
			says:   "the roles of the connection's own token have changed",
			blind:  func(w *world, _ []string) { w.sim.DowngradeCredential(w.operator, "ORGANIZATION_MEMBER") },
			back:   func(w *world, _ []string) { w.sim.DowngradeCredential(w.operator, "ORGANIZATION_OWNER") },
		},
		"while its role keeps its name": {
			tokens: 60,
			says:   "of the 60 tokens that bindings hold a role of are not listed",
			blind: func(w *world, tokens []string) {
				w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: tokens[:55]})
				for _, token := range tokens[:55] {
					w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.*", Path: token})
				}
			},
			back: func(w *world, _ []string) { w.sim.ClearFaults() },
		},
	}
	for name, tc := range blindness {
		It("removes nothing and lets nothing go, restarted or not: "+name, func(ctx context.Context) {
			w := newWorld(ctx)
			w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
				c.Spec.RateLimit = v1alpha1.RateLimit{ReadsPerSecond: 1000, WritesPerSecond: 1000} // so many take a while otherwise
			})
			tokens, names := w.manyTokens(tc.tokens, 1)
			before, writes := w.everyRole(), w.total()
			tc.blind(w, tokens)
			deleting, settled := names[:6], names[6:]
			w.delete(deleting...)
			check := func() {
				GinkgoHelper()
				for range 4 { // a listing that comes again and again becomes no better evidence
					w.sweepAttempt()
				}
				w.acmeIs("Unknown/ListIncomplete", status.FailedStatus)
				Expect(w.acmeSays(w.namespace)).To(And(ContainSubstring(tc.says), ContainSubstring(v1alpha1.AnnotationRequestedAt)))
				w.finalized(names...)
				for token, roles := range before {
					if token != w.operator {
						Expect(w.roles(token)).To(Equal(roles))
					}
				}
				Expect(w.total().Writes).To(Equal(writes.Writes))
				for _, b := range settled {
					Expect(w.bindingsWritten(writes.Kubernetes)).NotTo(ContainElement(ContainSubstring("/"+b)), "it shows on the connection")
				}
			}
			check()
			for _, b := range deleting {
				w.stuck("Unknown/ListIncomplete", b)
			}
			w.stop()
			w.start()
			check()
			tc.back(w, tokens)
			w.sweep()
			w.expect(gone, deleting...)
			w.stays("True/Granted", settled...)
		})
	}
})
