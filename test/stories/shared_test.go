package stories

import (
	"context"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Two namespaces with a connection each to one Organization", func() {
	// The second credential is another one in the second case, as where each team has its own.
	for _, own := range []bool{false, true} {
		name := map[bool]string{false: "of one credential", true: "of different credentials"}[own]
		It("share a token without overwriting each other: connections "+name, func(ctx context.Context) {
			w := newWorld(ctx)
			second := w.operator
			if own {
				second = w.sim.AddOrganizationToken(w.org, "operator of the others", "ORGANIZATION_OWNER")
			}
			w.connectAs(w.other, second)
			spaces := w.workspaces(8)
			for i, ws := range spaces {
				namespace := []string{w.namespace, w.other}[i%2]
				w.bind(builders.Binding("on-" + ws).In(namespace).ForToken("ci").OnWorkspace(ws).WithRole("WORKSPACE_MEMBER"))
			}
			for i, ws := range spaces {
				w.expect("True/Granted", []string{w.namespace, w.other}[i%2]+"/on-"+ws)
			}
			for _, ws := range spaces {
				Expect(w.on(w.ci, ws)).To(Equal("WORKSPACE_MEMBER"))
			}
			w.delete(w.namespace+"/on-"+spaces[0], w.other+"/on-"+spaces[1])
			w.expect(gone, w.namespace+"/on-"+spaces[0], w.other+"/on-"+spaces[1])
			Expect(w.roles(w.ci)).To(HaveLen(1 + len(spaces) - 2))
		})
	}
})

var _ = Describe("A binding through a connection that works", func() {
	// The other namespace's binding is of the same token, by id, so that it is worked on together with this one.
	others := map[string]func(w *world){
		"whose credential does not see the token": func(w *world) {
			w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "weak", "ORGANIZATION_MEMBER"))
		},
		"whose credential is of another Organization": func(w *world) {
			stranger := w.sim.AddOrganizationToken(w.sim.AddOrganization("Strangers"), "stranger", "ORGANIZATION_OWNER")
			w.apply(builders.Secret(w.other, builders.SecretName, w.sim.Credential(stranger)), w.connection("acme").In(w.other).Object())
		},
		"that was never made": func(*world) {},
	}
	for name, connect := range others {
		It("is not held up by one through a connection "+name, func(ctx context.Context) {
			w := newWorld(ctx)
			connect(w)
			w.bind(builders.Binding("stuck").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			Eventually(func() string { return w.state(w.other + "/stuck") }).ShouldNot(Or(BeEmpty(), HavePrefix("True/")))
			w.bind(
				builders.Binding("by-name").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"),
				builders.Binding("by-id").ForTokenID(w.ci).OnDeployment(w.etl),
			)
			w.expect("True/Granted", "by-name", "by-id")
			w.delete("by-name")
			w.expect(gone, "by-name")
			Expect([]string{w.on(w.ci, w.data), w.on(w.ci, w.science), w.on(w.ci, w.etl)}).To(Equal([]string{"", "", "DEPLOYMENT_ADMIN"}))
		})
	}
})

var _ = Describe("A binding through a connection that does not see the token", func() {
	var w *world
	var b string
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		b = w.other + "/b"
		team := w.sim.AddOrganizationToken(w.org, "team", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(team, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.connectAs(w.other, team)
		w.bind(builders.Binding("seen").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "seen")
	})
	blind := func() {
		GinkgoHelper()
		w.expect("False/TokenNotFound", b)
		Expect(w.binding(b).Status.Token.ID).To(BeEmpty(), "what it is like is for those to know who see the token")
		w.waitIdle()
		before, seen := w.total(), w.state("seen")
		w.sweep()
		w.sweepOf(w.other)
		Expect(w.bindingsWritten(before.Kubernetes)).To(BeEmpty())
		Expect(w.total().Gets - before.Gets).To(BeNumerically("<=", 4))
		w.stays("False/TokenNotFound", b)
		w.stays(seen, "seen")
	}

	It("is told so, though another connection sees it, and is not tried over and over", func() {
		w.bind(builders.Binding("b").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		blind()
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		w.delete(b)
		w.expect(gone, b)
	})

	It("learns nothing of the token, where it only observes", func() {
		w.bind(builders.Binding("b").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).Observe())
		blind()
		Expect(w.binding(b).Status.Role).To(BeEmpty())
	})

	It("does not find by name what another connection has just written", func() {
		w.role("seen", "WORKSPACE_AUTHOR")
		w.expect("True/RoleUpdated", "seen")
		w.bind(builders.Binding("b").In(w.other).ForToken("ci").OnDeployment(w.etl))
		blind()
	})
})

var _ = Describe("The same grant declared twice", func() {
	It("is revoked when the last declaration goes", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		w.bind(
			builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("b").In(w.other).ForTokenID(w.ci).OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"),
		)
		w.expect("True/Granted", "a", w.other+"/b")
		spent := w.costOf(func() {
			w.delete("a")
			w.expect(gone, "a")
		})
		Expect(spent.Writes).To(BeZero())
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.delete(w.other + "/b")
		w.expect(gone, w.other+"/b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

var _ = Describe("The same grant declared through a connection that may not write and through one that may", func() {
	It("is given and revoked by the one that may, whoever was first", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		weak := w.sim.AddOrganizationToken(w.org, "weak", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(weak, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.connectAs(w.other, weak)
		w.sweep()
		a := w.other + "/a"
		w.bind(builders.Binding("a").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("False/PermissionDenied", a)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(a) }).Should(HavePrefix("True/"))

		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"), astrosim.WorkspaceRole(w.data, "WORKSPACE_MEMBER"))
		w.sweep()
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"), "drift is corrected by whom it may be")
		w.delete(a)
		w.expect(gone, a)
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("Two bindings that declare different roles", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("winner").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "winner")
		w.bind(builders.Binding("a-loser").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConflictingBinding", "a-loser")
	})

	It("tell the later one who won and what that one declares", func() {
		Expect(w.message("a-loser")).To(And(ContainSubstring("winner"), ContainSubstring("WORKSPACE_MEMBER")))
		Expect(w.kstatus("a-loser")).To(Equal(status.FailedStatus))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.stays("True/Granted", "winner")
	})

	It("promote the loser when the winner is deleted, in one write", func() {
		spent := w.costOf(func() {
			w.delete("winner")
			w.expect(gone, "winner")
			Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_OWNER"))
			Eventually(func() string { return w.state("a-loser") }).Should(HavePrefix("True/"))
		})
		Expect(spent.Writes).To(Equal(1))
		Expect(w.kstatus("a-loser")).To(Equal(status.CurrentStatus))
	})

	It("agree once the loser is edited to the same role", func() {
		w.role("a-loser", "WORKSPACE_MEMBER")
		Eventually(func() string { return w.state("a-loser") }).Should(HavePrefix("True/"))
		w.delete("winner")
		w.expect(gone, "winner")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("agree once the winner is edited to the loser's role", func() {
		w.role("winner", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "winner")
		Eventually(func() string { return w.state("a-loser") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("leave the winner's role when the loser is deleted", func() {
		spent := w.costOf(func() {
			w.delete("a-loser")
			w.expect(gone, "a-loser")
		})
		Expect(spent.Writes).To(BeZero())
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
