package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A claim through a credential that may write one role of a token and not another", func() {
	var w *world
	var token, etl string
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.science, "WORKSPACE_MEMBER")
		token, etl = w.sim.AddOrganizationToken(w.org, "partial", "ORGANIZATION_MEMBER"), w.other+"/etl"
	})
	// partial connects the other namespace with an API token that holds the role on the Workspace data and owns the other one, where it
	// writes a role.
	partial := func(role string) {
		GinkgoHelper()
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, role)
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.science, "WORKSPACE_OWNER")
		w.connectAs(w.other, token)
		w.sweep()
		w.bind(builders.Binding("own").In(w.other).ForTokenID(w.ci).OnDeployment(w.models))
		w.expect("True/Granted", w.other+"/own")
	}
	claim := func(role string) *builders.BindingBuilder {
		return builders.Binding("etl").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).WithRole(role)
	}
	granted := func() {
		GinkgoHelper()
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(etl) }).Should(HavePrefix("True/"))
		w.waitIdle()
	}
	deleted := func() {
		GinkgoHelper()
		w.delete("b")
		w.expect(gone, "b")
		w.waitIdle()
	}

	adopted := func(role string) {
		GinkgoHelper()
		partial("WORKSPACE_OPERATOR")
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, role)
		w.sweep()
		w.sweepOf(w.other)
		w.bind(claim(role))
		w.expect("True/Adopted", etl)
	}
	suspended := func() {
		GinkgoHelper()
		w.edit(etl, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = true })
		w.expect("False/Suspended", etl)
		w.waitIdle()
	}

	It("keeps no role there that it could not take away", func() {
		partial("WORKSPACE_OPERATOR")
		granted()
		deleted()
		Eventually(func() string { return w.state(etl) }).Should(Equal("False/PermissionDenied"))
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		Expect(w.on(w.ci, w.models)).To(Equal("DEPLOYMENT_ADMIN"), "where it may")
		w.delete(etl)
		w.expect(gone, etl)
	})

	It("has no say there against a binding that may, where it only took over what it found", func() {
		adopted("Deploy Only")
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.expect("False/PermissionDenied", etl)
		Expect(w.message(etl)).To(ContainSubstring("is known to be allowed to write it"))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("has no say there while it is suspended either", func() {
		adopted("Deploy Only")
		suspended()
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"), "it did not have the place before")
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		w.edit(etl, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Suspend = false })
		w.expect("False/PermissionDenied", etl)
		suspended()
		w.sweep()
		w.waitIdle()
		Expect(w.state("b")).To(HavePrefix("True/"), "nor does it win the place back")
	})

	It("keeps no drift there from being repaired while it is suspended", func() {
		adopted("DEPLOYMENT_ADMIN")
		suspended()
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(Equal("DEPLOYMENT_ADMIN"))
	})

	It("keeps nobody from the place by a role that it is forbidden", func() {
		partial("WORKSPACE_OPERATOR")
		granted()
		deleted()
		Eventually(func() string { return w.state(etl) }).Should(Equal("False/PermissionDenied"))
		w.bind(builders.Binding("c").ForToken("ci").OnDeployment(w.etl).WithRole("Deploy Only"))
		Eventually(func() string { return w.state("c") }).Should(HavePrefix("True/"))
		Expect(w.on(w.ci, w.etl)).To(Equal("Deploy Only"))
	})

	It("says what it waits for while a binding that is to go cannot give its role up", func() {
		partial("WORKSPACE_OPERATOR")
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.MaxRevocationsPerSweep = 1 })
		w.bind(builders.Binding("x").ForTokenID(w.ci).OnDeployment(w.reports), builders.Binding("b").ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", "x", "b")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(etl) }).Should(HavePrefix("True/"))
		w.delete("x")
		w.expect(gone, "x")
		w.delete("b")
		w.expect("False/RevocationLimited", "b")
		Expect(w.state(etl)).To(HavePrefix("True/"), "it has the role")
		w.edit(etl, func(b *v1alpha1.ScopedTokenBinding) { b.Spec.DeletionPolicy = v1alpha1.DeletionRetain })
		w.expect("False/Revoking", etl)
		Expect(w.message(etl)).To(ContainSubstring("is to give its role in this place up first"))
		w.bind(builders.Binding("new").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("False/Revoking", w.other+"/new")
	})

	It("keeps no role once it may not any more, where its listing does not show what it owns", func() {
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, Caller: token, IDs: []string{token}})
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.apply(
			builders.Secret(w.other, builders.SecretName, w.sim.Credential(token)),
			w.connection(builders.ConnectionName).In(w.other).Object(),
		)
		Eventually(func() string { return readiness(w.acme(w.other).Status.Conditions) }).Should(Equal("Unknown/ListIncomplete"))
		w.bind(claim("DEPLOYMENT_ADMIN"))
		w.expect("True/Granted", etl)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.advance(time.Hour)
		deleted()
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("keeps no role once it may not any more", func() {
		partial("WORKSPACE_OWNER")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		w.expect("True/Granted", etl)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.sweepOf(w.other)
		deleted()
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("keeps the role without a gap where it owns the Workspace", func() {
		partial("WORKSPACE_OWNER")
		granted()
		w.untouched(deleted)
		w.expect("True/Granted", etl)
		w.delete(etl)
		w.expect(gone, etl)
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("A claim that Astro has refused to let stand against another", func() {
	var w *world
	var weak string
	var credentials []string
	BeforeEach(func(ctx context.Context) {
		w, credentials, weak = newWorld(ctx), nil, ""
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER") // by which a weak credential sees the token
		for _, name := range []string{"weak", "weak too"} {
			token := w.sim.AddOrganizationToken(w.org, name, "ORGANIZATION_MEMBER")
			w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
			credentials = append(credentials, token)
		}
		w.connectAs(w.other, credentials[0])
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		w.sweep()
		w.sweepOf(w.other)
		weak = w.other + "/weak"
		w.bind(builders.Binding("weak").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("True/Adopted", weak)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.expect("False/PermissionDenied", weak)
		w.waitIdle()
	})
	// drifts sees the role restored that Astro lets the other one write.
	drifts := func() {
		GinkgoHelper()
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sweep()
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(Equal("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
	}

	It("does not come back because its user asks while nobody can answer", func() {
		w.throttles(credentials[0])
		w.annotate(weak, v1alpha1.AnnotationRequestedAt, "now")
		w.look("b") // after which the operator has seen both
		drifts()
	})

	It("does not come back with another secret while its connection observes", func() {
		w.editConnection(w.other, func(c *v1alpha1.AstroConnection) { c.Spec.Mode = v1alpha1.ModeObserve })
		w.waitIdle()
		w.replace(builders.Secret(w.other, builders.SecretName, w.sim.Credential(credentials[1])))
		Eventually(func() string { return w.acme(w.other).Status.CredentialTokenID }).Should(Equal(credentials[1]))
		w.waitIdle()
		w.sweep()
		w.waitIdle()
		drifts()
	})

	It("comes back once its user asks and Astro lets its API token write", func() {
		w.sim.GrantRole(credentials[0], astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweepOf(w.other)
		w.look(weak)
		Eventually(func() string { return w.state(weak) }).Should(HavePrefix("True/"))
		w.expect("False/ConflictingBinding", "b")
	})
})
