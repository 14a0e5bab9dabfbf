package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// forgeries are annotations in which a user says to have been first.
func (w *world) forgeries(token, target, role string) map[string]string {
	return map[string]string{
		annotationHeld:                  w.madeUp(token, target, role, longAgo),
		"astro.scopedtoken.dev/claim":   `{"state":"Held","claimedAt":"` + longAgo + `"}`,
		"astro.scopedtoken.dev/origin":  "Created",
		"astro.scopedtoken.dev/heldAt":  longAgo,
		"astro.scopedtoken.dev/tokenId": token,
	}
}

// forge writes annotations on a binding.
func (w *world) forge(name string, forged map[string]string) {
	GinkgoHelper()
	for key, value := range forged {
		w.annotate(name, key, value)
	}
}

var _ = Describe("A binding with a claim in its annotations that its user has made up", func() {
	It("pushes nobody of another namespace aside, however early its time", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		thief := w.other + "/thief"
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_ACCESSOR"))
		w.expect("True/Granted", "b")
		w.bind(builders.Binding("thief").In(w.other).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_ACCESSOR"))
		w.expect("True/Granted", thief)
		w.waitIdle()
		w.forge(thief, w.forgeries(w.ci, w.data, "WORKSPACE_ACCESSOR"))
		w.role(thief, "WORKSPACE_OWNER")
		w.expect("False/ConflictingBinding", thief)
		w.waitIdle()
		w.sweep()
		w.stays("False/ConflictingBinding", thief)
		w.stays("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_ACCESSOR"))
	})

	It("pushes nobody aside through a ClusterAstroConnection either, where its user has no right but edit", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := w.tenancy()
		h5 := w.other + "/h5"
		w.bind(builders.Binding("b").ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", "b")
		carol := w.editor("carol", w.other)
		carol.bind(builders.Binding("h5").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", h5)
		w.waitIdle()
		carol.forge(h5, w.forgeries(w.ci, w.etl, "DEPLOYMENT_ADMIN"))
		w.role("b", "Deploy Only") // with which the other does not agree any more
		w.expect("True/RoleUpdated", "b")
		w.expect("False/ConflictingBinding", h5)
		w.restart()
		w.stays("False/ConflictingBinding", h5)
		Expect(w.on(w.ci, w.etl)).To(Equal("Deploy Only"))
	})

	It("is not first, where it is made with the claim of one that was first", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		second := builders.Binding("a").In(w.other).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER")
		for key, value := range w.forgeries(w.ci, w.data, "WORKSPACE_OWNER") {
			second.Annotated(key, value)
		}
		w.unwritten(func() {
			w.apply(withFinalizer(second.Object()))
			w.expect("False/ConflictingBinding", w.other+"/a")
			w.restart()
			w.stays("False/ConflictingBinding", w.other+"/a")
			w.stays("True/Granted", "b")
		})
	})

	for which, value := range map[string]func(w *world) string{
		"has no time":              func(w *world) string { return w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", nil) },
		"has a time to come":       func(w *world) string { return w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", "2199-01-01T00:00:00Z") },
		"has the time of no claim": func(w *world) string { return w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", longAgo) },
		"cannot be read":           func(*world) string { return "{" },
		"is empty":                 func(*world) string { return "" },
	} {
		It("keeps no other waiting that is deleted, where it is suspended and its made-up claim "+which, func(ctx context.Context) {
			w := newWorld(ctx)
			w.connect(w.other)
			w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "b")
			x := builders.Binding("x").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").Suspended()
			w.bind(x.Annotated(annotationHeld, value(w)))
			w.expect("False/Suspended", w.other+"/x")
			w.delete("b")
			w.expect(gone, "b")
			Expect(w.on(w.ci, w.data)).To(BeEmpty(), "nobody else has ever been given it")
		})
	}
})

var _ = Describe("A binding by name with a made-up claim on another token and target", func() {
	var w *world
	var two string
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		two = w.sim.AddOrganizationToken(w.org, "ci-two", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(two, astrosim.TypeDeployment, w.models, "Deploy Only")
		w.sweep()
	})
	asDeclared := func() {
		GinkgoHelper()
		w.waitIdle()
		w.sweep()
		w.expect("True/Granted", "b")
		s := w.binding("b").Status
		Expect([]string{s.Token.ID, s.Target.ID}).To(Equal([]string{w.ci, w.etl}))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		Expect(w.roles(two)).To(Equal([]string{"DEPLOYMENT/" + w.models + "=Deploy Only", "ORGANIZATION/" + w.org + "=ORGANIZATION_MEMBER"}))
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		Expect(w.roles(two)).To(HaveLen(2))
	}
	b := func() *builders.BindingBuilder {
		return builders.Binding("b").In(w.namespace).ForToken("ci").OnDeploymentNamed(w.data, "etl")
	}

	It("is given what its spec says, and no more", func() {
		w.bind(b().Annotated(annotationHeld, w.madeUp(two, w.models, "DEPLOYMENT_ADMIN", longAgo)))
		asDeclared()
	})

	It("is given what its spec says, where only the target is made up", func() {
		w.bind(b().Annotated(annotationHeld, w.madeUp(w.ci, w.reports, "DEPLOYMENT_ADMIN", longAgo)))
		asDeclared()
		Expect(w.on(w.ci, w.reports)).To(BeEmpty())
	})

	It("is given what its spec says by an operator that starts after it was made", func() {
		w.stop()
		w.apply(withFinalizer(b().Annotated(annotationHeld, w.madeUp(two, w.models, "DEPLOYMENT_ADMIN", longAgo)).Object()))
		w.start()
		asDeclared()
	})

	It("is moved nowhere, where the claim is written once the role is granted", func() {
		w.bind(b())
		w.expect("True/Granted", "b")
		w.annotate("b", annotationHeld, w.madeUp(two, w.models, "DEPLOYMENT_ADMIN", longAgo))
		w.restart()
		asDeclared()
	})

	It("takes nothing along that it never held, when it is deleted before anybody has looked", func() {
		w.stop()
		w.apply(withFinalizer(b().Annotated(annotationHeld, w.madeUp(two, w.models, "Deploy Only", longAgo)).Object()))
		w.delete("b")
		w.unwritten(func() {
			w.start()
			w.expect(gone, "b")
		})
	})
})

var _ = Describe("A claim that nobody bears out", func() {
	It("gives no origin: what was there before is adopted, and stays where the rules withdraw it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeWorkspace, w.data, "WORKSPACE_MEMBER")
		w.sweep()
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) { c.Spec.OnWithdrawal = v1alpha1.WithdrawalRevoke })
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER").
			Annotated(annotationHeld, w.madeUp(w.ci, w.data, "WORKSPACE_MEMBER", longAgo)))
		w.expect("True/Adopted", "b")
		Expect(w.binding("b").Status.Origin).To(Equal(v1alpha1.OriginAdopted))
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			c.Spec.Allow = []v1alpha1.AllowRule{w.rule(func(r *v1alpha1.AllowRule) {
				r.Tokens[0].NamePrefixes, r.Roles = []string{"ci"}, []string{"WORKSPACE_OPERATOR"}
			})}
		})
		w.expect("False/RoleNotAllowed", "b")
		w.waitIdle()
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
