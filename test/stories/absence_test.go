package stories

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// hide makes Astro answer as if the token were not there.
func (w *world) hide(token string) {
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{token}})
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.*", Path: token})
}

var _ = Describe("A token that Astro does not show", func() {
	// Each is less than the proof that a token is gone, which would end its bindings without revoking anything.
	lessThanProof := map[string]struct {
		hide, show func(w *world)
	}{
		"while the credential's own token is not listed either": {hide: func(w *world) {
			w.hide(w.ci)
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.operator}})
		}},
		"while the credential's own token is listed without its roles": {hide: func(w *world) {
			w.hide(w.ci)
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensList, IDs: []string{w.operator}})
		}},
		"because the credential lost its rights": {
			hide: func(w *world) { w.sim.DowngradeCredential(w.operator, "ORGANIZATION_MEMBER") },
			show: func(w *world) { w.sim.DowngradeCredential(w.operator, "ORGANIZATION_OWNER") },
		},
		"in a listing that has suddenly shrunk": {hide: func(w *world) {
			w.hide(w.ci)
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{
				w.binding("c-0").Status.Token.ID, w.binding("c-1").Status.Token.ID, w.binding("c-2").Status.Token.ID, w.binding("c-3").Status.Token.ID,
			}})
		}},
		"but whose GET is forbidden": {hide: func(w *world) {
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.ci}})
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.*", Path: w.ci})
		}},
		"by id, while it is still listed": {hide: func(w *world) {
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.*", Path: w.ci})
		}},
		"in a listing whose total does not fit": {hide: func(w *world) {
			w.hide(w.ci)
			w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.wsCI}, KeepTotal: true})
		}},
	}
	for name, tc := range lessThanProof {
		It(name+" is not taken for gone", func(ctx context.Context) {
			w := newWorld(ctx)
			w.tokens(4)
			w.sweep()
			w.bind(
				builders.Binding("deleted").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("stayer").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("c-0").ForToken("ci-0").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("c-1").ForToken("ci-1").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("c-2").ForToken("ci-2").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("c-3").ForToken("ci-3").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			)
			w.expect("True/Granted", "deleted", "stayer", "c-0", "c-1", "c-2", "c-3")
			writes := w.total().Writes

			tc.hide(w)
			w.delete("deleted")
			w.sweep()
			Consistently(func() string { return w.state("deleted") }, "500ms").ShouldNot(Equal(gone))
			Expect(w.state("stayer")).NotTo(Equal(gone))
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science)}).To(HaveEach("WORKSPACE_MEMBER"))
			Expect(w.total().Writes).To(Equal(writes), "nothing is written meanwhile")

			w.sim.ClearFaults()
			if tc.show != nil {
				tc.show(w)
			}
			w.sweep()
			w.expect(gone, "deleted")
			Eventually(func() string { return w.state("stayer") }).Should(HavePrefix("True/"))
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science)}).To(Equal([]string{"", "WORKSPACE_MEMBER"}))
		})
	}

	It("in the listing is worked on by id, whose answer counts", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.ci}})
		w.sweep()
		w.stays("True/Granted", "b")
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("with its roles is unknown, and not empty", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensList, IDs: []string{w.ci}})
		spent := w.costOf(func() { w.sweep(); w.sweep() })
		Expect(spent.Writes).To(BeZero())
		w.stays("True/Granted", "b")
	})

	It("with its roles is read by id for a binding that spells its name", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensList, IDs: []string{w.ci}})
		hidden := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: astrosim.TokensGet, Path: w.ci})
		w.begin()
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/PermissionDenied", "b")
		hidden()
		w.sweep()
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("because it was deleted ends its bindings' claims with proof", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("by-name").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("by-id").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "by-name", "by-id")
		w.sim.DeleteToken(w.ci)
		w.sweep()
		w.expect("False/TokenNotFound", "by-name", "by-id")
		w.delete("by-name", "by-id")
		w.expect(gone, "by-name", "by-id")
	})
})

