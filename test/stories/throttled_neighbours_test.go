package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// neighbours is a world in which another namespace has a connection with a credential of its own, and this one has bindings of
// six tokens.
func neighbours(ctx context.Context, theirRole string) (w *world, theirs string, tokens []string) {
	GinkgoHelper()
	w = newWorld(ctx)
	theirs = w.sim.AddOrganizationToken(w.org, "theirs", theirRole)
	tokens = w.tokens(6)
	w.connectAs(w.other, theirs)
	w.sweep()
	for i, id := range tokens {
		w.bind(builders.Binding(fmt.Sprintf("b-%d", i)).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
	}
	for i := range tokens {
		w.expect("True/Granted", fmt.Sprintf("b-%d", i))
	}
	w.waitIdle()
	return w, theirs, tokens
}

// throttles has Astro ask one credential to wait, at each call, for longer than anybody wants to.
func (w *world) throttles(token string) {
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Caller: token, RetryAfter: "4"})
}

// edits edits the role of all six, and fails if Astro does not have them soon.
func (w *world) edits(tokens []string, role string) {
	GinkgoHelper()
	for i := range tokens {
		w.role(fmt.Sprintf("b-%d", i), role)
	}
	for i := range tokens {
		Eventually(func() string { return w.on(tokens[i], w.data) }).WithTimeout(3*time.Second).Should(Equal(role), "token %d", i)
	}
}

