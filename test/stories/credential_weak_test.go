package stories

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A binding through a credential that sees neither the token nor the target", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.connectAs(w.other, w.sim.AddWorkspaceToken(w.science, "theirs", "WORKSPACE_MEMBER"))
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
	})
	squatter := func() *builders.BindingBuilder {
		return builders.Binding("squatter").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER")
	}
	for which, squat := range map[string]func() *builders.BindingBuilder{
		"with a made-up claim": func() *builders.BindingBuilder {
			return squatter().Annotated(annotationHeld, w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", longAgo))
		},
		"without any claim": func() *builders.BindingBuilder { return squatter() },
		"suspended, with a made-up claim": func() *builders.BindingBuilder {
			return squatter().Suspended().Annotated(annotationHeld, w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", longAgo))
		},
		"that would have another role": func() *builders.BindingBuilder {
			return squatter().WithRole("WORKSPACE_OWNER").Annotated(annotationHeld, w.madeUp(w.ci, w.data, "WORKSPACE_OWNER", longAgo))
		},
	} {
		squats := func() {
			GinkgoHelper()
			w.apply(withFinalizer(squat().Object()))
			Eventually(func() string { return w.state(w.other + "/squatter") }).ShouldNot(Or(BeEmpty(), HavePrefix("True/")))
			w.waitIdle()
		}

		It("keeps no role there when the binding that holds it is deleted: one "+which, func() {
			squats()
			w.delete("b")
			w.expect(gone, "b")
			w.waitIdle()
			Expect(w.on(w.ci, w.data)).To(BeEmpty())
		})

		It("keeps no drift there from being repaired: one "+which, func() {
			squats()
			w.sim.RevokeRole(w.ci, astrosim.TypeWorkspace, w.data)
			w.sweep()
			w.expect("True/DriftCorrected", "b")
			Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		})
	}
})

var _ = Describe("A claim through a credential that sees a role and may not write it", func() {
	var w *world
	var weak, token string
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER") // by which the weak one sees the token
		token = w.sim.AddOrganizationToken(w.org, "weak", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(token, astrosim.TypeWorkspace, w.data, "WORKSPACE_OPERATOR")
		w.connectAs(w.other, token)
		w.sweep()
		weak = w.other + "/weak"
	})
	claim := func(role string) *builders.BindingBuilder {
		return builders.Binding("weak").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).WithRole(role)
	}

	It("keeps no role when the binding is deleted that gave it", func() {
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(weak) }).Should(HavePrefix("True/"))
		w.waitIdle()
		w.delete("b")
		w.expect(gone, "b")
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
		w.waitIdle()
		Eventually(func() string { return w.state(weak) }).ShouldNot(HavePrefix("True/"))
	})

	It("keeps no role unasked: where its connection is broken, the deletion waits until it is asked", func() {
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(weak) }).Should(HavePrefix("True/"))
		w.sim.RevokeCredential(token)
		w.delete("b")
		w.expect("False/Revoking", "b")
		Expect(w.message("b")).To(ContainSubstring("never seen to write this token"))
		w.stays("False/Revoking", "b")
		w.sim.RestoreCredential(token)
		w.editConnection(w.other, func(c *v1alpha1.AstroConnection) {
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, v1alpha1.AnnotationRequestedAt, "again")
		})
		w.expect(gone, "b")
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
	})

	It("keeps no role either, where it was first", func() {
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.sweep()
		w.sweepOf(w.other)
		w.bind(claim("DEPLOYMENT_ADMIN"))
		w.expect("True/Adopted", weak)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.waitIdle()
		w.delete("b")
		w.expect(gone, "b")
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty())
	})

	It("does not win against one that may write another role, though it was first", func() {
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "Deploy Only")
		w.sweep()
		w.sweepOf(w.other)
		w.bind(claim("Deploy Only"))
		w.expect("True/Adopted", weak)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(Equal("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
		w.waitIdle()
		Expect(w.state(weak)).NotTo(HavePrefix("True/"))
		w.untouched(func() {
			w.delete(weak)
			w.expect(gone, weak)
		})
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})

	It("does not win later by an edit to a role that it may not write", func() {
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.bind(claim("DEPLOYMENT_ADMIN"))
		Eventually(func() string { return w.state(weak) }).Should(HavePrefix("True/"))
		w.role(weak, "Deploy Only")
		w.expect("False/ConflictingBinding", weak)
		w.delete("b")
		w.expect(gone, "b")
		Eventually(func() string { return w.on(w.ci, w.etl) }).Should(BeEmpty(), "nor given by any other credential")
		w.waitIdle()
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})
})

var _ = Describe("A claim through another credential that may write as well", func() {
	It("keeps the role when the binding is deleted that gave it, and revokes it when it goes itself", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "as good", "ORGANIZATION_OWNER"))
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		w.bind(builders.Binding("a").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl))
		Eventually(func() string { return w.state(w.other + "/a") }).Should(HavePrefix("True/"))
		w.untouched(func() {
			w.delete("b")
			w.expect(gone, "b")
		})
		w.delete(w.other + "/a")
		w.expect(gone, w.other+"/a")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("keeps the role against a later claim when a firewall's page answers the write that is to prove it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "as good", "ORGANIZATION_OWNER"))
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.etl, "DEPLOYMENT_ADMIN")
		w.sweep()
		w.sweepOf(w.other)
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		w.expect("True/Adopted", "b")
		w.waitIdle()
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHTML, Status: http.StatusForbidden, Endpoint: astrosim.TokensRoles, Caller: w.operator, Times: 1})
		w.bind(builders.Binding("later").In(w.other).ForTokenID(w.ci).OnDeployment(w.etl).WithRole("Deploy Only"))
		w.expect("False/ConflictingBinding", w.other+"/later")
		w.waitIdle()
		w.expect("True/Adopted", "b")
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		Expect(w.sim.Counts().Faults[astrosim.FaultHTML]).To(Equal(1), "the page was seen")
	})
})
