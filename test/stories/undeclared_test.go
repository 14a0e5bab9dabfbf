package stories

import (
	"context"
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("An inventory that is to remove what nobody declares", func() {
	var (
		w    *world
		hand []string
	)
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		hand = w.byHand(2)
	})
	member := func(name string) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}
	nothingWritten := func() { Expect(w.ownWrites(hand[0])).To(BeEmpty()) }

	It("lists it, and removes nothing that nobody has confirmed", func() {
		w.mayRemove()
		w.remover()
		confirm := w.confirmation(hand...)
		Expect(w.removerWarns()).To(And(HavePrefix("RemovalUnconfirmed: 2 role(s)"), ContainSubstring(v1alpha1.AnnotationConfirmUndeclared), ContainSubstring(confirm)))
		Expect(w.removerWarns()).NotTo(ContainSubstring("are being removed"))
		Expect(w.inventory("data")()).To(Equal("True/Listed"))
		w.stayOwners(hand...)
		nothingWritten()
	})

	It("removes exactly what was confirmed, keeps what is declared, and says so in the audit log", func() {
		w.mayRemove()
		w.sim.GrantRole(hand[0], astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		w.sim.GrantRole(hand[0], astrosim.TypeDeployment, w.models, "DEPLOYMENT_ADMIN")
		w.bind(member("kept"), builders.Binding("observes").ForTokenID(hand[1]).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Observe())
		w.expect("True/Granted", "kept")
		w.remover()
		before := w.raws(hand[0], w.data)
		w.confirm(w.confirmation(hand[0]))
		Eventually(func() string { return w.on(hand[0], w.data) }).Should(BeEmpty())
		Eventually(w.toRemove).Should(BeEmpty())
		Eventually(w.removerWarns).Should(And(HavePrefix("RemovalKept: 1 role(s)"), ContainSubstring("/observes speaks")))
		Expect(w.raws(hand[0], w.data)).To(Equal(before))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.stayOwners(hand[1])
		Expect(w.audit.outcomes(hand[0], w.data)).To(Equal([]string{"undeclared: WORKSPACE_OWNER to none, confirmed"}))
		for _, e := range w.audit.entries() {
			if e.Token.ID == hand[0] {
				Expect(e.Bindings).To(BeEmpty())
				Expect(e.Inventory.Name).To(Equal("data"))
			}
		}
	})

	It("removes nothing by what stood for others, or for itself once it was removed and given again", func() {
		w.mayRemove()
		w.remover()
		stale := w.confirmation(hand...)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		fresh := w.confirmation(append(hand, w.ci)...)
		Eventually(func() string { return w.removerNow().Status.Confirm }).ShouldNot(Equal(stale))
		w.confirm(stale)
		w.stayOwners(hand...)
		nothingWritten()
		Expect(w.removerWarns()).To(ContainSubstring("stands for others"))

		w.confirm(fresh)
		Eventually(w.toRemove).Should(BeEmpty())
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		w.sim.GrantRole(hand[0], astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.confirmation(hand[0])
		w.stayOwners(hand[0])
	})

	It("removes nothing that was given again, if it ended before its status told of the removal, or could never tell", func() {
		w.mayRemove()
		w.remover()
		value := w.confirmation(hand...)
		w.line.refuses("/targetinventories/")
		w.confirm(value)
		w.stayOwners(hand...)
		nothingWritten()
		w.line.before.Store(nil)
		w.sweep()
		Eventually(w.toRemove).Should(BeEmpty())
		w.line.refuses("/targetinventories/") // what is there now is not told any more
		w.crash()
		w.sim.GrantRole(hand[0], astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.start()
		Expect(w.confirmation(hand[0])).NotTo(Equal(value))
		w.stayOwners(hand[0])
	})

	It("is refused where no rule allows it", func() {
		refused := func(says ...string) {
			GinkgoHelper()
			Eventually(w.inventory("data")).Should(Equal("False/InventoryNotAllowed"))
			for _, s := range says {
				Expect(w.removerReady()).To(ContainSubstring(s))
			}
			Expect(w.toRemove()).To(BeEmpty())
		}
		w.remover()
		refused(`AstroConnection "acme"`, "removeUndeclared: true", "undeclared: Report") // without rules nobody has allowed it
		w.mayRemove(func(r *v1alpha1.AllowRule) { r.RemoveUndeclared = false })
		w.sweep()
		refused("removeUndeclared: true")

		w.mayRemove(func(r *v1alpha1.AllowRule) { r.Roles = []string{"WORKSPACE_MEMBER"} }) // the roles of the rule, and no others
		Eventually(w.inventory("data")).Should(Equal("True/Listed"))
		w.sweep()
		Expect(w.toRemove()).To(BeEmpty())
		Expect(w.removerNow().Status.Undeclared).To(Equal(int32(3)), "with the Workspace's own token")
		nothingWritten()
	})

	It("keeps what is declared between the list and the confirmation, in whatever state", func() {
		w.mayRemove()
		w.remover()
		confirm := w.confirmation(hand...)
		w.bind(builders.Binding("late").ForToken("hand-0").OnWorkspaceNamed("data").WithRole("WORKSPACE_OWNER").Suspended())
		w.expect("False/Suspended", "late")
		w.confirm(confirm)
		w.stayOwners(hand...)
		Expect(w.toRemove()).To(ConsistOf(hand[1]))
		Expect(w.removerWarns()).To(And(HavePrefix("RemovalUnconfirmed: 1 role(s)"), ContainSubstring(
			`1 role(s) on Workspace "data" that no binding has a claim on are kept: that of token "hand-0", of which ScopedTokenBinding %s/late speaks`, w.namespace)))
	})

	It("removes nothing through a connection in mode Observe, and what was confirmed anew once it is Enforce", func() {
		w.mayRemove()
		w.remover()
		confirm := w.confirmation(hand...)
		w.mode(v1alpha1.ModeObserve)
		w.confirm(confirm)
		w.stayOwners(hand...)
		nothingWritten()
		Expect(w.removerWarns()).To(ContainSubstring("mode Observe, through which nothing is removed"))
		w.mode(v1alpha1.ModeEnforce)
		Eventually(w.toRemove).Should(BeEmpty())
	})

	It("never removes the operator's own roles, those of a token's own scope, and what Astro puts there itself", func() {
		w.mayRemove()
		operators := make([]string, 2)
		for i := range operators {
			operators[i] = w.sim.AddOrganizationToken(w.org, "another", "ORGANIZATION_OWNER", astrosim.Roles(astrosim.WorkspaceRole(w.data, "WORKSPACE_OWNER")))
		}
		w.apply(builders.Secret(w.system, "another", w.sim.Credential(operators[0])), w.connection(w.namespace+"-another").WithSecret("another").Cluster())
		w.useSecret(w.namespace, operators[1])
		Eventually(func() string { return w.acme(w.namespace).Status.CredentialTokenID }).Should(Equal(operators[1]))
		w.connectAs(w.other, hand[0]) // which protects nothing: whoever holds a token could do it
		w.sim.Grant(w.ci, astrosim.WorkspaceRole(w.data, "WORKSPACE_ACCESSOR"))
		w.sim.Grant(w.ci, astrosim.DeploymentRole(w.etl, "DEPLOYMENT_ADMIN"))
		w.remover()
		w.confirm(w.confirmation(hand...))
		Eventually(w.toRemove).Should(BeEmpty())
		w.sweep()
		w.stayOwners(operators...)
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_ACCESSOR"))
		Expect(w.on(w.wsCI, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("Removals that wait for the revocation limit", func() {
	var (
		w    *world
		hand []string
	)
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		hand = w.byHand(5)
		w.mayRemove()
		w.remover()
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.MaxRevocationsPerSweep = 2 })
		Eventually(func() int64 { return w.acme(w.namespace).Status.ObservedGeneration }).Should(Equal(w.acme(w.namespace).Generation))
		w.confirm(w.confirmation(hand...))
		Eventually(w.paused).Should(ContainSubstring("more than 2 role(s) were to be revoked"))
		w.waitIdle()
		w.sweep()
		w.sweep()
		Expect(w.left(hand)).To(Equal(3))
		Eventually(w.removerWarns).Should(And(HavePrefix("RemovalUnderWay: 3 role(s)"), ContainSubstring("RevocationsPaused")))
	})

	It("go on when it is lifted", func() {
		w.lift(time.Hour)
		Eventually(func() int { return w.left(hand) }).Should(BeZero())
		Eventually(w.paused).Should(BeEmpty())
		Eventually(w.toRemove).Should(BeEmpty())
	})

	It("are to be confirmed anew after a restart", func() {
		w.restart()
		w.lift(time.Hour)
		w.sweep()
		w.sweep()
		Expect(w.left(hand)).To(Equal(3))
		left := slices.DeleteFunc(slices.Clone(hand), func(t string) bool { return w.on(t, w.data) == "" })
		w.confirm(w.confirmation(left...))
		Eventually(func() int { return w.left(hand) }).Should(BeZero())
		Eventually(w.removerWarns).Should(BeEmpty())
	})

	It("leave out what is declared meanwhile, if only through a connection that is not there", func() {
		at := slices.IndexFunc(hand, func(t string) bool { return w.on(t, w.data) != "" })
		w.bind(builders.Binding("late").Through("nowhere").ForToken(fmt.Sprintf("hand-%d", at)).OnWorkspaceNamed("data").WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConnectionNotFound", "late")
		w.lift(time.Hour)
		Eventually(func() int { return w.left(hand) }).Should(Equal(1))
		w.stayOwners(hand[at])
	})

	It("come to nothing when the confirmation is taken back", func() {
		w.confirm("no")
		w.sweep()
		w.lift(time.Hour)
		w.sweep()
		w.sweep()
		Expect(w.left(hand)).To(Equal(3))
		Eventually(w.removerWarns).Should(HavePrefix("RemovalUnconfirmed: 3 role(s)"))
	})

	It("come to nothing when the rule is", func() {
		w.mayRemove(func(r *v1alpha1.AllowRule) { r.RemoveUndeclared = false })
		w.sweep()
		w.lift(time.Hour)
		w.sweep()
		w.sweep()
		Expect(w.left(hand)).To(Equal(3))
	})
})
