package stories

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A token bound by name", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspaceNamed("data").WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
	})

	It("keeps its binding when it is renamed, and when its old name is taken by another", func() {
		w.sim.RenameToken(w.ci, "deployer")
		taker := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sweep()
		Eventually(func() string { return w.binding("b").Status.Token.Name }).Should(Equal("deployer"))
		w.role("b", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
		Expect(w.roles(taker)).To(HaveLen(1))
	})

	It("keeps its target when that is renamed", func() {
		w.sim.RenameWorkspace(w.data, "archive")
		w.sim.AddWorkspace(w.org, "data")
		w.sweep()
		w.role("b", "WORKSPACE_OWNER")
		w.expect("True/RoleUpdated", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	It("is not taken when it was made again under the same name, until the user confirms it", func() {
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sweep()
		w.expect("False/TokenReplaced", "b")
		Expect(w.message("b")).To(And(ContainSubstring(again), ContainSubstring(v1alpha1.AnnotationConfirmToken)))
		Expect(w.stalled("b")).To(BeTrue())
		Expect(w.kstatus("b")).To(Equal(status.FailedStatus))
		Expect(w.roles(again)).To(HaveLen(1))

		w.annotate("b", v1alpha1.AnnotationConfirmToken, w.operator)
		w.stays("False/TokenReplaced", "b")
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("True/Granted", "b")
		Expect(w.binding("b").Status.Token.ID).To(Equal(again))
		Expect(w.on(again, w.data)).To(Equal("WORKSPACE_MEMBER"))

		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(again, w.data)).To(BeEmpty())
	})

	It("is not taken by confirmation where spec.adopt does not allow the role that it holds", func() {
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Adopt = v1alpha1.AdoptIfSameRole })
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(again, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		w.expect("False/TokenReplaced", "b")
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("False/ExistingRole", "b")
		Expect(w.on(again, w.data)).To(Equal("WORKSPACE_OWNER"))
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Adopt = v1alpha1.AdoptAlways })
		w.expect("True/Adopted", "b")
		Expect(w.on(again, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("is not taken by confirmation as long as it cannot be read what it holds", func() {
		w.edit("b", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Adopt = v1alpha1.AdoptNever })
		w.sim.DeleteToken(w.ci)
		again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
		w.sim.GrantRole(again, astrosim.TypeWorkspace, w.data, "WORKSPACE_OWNER")
		w.sweep()
		w.expect("False/TokenReplaced", "b")
		restore := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultOmitRoles, Endpoint: astrosim.TokensGet})
		w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
		w.expect("False/ExistingRole", "b") // by the listing
		restore()
		w.stays("False/ExistingRole", "b")
		Expect(w.on(again, w.data)).To(Equal("WORKSPACE_OWNER"))
	})

	for which, happen := range map[string]func(){
		"that lost the place to another": func() {
			w.bind(builders.Binding("c").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
			w.expect("False/ConflictingBinding", "c")
		},
		"that observes": func() {
			w.bind(builders.Binding("c").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_OWNER").Observe())
			w.expect("True/WouldChange", "c")
		},
		"that observes what it was granted": func() {
			w.bind(builders.Binding("c").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_OWNER"))
			w.expect("True/Granted", "c")
			w.edit("c", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Mode = v1alpha1.ModeObserve })
			w.expect("True/InSync", "c")
		},
	} {
		It("is confirmed for a binding "+which+" as well", func() {
			happen()
			before := w.state("c")
			w.sim.DeleteToken(w.ci)
			again := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
			w.sweep()
			w.expect("False/TokenReplaced", "b", "c")
			w.annotate("b", v1alpha1.AnnotationConfirmToken, again)
			w.expect("True/Granted", "b")
			w.stays("False/TokenReplaced", "c")
			w.annotate("c", v1alpha1.AnnotationConfirmToken, again)
			w.expect(strings.Replace(before, "InSync", "WouldChange", 1), "c")
			Expect(w.binding("c").Status.Token.ID).To(Equal(again))
			Expect([]string{w.on(again, w.data), w.on(again, w.science)}).To(Equal([]string{"WORKSPACE_MEMBER", ""}))
			Expect(w.binding("c").Finalizers).To(BeEmpty())
		})
	}

	It("may be pinned in the spec by the id that status shows, without another write", func() {
		spent := w.costOf(func() {
			w.edit("b", func(b *v1alpha1.ScopedTokenBinding) {
				b.Spec.Token.Name, b.Spec.Token.ID = "", v1alpha1.AstroID(b.Status.Token.ID)
				b.Spec.Target.Name, b.Spec.Target.ID = "", v1alpha1.AstroID(b.Status.Target.ID)
			})
			w.expect("True/Granted", "b")
		})
		Expect(spent.Writes).To(BeZero())
		w.delete("b")
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})
})

var _ = Describe("A name that is another's since the operator last looked", func() {
	for what, b := range map[string]*builders.BindingBuilder{
		"a binding that enforces":       builders.Binding("b").ForToken("ci").WithRole("WORKSPACE_MEMBER"),
		"a binding that observes":       builders.Binding("b").ForToken("ci").WithRole("WORKSPACE_MEMBER").Observe(),
		"a binding that adopts nothing": builders.Binding("b").ForToken("ci").WithRole("WORKSPACE_MEMBER").Adopt(v1alpha1.AdoptNever),
	} {
		It("is that of the token which has it now, to "+what, func(ctx context.Context) {
			w := newWorld(ctx)
			w.sim.RenameToken(w.ci, "former")
			heir := w.sim.AddOrganizationToken(w.org, "ci", "ORGANIZATION_MEMBER")
			w.bind(b.OnWorkspace(w.data))
			w.sweepAttempt()
			Eventually(func() string { return w.binding("b").Status.Token.ID }).Should(Equal(heir))
			Eventually(func() string { return w.state("b") }).Should(HavePrefix("True/"))
			w.waitIdle()
			if b.Object().Spec.Mode != v1alpha1.ModeObserve {
				Expect(w.on(heir, w.data)).To(Equal("WORKSPACE_MEMBER"))
			}
			Expect(w.on(w.ci, w.data)).To(BeEmpty())
		})
	}

	It("keeps its role for the binding that declares it next, while Astro lists nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.replaceWhileNothingIsListed("WORKSPACE_MEMBER")
		Eventually(func() string { return w.message("a") }).Should(ContainSubstring("waiting for ScopedTokenBinding"))
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
		w.sim.ClearFaults()
		w.sweepAttempt()
		w.expect(gone, "a")
		w.expect("True/Granted", "b")
		Expect(w.ownWrites(w.ci)).To(HaveLen(1), "the role stayed throughout")
	})

	It("keeps no role for a binding that the rules forbid it, while Astro lists nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			rule := builders.AllowAll(w.namespace)
			rule.Roles = []string{"WORKSPACE_MEMBER"}
			c.Spec.Allow = []v1alpha1.AllowRule{rule}
		})
		w.replaceWhileNothingIsListed("WORKSPACE_OWNER")
		w.expect(gone, "a")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("is known to whoever listed it, whatever another connection listed before", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connect(w.other)
		w.sim.RenameToken(w.ci, "deployer")
		w.sweep()
		w.bind(builders.Binding("b").ForToken("deployer").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})

	It("does not bring a token under a rule which it has left", func(ctx context.Context) {
		w := newWorld(ctx)
		w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
			rule := builders.AllowAll(w.namespace)
			rule.Tokens = []v1alpha1.TokenRule{{Scope: v1alpha1.ScopeOrganization, NamePrefixes: []string{"ci"}}}
			c.Spec.Allow = []v1alpha1.AllowRule{rule}
		})
		w.waitIdle()
		w.sim.RenameToken(w.ci, "root")
		w.bind(builders.Binding("b").ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("False/TokenNotAllowed", "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		w.delete("b")
		w.expect(gone, "b")
	})

	It("is that of the target which has it now", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("before").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "before")
		w.sim.RenameDeployment(w.etl, "former")
		heir := w.sim.AddDeployment(w.data, "etl")
		w.advance(time.Minute)
		w.bind(builders.Binding("b").ForWorkspaceToken(w.data, "ws-ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "b")
		Expect([]string{w.on(w.wsCI, w.etl), w.on(w.wsCI, heir)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"), "a target that was found before keeps its role")
	})
})

var _ = Describe("A binding that comes before its token or target", func() {
	It("is granted at the sweep after they are made", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("token").ForToken("late").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("target").ForToken("ci").OnDeploymentNamed(w.data, "late"),
		)
		w.expect("False/TokenNotFound", "token")
		w.expect("False/TargetNotFound", "target")
		Expect(w.binding("token").Status.Token.Name).To(Equal("late"), "echoed while unresolved")
		w.sim.AddOrganizationToken(w.org, "late", "ORGANIZATION_MEMBER")
		w.sim.AddDeployment(w.data, "late")
		w.sweep()
		w.expect("True/Granted", "token", "target")
	})

	It("is granted soon where the token was made just before it", func(ctx context.Context) {
		w := newWorld(ctx)
		w.sim.AddOrganizationToken(w.org, "new", "ORGANIZATION_MEMBER", astrosim.Description("made a second ago"))
		w.bind(builders.Binding("b").ForToken("new").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		Eventually(func() string { return w.state("b") }, storyTimeout()+10*time.Second).Should(Equal("True/Granted"), "after ten seconds, and not at the next sweep")
	})
})

// replaceWhileNothingIsListed has the binding "a" of the Workspace data granted, and replaced by "b" with the role, which nobody can look up.
func (w *world) replaceWhileNothingIsListed(role string) {
	GinkgoHelper()
	w.bind(builders.Binding("a").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
	w.expect("True/Granted", "a")
	w.waitIdle()
	w.advance(30 * time.Second)
	w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Status: http.StatusServiceUnavailable, Endpoint: astrosim.TokensList})
	w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole(role))
	w.expect("Unknown/Unreachable", "b")
	w.delete("a")
}