var _ = Describe("A credential that Astro asks to wait", func() {
	theirs := func(w *world, i int) *builders.BindingBuilder {
		return builders.Binding(fmt.Sprintf("x-%d", i)).In(w.other)
	}
	told := func(w *world, states string, tokens []string) {
		GinkgoHelper()
		for i := range tokens {
			Eventually(func() string { return w.state(fmt.Sprintf("%s/x-%d", w.other, i)) }).Should(MatchRegexp(states))
		}
		w.waitIdle()
	}

	DescribeTable("does not hold up edits through another", func(ctx context.Context, role string, before, after func(*world, []string)) {
		w, id, tokens := neighbours(ctx, role)
		before(w, tokens)
		w.throttles(id)
		after(w, tokens)
		w.edits(tokens, "WORKSPACE_OWNER")
		time.Sleep(2 * time.Second)
		w.edits(tokens, "WORKSPACE_AUTHOR")
	},
		Entry("of tokens that it only watches and may not see", "ORGANIZATION_MEMBER", func(w *world, tokens []string) {
			for i, id := range tokens {
				w.bind(theirs(w, i).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").Observe())
			}
			told(w, "/", tokens)
		}, func(*world, []string) {}),
		Entry("of tokens that it only watches, after a restart", "ORGANIZATION_MEMBER", func(w *world, tokens []string) {
			for i, id := range tokens {
				w.bind(theirs(w, i).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").Observe())
			}
			told(w, "/", tokens)
			w.stop()
		}, func(w *world, _ []string) { w.start() }),
		Entry("of tokens that it names by name", "ORGANIZATION_OWNER", func(*world, []string) {}, func(w *world, tokens []string) {
			w.advance(20 * time.Second) // no listing is new enough any more
			for i := range tokens {
				w.bind(theirs(w, i).ForToken(fmt.Sprintf("ci-%d", i)).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
			}
			time.Sleep(2 * time.Second)
		}),
		Entry("of tokens that it writes itself", "ORGANIZATION_OWNER", func(w *world, tokens []string) {
			for i, id := range tokens {
				w.bind(theirs(w, i).ForTokenID(id).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
			}
			told(w, "True/Granted", tokens)
		}, func(w *world, tokens []string) {
			for i := range tokens {
				w.role(fmt.Sprintf("%s/x-%d", w.other, i), "WORKSPACE_OPERATOR")
			}
			time.Sleep(time.Second)
		}),
		Entry("of tokens that were renamed since it listed them", "ORGANIZATION_OWNER", func(w *world, tokens []string) {
			w.sweepOf(w.other)
			for i, id := range tokens {
				w.sim.RenameToken(id, fmt.Sprintf("renamed-%d", i))
			}
		}, func(w *world, _ []string) { w.sweep() }),
	)

	It("does not hold up edits through another, where its connection says so itself by a low rate limit", func(ctx context.Context) {
		w, _, tokens := neighbours(ctx, "ORGANIZATION_MEMBER")
		w.editConnection(w.other, func(c *v1alpha1.AstroConnection) {
			c.Spec.RateLimit = v1alpha1.RateLimit{ReadsPerSecond: 1, WritesPerSecond: 1}
		})
		for i := range 40 { // there is always something to be looked for
			w.bind(builders.Binding(fmt.Sprintf("made-up-%02d", i)).In(w.other).ForTokenID(fmt.Sprintf("cltmadeup%018d", i)).
				OnDeployment(fmt.Sprintf("clxmadeup%018d", i)))
		}
		for i, id := range tokens {
			w.bind(theirs(w, i).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER").Observe())
		}
		for _, role := range []string{"WORKSPACE_OWNER", "WORKSPACE_AUTHOR", "WORKSPACE_OPERATOR"} {
			w.edits(tokens, role)
			time.Sleep(2 * time.Second)
		}
	})

	It("does not hold up edits through another, however many connections have it and a low rate limit", func(ctx context.Context) {
		const many = 12
		w, _, tokens := neighbours(ctx, "ORGANIZATION_MEMBER")
		for i := range many {
			through := fmt.Sprintf("c-%02d", i)
			w.apply(w.connection(through).In(w.other).Object())
			w.bind(theirs(w, i).Through(through).ForTokenID(tokens[0]).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		}
		for i := range many {
			w.expect("False/TokenNotFound", fmt.Sprintf("%s/x-%d", w.other, i))
		}
		w.editConnection(w.other, func(c *v1alpha1.AstroConnection) { // which is that of them all
			c.Spec.RateLimit = v1alpha1.RateLimit{ReadsPerSecond: 1, WritesPerSecond: 1}
		})
		for _, role := range []string{"WORKSPACE_OWNER", "WORKSPACE_AUTHOR"} {
			time.Sleep(2 * time.Second)
			w.advance(20 * time.Second) // no listing is new enough any more
			w.edits(tokens, role)
		}
	})

	It("is used again once the time is over", func(ctx context.Context) {
		w, id, tokens := neighbours(ctx, "ORGANIZATION_OWNER")
		w.throttles(id)
		for i, token := range tokens {
			w.bind(theirs(w, i).ForTokenID(token).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		}
		time.Sleep(time.Second)
		w.edits(tokens, "WORKSPACE_OWNER")
		w.sim.ClearFaults()
		for i := range tokens {
			w.expect("True/Granted", fmt.Sprintf("%s/x-%d", w.other, i))
		}
	})

	It("does not hold up new bindings and revocations of tokens that both speak of", func(ctx context.Context) {
		w, id, tokens := neighbours(ctx, "ORGANIZATION_OWNER")
		w.throttles(id)
		for i, token := range tokens {
			w.bind(theirs(w, i).ForTokenID(token).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		}
		time.Sleep(time.Second)
		w.bind(builders.Binding("new").ForTokenID(tokens[5]).OnDeployment(w.etl))
		Eventually(func() string { return w.on(tokens[5], w.etl) }).WithTimeout(3 * time.Second).Should(Equal("DEPLOYMENT_ADMIN"))
		w.delete("new")
		Eventually(func() string { return w.on(tokens[5], w.etl) }).WithTimeout(3 * time.Second).Should(BeEmpty())
	})

	It("holds up no token that both speak of by tokens of its own", func(ctx context.Context) {
		w, id, tokens := neighbours(ctx, "ORGANIZATION_OWNER")
		for i, token := range tokens {
			w.bind(theirs(w, i).ForTokenID(token).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		}
		told(w, "True/Granted", tokens)
		for i := range 20 {
			own := w.sim.AddOrganizationToken(w.org, fmt.Sprintf("own-%d", i), "ORGANIZATION_MEMBER")
			w.bind(builders.Binding(fmt.Sprintf("own-%d", i)).In(w.other).ForTokenID(own).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", fmt.Sprintf("%s/own-%d", w.other, i))
		}
		w.throttles(id)
		for i := range 20 {
			w.role(fmt.Sprintf("%s/own-%d", w.other, i), "WORKSPACE_OPERATOR")
		}
		for i := range tokens {
			w.role(fmt.Sprintf("%s/x-%d", w.other, i), "WORKSPACE_OPERATOR")
		}
		time.Sleep(time.Second)
		w.edits(tokens, "WORKSPACE_OWNER")
	})

	It("takes no workers, however many of them there are", func(ctx context.Context) {
		const many = 10
		w, _, tokens := neighbours(ctx, "ORGANIZATION_OWNER")
		var waiting []string
		for i := range many {
			id := w.sim.AddOrganizationToken(w.org, fmt.Sprintf("theirs-%d", i), "ORGANIZATION_OWNER")
			waiting = append(waiting, id)
			w.apply(builders.Secret(w.other, fmt.Sprintf("s-%d", i), w.sim.Credential(id)))
			c := w.connection(fmt.Sprintf("c-%d", i)).In(w.other).Object()
			c.ConnectionSpec().CredentialsSecretRef.Name = fmt.Sprintf("s-%d", i)
			w.apply(c)
		}
		for i := range 2 * many {
			id := w.sim.AddOrganizationToken(w.org, fmt.Sprintf("t-%d", i), "ORGANIZATION_MEMBER")
			w.bind(theirs(w, i).Through(fmt.Sprintf("c-%d", i%many)).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		for i := range 2 * many {
			w.expect("True/Granted", fmt.Sprintf("%s/x-%d", w.other, i))
		}
		for _, id := range waiting {
			w.throttles(id)
		}
		for i := range 2 * many {
			w.role(fmt.Sprintf("%s/x-%d", w.other, i), "WORKSPACE_OPERATOR")
		}
		w.edits(tokens, "WORKSPACE_OWNER")
	})

	It("does not hold up another's inventories", func(ctx context.Context) {
		w, id, _ := neighbours(ctx, "ORGANIZATION_OWNER")
		w.throttles(id)
		acme := v1alpha1.ConnectionReference{Name: builders.ConnectionName}
		for i := range 8 {
			none := v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: fmt.Sprintf("none-%d", i)}
			w.takeIn(w.other, fmt.Sprintf("x-%d", i), acme, none)
		}
		time.Sleep(time.Second)
		w.take("mine", acme, v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"})
		Eventually(w.inventory("mine")).WithTimeout(3 * time.Second).Should(Equal("True/Listed"))
	})
})

var _ = DescribeTable("Bindings of tokens that their connection does not see cost those who hold roles on them nothing", func(
	ctx context.Context, strangerFirst, doubted, bound bool,
) {
	const many = 30
	w := emptyWorld(ctx)
	holder, stranger := w.namespace, w.other
	if strangerFirst {
		holder, stranger = stranger, holder
	}
	weak, tokens := w.sim.AddOrganizationToken(w.org, "weak", "ORGANIZATION_MEMBER"), w.tokens(many)
	w.start()
	w.connectAs(holder, w.operator)
	w.connectAs(stranger, weak)
	if doubted {
		w.sim.DowngradeCredential(weak, "ORGANIZATION_BILLING_ADMIN")
		w.sweepOf(stranger)
		Expect(readiness(w.acme(stranger).Status.Conditions)).To(Equal("Unknown/ListIncomplete"))
	}
	for i, id := range tokens {
		if bound {
			w.bind(builders.Binding(fmt.Sprintf("b-%02d", i)).In(holder).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		w.bind(builders.Binding(fmt.Sprintf("x-%02d", i)).In(stranger).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
	}
	for i := range tokens {
		if bound {
			w.expect("True/Granted", fmt.Sprintf("%s/b-%02d", holder, i))
		}
		w.expect("False/TokenNotFound", fmt.Sprintf("%s/x-%02d", stranger, i))
	}
	w.sweepOf(stranger) // the connection counts its bindings

	reads := astrosim.Fault{Kind: astrosim.FaultSlow, Endpoint: astrosim.TokensGet, Caller: w.operator, Delay: time.Millisecond} // to be counted
	w.sim.Inject(reads)
	began := time.Now()
	spent := w.costOf(func() {
		w.sweepOf(stranger)
		w.sweepOf(stranger)
	})
	share := 2 * (22 + int(time.Since(began).Seconds()))
	Expect(spent.Gets).To(BeNumerically("<=", share), "the share of the namespace, by both credentials")
	Expect(w.sim.Counts().Faults[reads.Kind]).To(BeZero(), "by the credential of the others")
	Expect(spent.Kubernetes).To(BeZero())
},
	Entry("where they come after the others", false, false, true),
	Entry("where they come before the others", true, false, true),
	Entry("where their connection's listing is in doubt", false, true, true),
	Entry("where they come before the others, and their connection's listing is in doubt", true, true, true),
	Entry("where nobody has bound them, and their connection's listing is in doubt", false, true, false),
)
