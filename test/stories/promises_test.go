package stories

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// The promises that the operator makes. Most are told at length in stories of their own; here each stands once by its
// number, in the hardest form that is still short.
var _ = Describe("The promises", func() {
	It("Promise 1: no update is lost, whoever declares it, however and through whatever connection", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "another operator", "ORGANIZATION_OWNER"))
		w.sim.SetLatency(3 * time.Millisecond) // so that reads and writes overlap
		spaces := w.workspaces(12)
		var work sync.WaitGroup
		for i, ws := range spaces {
			work.Go(func() {
				defer GinkgoRecover()
				b := builders.Binding(fmt.Sprintf("b-%d", i)).OnWorkspace(ws).WithRole("WORKSPACE_MEMBER").ForToken("ci").In(w.namespace)
				if i%2 == 1 {
					b.ForTokenID(w.ci).In(w.other)
				}
				w.bind(b)
				name := b.Object().Namespace + "/" + b.Object().Name
				switch i % 3 {
				case 0:
					w.role(name, "WORKSPACE_OWNER")
				case 1:
					w.delete(name)
				}
			})
		}
		work.Wait()
		want := []string{"WORKSPACE_OWNER", "", "WORKSPACE_MEMBER"}
		for i, ws := range spaces {
			Eventually(func() string { return w.on(w.ci, ws) }).Should(Equal(want[i%3]), "Workspace %d", i)
		}
		w.waitIdle()
		for i, ws := range spaces {
			Expect(w.on(w.ci, ws)).To(Equal(want[i%3]), "Workspace %d stays", i)
		}
	})

	It("Promise 2: no write takes a role that nobody declared, empties a set, or touches a credential", func(ctx context.Context) {
		w := newWorld(ctx)
		second := w.sim.AddOrganizationToken(w.org, "second", "ORGANIZATION_OWNER")
		w.advance(time.Minute)
		w.connectAs(w.other, second) // its own connection may not write it; that of another namespace may
		foreign := astrosim.RawRole(`{"entityType":"DAG","entityId":"nightly","deploymentId":"` + w.models + `","role":"DAG_VIEWER","x":1}`)
		w.sim.Grant(w.ci, foreign)
		w.bind(
			builders.Binding("ci").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("self").ForTokenID(w.operator).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("other-self").In(w.other).ForToken("second").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "ci")
		w.expect("False/SelfProtected", "self", w.other+"/other-self")
		w.delete("ci", "self", w.other+"/other-self")
		w.expect(gone, "ci", "self", w.other+"/other-self")
		for _, write := range w.sim.Audit() {
			if write.OutOfBand {
				continue
			}
			Expect(write.TokenID).NotTo(BeElementOf(w.operator, second))
			Expect(fmt.Sprint(write.After)).To(And(ContainSubstring("ORGANIZATION_MEMBER"), ContainSubstring("nightly")))
		}
		Expect(w.raws(w.ci, w.org)).To(Equal([]string{string(foreign.Raw)}))
	})

	It("Promise 3: a write starts from a fresh read of its token, and only where something differs", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only") // no listing has shown it
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: astrosim.TokensRoles, Times: 1})
		spent := w.costOf(func() {
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "b")
		})
		Expect(spent.Writes).To(Equal(2), "one that failed and one that did not")
		Expect(spent.Gets).To(Equal(2), "each write has its own read")
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))

		spent = w.costOf(func() {
			w.bind(builders.Binding("same").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			Eventually(func() string { return w.state("same") }).Should(HavePrefix("True/"))
		})
		Expect([]int{spent.Gets, spent.Writes}).To(Equal([]int{1, 0}))
	})

	It("Promise 4: what Astro does not show is not gone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.DowngradeCredential(w.operator, "ORGANIZATION_MEMBER") // lists are filtered, GETs answer 404
		w.delete("b")
		for range 4 {
			w.sweep()
		}
		Expect(w.state("b")).NotTo(Equal(gone))
		w.sim.DowngradeCredential(w.operator, "ORGANIZATION_OWNER")
		w.sweep()
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("Promise 5: nothing is written before the claim is held", func(ctx context.Context) {
		w := newWorld(ctx)
		w.waitIdle()
		w.line.severAfter(0)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(w.line.cut.Load).Should(BeTrue())
		w.waitIdle()
		Expect(w.total().Writes).To(BeZero())
		w.crash()
		w.delete("b")
		w.expect(gone, "b")
	})

	It("Promise 6: deletion neither hangs nor lies", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Method: http.MethodPost})
		w.delete("b")
		w.expect("False/PermissionDenied", "b")
		Expect(w.message("b")).To(ContainSubstring(v1alpha1.AnnotationRelease), "the way out")
		w.annotate("b", v1alpha1.AnnotationRelease, "true")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"), "as the user asked")
	})

	It("Promise 7: the last claim revokes, and of different roles the first held wins and the next is promoted", func(ctx context.Context) {
		w := newWorld(ctx)
		for _, b := range []struct{ name, role string }{{"z", "WORKSPACE_MEMBER"}, {"y", "WORKSPACE_OWNER"}, {"x", "WORKSPACE_OWNER"}, {"w", "WORKSPACE_AUTHOR"}} {
			w.bind(builders.Binding(b.name).ForToken("ci").OnWorkspace(w.data).WithRole(b.role))
			Eventually(func() string { return w.state(b.name) }).ShouldNot(BeEmpty())
			time.Sleep(1100 * time.Millisecond) // the API server's times know no parts of a second
		}
		on := func() string { return w.on(w.ci, w.data) }
		Expect(on()).To(Equal("WORKSPACE_MEMBER"))
		Expect(w.state("w")).To(Equal("False/ConflictingBinding"))
		w.delete("z")
		w.expect(gone, "z")
		Expect(on()).To(BeElementOf("WORKSPACE_OWNER", "WORKSPACE_AUTHOR"))
		w.waitIdle()
		Expect(on()).To(Equal("WORKSPACE_OWNER"), "none was held, so the first that was made")
		w.delete("y")
		w.expect(gone, "y")
		Expect(on()).To(Equal("WORKSPACE_OWNER"), "another declares the same")
		w.delete("x")
		w.expect(gone, "x")
		Eventually(on).Should(Equal("WORKSPACE_AUTHOR"))
		w.role("w", "WORKSPACE_OWNER")
		Eventually(on).Should(Equal("WORKSPACE_OWNER"))
		w.bind(builders.Binding("x").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"), builders.Binding("y").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("True/Granted", "x", "y")
		w.delete("w")
		w.expect(gone, "w")
		Eventually(on).Should(Equal("WORKSPACE_OWNER"))
		w.delete("x")
		w.expect(gone, "x")
		Expect(on()).To(Equal("WORKSPACE_OWNER"), "still claimed")
		w.delete("y")
		w.expect(gone, "y")
		Expect(on()).To(BeEmpty())
	})

	It("Promise 8: one bad binding does not hold up the others, be it the first, the last or one of two", func(ctx context.Context) {
		w := newWorld(ctx)
		spaces := w.workspaces(6)
		w.stop() // so that all are worked on together
		w.bind(
			builders.Binding("bad-1").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"),
			builders.Binding("bad-2").ForToken("ci").OnDeployment(w.models).WithRole("Nor This"),
		)
		for i, ws := range spaces {
			w.bind(builders.Binding(fmt.Sprintf("good-%d", i)).ForToken("ci").OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
		}
		w.start()
		for i, ws := range spaces {
			w.expect("True/Granted", fmt.Sprintf("good-%d", i))
			Expect(w.on(w.ci, ws)).To(Equal("WORKSPACE_MEMBER"))
		}
		w.expect("False/RoleNotFound", "bad-1", "bad-2")
	})

	It("Promise 9: names are pinned, and a namesake is not taken unasked", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		claim := *w.binding("b").Status.Claim
		w.stop()
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.start()
		w.expect("False/TokenReplaced", "b")
		w.sweep()
		w.stays("False/TokenReplaced", "b")
		Expect(w.roles(again)).To(HaveLen(1))
		Expect(*w.binding("b").Status.Claim).To(Equal(claim))
	})

	It("Promise 13: no secret ever shows", func(ctx context.Context) {
		var log strings.Builder
		tee := &locked{to: &log}
		GinkgoWriter.TeeTo(tee)
		DeferCleanup(GinkgoWriter.ClearTeeWriters)
		w := newWorld(ctx)
		secret := w.sim.Credential(w.operator)
		w.bind(
			builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("bad").ForToken("ci").OnDeployment(w.etl).WithRole("No Such Role"),
		)
		w.expect("True/Granted", "b")
		w.expect("False/RoleNotFound", "bad")
		w.sim.RevokeCredential(w.operator)
		w.sweepAttempt()
		w.replace(builders.Secret(w.namespace, builders.SecretName, secret+"\nnot a token"))
		w.sweepAttempt()
		for _, part := range strings.Split(secret, ".")[1:] { // the first is the same in every such token
			Expect(tee.String()).NotTo(ContainSubstring(part))
			Expect(w.dump()).NotTo(ContainSubstring(part))
		}
	})
})
