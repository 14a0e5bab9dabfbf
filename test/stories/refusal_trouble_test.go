package stories

import (
	"context"
	"fmt"
	"net/http"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A credential that may not write", func() {
	It("is told to the user with what Astro said, once and not for ever", func(ctx context.Context) {
		w := newWorld(ctx)
		restore := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: astrosim.TokensRoles})
		w.refuse(refusal{
			builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			v1alpha1.ReasonPermissionDenied, []string{w.data, "ORGANIZATION_OWNER", "request "},
		})
		Expect(w.costOf(func() { w.stays("False/PermissionDenied", "b") }).Writes).To(BeZero(), "it is not tried again and again")
		restore()
		w.sweep()
		w.expect("True/Granted", "b")
	})
})

// trouble is an Astro that cannot be worked with for a while.
type trouble struct {
	name, reason string
	fault        astrosim.Fault
}

var troubles = []trouble{
	{"a rate limit", v1alpha1.ReasonRateLimited, astrosim.Fault{Kind: astrosim.FaultThrottle, Endpoint: astrosim.TokensRoles, RetryAfter: "1"}},
	{"an outage", v1alpha1.ReasonUnreachable, astrosim.Fault{Kind: astrosim.FaultServerError, Endpoint: "tokens.*", Status: http.StatusServiceUnavailable}},
	{"an answer that only some calls get", v1alpha1.ReasonCredentialRejected, astrosim.Fault{Kind: astrosim.FaultUnauthorized, Endpoint: astrosim.TokensRoles}},
	{"a gateway's page", v1alpha1.ReasonUnreachable, astrosim.Fault{Kind: astrosim.FaultHTML, Endpoint: "workspaces.*"}},
	{"a firewall's page", v1alpha1.ReasonUnreachable, astrosim.Fault{Kind: astrosim.FaultHTML, Endpoint: astrosim.TokensRoles, Status: http.StatusForbidden}},
}

var _ = Describe("Trouble that passes", func() {
	for _, t := range troubles {
		It("leaves a settled binding as it is, keeps a new one waiting, and is over by itself: "+t.name, func(ctx context.Context) {
			w := newWorld(ctx)
			w.bind(builders.Binding("settled").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "settled")
			before := w.binding("settled").ResourceVersion
			over := w.sim.Inject(t.fault)
			w.bind(builders.Binding("new").ForTokenID(w.ci).OnWorkspaceNamed("science").WithRole("WORKSPACE_MEMBER"))
			w.waiting("new", t.reason)
			Expect(w.on(w.ci, w.science)).To(BeEmpty())
			over()
			w.expect("True/Granted", "new")
			Expect(w.kstatus("new")).To(Equal(status.CurrentStatus))
			Expect(w.binding("settled").ResourceVersion).To(Equal(before), "nobody wrote to it")
		})
	}
})

var _ = Describe("A page of a proxy or a firewall in place of Astro's answer", func() {
	for code, page := range map[int]string{
		http.StatusUnauthorized: "HTTP 401 Unauthorized, not in Astro's form",
		http.StatusForbidden:    "HTTP 403 Forbidden, not in Astro's form",
	} {
		It(fmt.Sprintf("is no refusal of the credential, and costs seconds and no sweep interval: %d", code), func(ctx context.Context) {
			w := newWorld(ctx)
			w.bind(builders.Binding("settled").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
			w.expect("True/Granted", "settled")
			before := w.binding("settled").ResourceVersion
			over := w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHTML, Status: code, Endpoint: astrosim.TokensList})
			w.sweepAttempt()
			w.acmeIs("Unknown/Unreachable", status.InProgressStatus)
			Expect(w.acmeSays(w.namespace)).To(ContainSubstring(page))
			over()
			w.acmeIs("True/Connected", status.CurrentStatus)
			Expect(w.binding("settled").ResourceVersion).To(Equal(before), "nobody wrote to it")
		})
	}
})

var _ = Describe("A credential that is revoked", func() {
	It("shows on the connection, and lets everything through once it is valid again", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("settled").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "settled")
		before := w.binding("settled").ResourceVersion
		w.sim.RevokeCredential(w.operator)
		w.unwritten(func() {
			w.bind(builders.Binding("new").ForTokenID(w.ci).OnWorkspaceNamed("science").WithRole("WORKSPACE_MEMBER"))
			Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
			w.unready("new", v1alpha1.ReasonCredentialRejected)
		})
		w.sim.RestoreCredential(w.operator)
		w.sweep()
		w.expect("True/Granted", "new")
		Expect(w.binding("settled").ResourceVersion).To(Equal(before), "nobody wrote to it")
	})
})