var _ = Describe("A token that another credential in the Secret does not see", func() {
	for _, restarts := range []bool{false, true} {
		It(fmt.Sprintf("is not gone: restarts %t", restarts), func(ctx context.Context) {
			w := newWorld(ctx)
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "b")
			before := w.acme(w.namespace).Status.CredentialTokenID
			lesser := w.sim.AddWorkspaceToken(w.science, "lesser", "WORKSPACE_OWNER")
			w.useSecret(w.namespace, lesser)
			Eventually(func() string { return w.acme(w.namespace).Status.CredentialTokenID }).Should(Equal(lesser))
			w.waitIdle()
			w.sweep()
			if restarts {
				w.restart()
				w.waitIdle()
				w.sweep()
			}
			Expect(w.acmeSays(w.namespace)).To(ContainSubstring("ORGANIZATION_OWNER"), "which says what to do")
			w.delete("b")
			w.waitIdle()
			w.sweep()
			w.stays("Unknown/ListIncomplete", "b")
			Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
			w.useSecret(w.namespace, before)
			w.expect(gone, "b")
			Expect(w.on(w.ci, w.data)).To(BeEmpty())
		})
	}
})

var _ = Describe("A token that two connections do not see", func() {
	It("is not gone by the word of the one that never saw it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		before := w.acme(w.namespace).Status.CredentialTokenID
		w.connectAs(w.other, w.sim.AddWorkspaceToken(w.science, "another", "WORKSPACE_OWNER"))
		lesser := w.sim.AddWorkspaceToken(w.science, "lesser", "WORKSPACE_OWNER")
		w.useSecret(w.namespace, lesser)
		Eventually(func() string { return w.acme(w.namespace).Status.CredentialTokenID }).Should(Equal(lesser))
		w.waitIdle()
		w.sweep()
		w.bind(builders.Binding("x").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/TokenNotFound", w.other+"/x")
		w.delete("b")
		w.waitIdle()
		w.sweep()
		w.sweepOf(w.other)
		w.stays("Unknown/ListIncomplete", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.useSecret(w.namespace, before)
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

var _ = DescribeTable("What Astro says to one connection of a token that another does not see is not told to that one", func(ctx context.Context, bound bool) {
	w := newWorld(ctx)
	theirs := w.sim.AddOrganizationToken(w.org, "theirs", "ORGANIZATION_OWNER")
	w.connectAs(w.other, theirs)
	w.sweep()
	if bound {
		w.bind(builders.Binding("a").ForTokenID(w.ci).OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
	}
	b := w.other + "/b"
	w.bind(builders.Binding("b").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
	w.expect("True/Granted", b)
	w.sweepOf(w.other)

	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.ci}, Caller: theirs})
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.*", Path: w.ci, Caller: theirs})
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: astrosim.TokensGet, Path: w.ci, Caller: w.operator})
	untold := func() {
		GinkgoHelper()
		w.expect("Unknown/ListIncomplete", b)
		for _, c := range w.binding(b).Status.Conditions {
			Expect(c.Message).NotTo(Or(ContainSubstring(w.namespace+"/"), ContainSubstring("request "), ContainSubstring("Forbidden")))
		}
		Expect(w.message(b)).To(ContainSubstring("another connection to the Organization"))
	}
	w.sweepOf(w.other)
	untold()
	w.delete(b)
	w.waitIdle()
	untold()
	Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	w.sim.ClearFaults()
	w.sweepOf(w.other)
	w.expect(gone, b)
	Expect(w.on(w.ci, w.data)).To(BeEmpty())
},
	Entry("where that one has no binding of it", false),
	Entry("where that one has a binding of it", true),
)

var _ = Describe("Expired tokens", func() {
	It("that Astro leaves out of its lists do not cast doubt on them", func(ctx context.Context) {
		w := newWorld(ctx, astrosim.Options{Behaviour: astrosim.Behaviour{ExpiredTokenLists: astrosim.Hidden}})
		var names []string
		end := time.Now().Add(15 * time.Second)
		for i := range 5 {
			id := w.sim.AddOrganizationToken(w.org, fmt.Sprint("t-", i), "ORGANIZATION_MEMBER", astrosim.Expires(end))
			names = append(names, fmt.Sprint("b-", i))
			w.bind(builders.Binding(names[i]).ForTokenID(id).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", names...)
		for _, n := range names {
			Eventually(func() string { return w.state(n) }, "30s").Should(Equal("False/TokenExpired"))
		}
		w.sweep()
		w.sweep()
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
		w.stays("False/TokenExpired", names...)
		w.delete(names...)
		w.expect(gone, names...)
	})
})