var _ = Describe("A credential that is revoked, of one connection to a token,", func() {
	It("does not have a role called granted that another connection shows to be gone", func(ctx context.Context) {
		w := newWorld(ctx)
		w.connectAs(w.other, w.sim.AddOrganizationToken(w.org, "second", "ORGANIZATION_OWNER"))
		w.sweep()
		w.bind(
			builders.Binding("a").ForTokenID(w.ci).OnDeployment(w.etl), builders.Binding("kept").ForTokenID(w.ci).OnDeployment(w.reports),
			builders.Binding("x").In(w.other).ForTokenID(w.ci).OnDeployment(w.models),
		)
		w.expect("True/Granted", "a", "kept", w.other+"/x")
		w.sim.RevokeCredential(w.operator)
		w.sweepAttempt()
		Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/CredentialRejected"))
		w.waitIdle()
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.etl)
		w.sim.RevokeRole(w.ci, astrosim.TypeDeployment, w.models)
		w.sweepOf(w.other)
		w.expect("True/DriftCorrected", w.other+"/x")
		w.expect("Unknown/ConnectionNotReady", "a")
		w.told("a", "the token does not hold DEPLOYMENT_ADMIN meanwhile")
		w.waitIdle()
		Expect(w.costOf(func() { w.sweepOf(w.other) }).Kubernetes).To(BeZero(), "it is said once")
		w.stays("True/Granted", "kept")
		w.sim.RestoreCredential(w.operator)
		w.sweep()
		w.expect("True/DriftCorrected", "a")
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
	})
})

var _ = Describe("A credential that is refused for a moment", func() {
	It("keeps nobody from being put right who is Ready, once it is proven again", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sweep()
		w.sim.SetRoles(w.ci, astrosim.OrganizationRole(w.org, "ORGANIZATION_MEMBER"))
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultUnauthorized, Endpoint: astrosim.TokensRoles, Times: 1})
		w.sweep()
		Eventually(func() string { return w.on(w.ci, w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		w.expect("True/DriftCorrected", "b")
	})
})

var _ = Describe("A listing that cannot be trusted", func() {
	It("keeps a deletion waiting, since a hidden token may still hold the role", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultNotFound, Endpoint: "tokens.*", Path: w.ci})
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultHide, Endpoint: astrosim.TokensList, IDs: []string{w.ci, w.operator}})
		w.untouched(func() {
			w.delete("b")
			w.expect("Unknown/ListIncomplete", "b")
			w.told("b", `"ci"`, "does not prove", v1alpha1.AnnotationRelease)
			Expect(w.kstatus("b")).To(Equal(status.TerminatingStatus))
			w.stays("Unknown/ListIncomplete", "b")
			w.sweepAttempt()
			w.acmeIs("Unknown/ListIncomplete", status.InProgressStatus)
		})
		w.sim.ClearFaults()
		w.sweep()
		w.expect(gone, "b")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
	})

	It("does not stand in the way of letting go by annotation", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("b").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "b")
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultForbidden, Endpoint: "tokens.*"})
		w.untouched(func() {
			w.delete("b")
			w.expect("False/PermissionDenied", "b")
			w.told("b", "request ", v1alpha1.AnnotationRelease)
			w.annotate("b", v1alpha1.AnnotationRelease, "true")
			w.expect(gone, "b")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})

var _ = Describe("A connection that is deleted in use", func() {
	It("stays for what it granted, and takes nothing new", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("holder").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "holder")
		w.unwritten(func() {
			Expect(kube.Delete(w.ctx, w.acme(w.namespace))).To(Succeed())
			Eventually(func() string { return readiness(w.acme(w.namespace).Status.Conditions) }).Should(Equal("False/InUse"))
			w.bind(builders.Binding("late").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
			w.expect("Unknown/ConnectionNotReady", "late")
			w.told("late", "is being deleted", "make it again")
			Expect(w.kstatus("late")).To(Equal(status.FailedStatus), "it waits for somebody to delete the others")
			w.stays("True/Granted", "holder")
		})
		w.delete("holder")
		w.expect(gone, "holder")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		w.refused("late", v1alpha1.ReasonConnectionNotFound, "create it")
		Expect(client.IgnoreNotFound(kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: builders.ConnectionName}, &v1alpha1.AstroConnection{}))).To(Succeed())
	})
})
