package stories

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A tenant who says that a Deployment is in a Workspace that the rules allow, and it is in another,", func() {
	var w, bob *world
	var cluster, lie string
	BeforeEach(func(ctx context.Context) {
		w = emptyWorld(ctx)
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.models, "Deploy Only") // by hand; nobody declared it
		w.start()
		cluster, lie = w.tenancy(), w.other+"/lie"
		bob = w.editor("bob", w.other)
	})
	// intruder speaks of the Deployment models, which is in the Workspace science, and says that it is in data.
	intruder := func() *v1alpha1.ScopedTokenBinding {
		b := builders.Binding("lie").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.models).WithRole("DEPLOYMENT_ADMIN").Object()
		b.Spec.Target.WorkspaceID = v1alpha1.AstroID(w.data)
		return b
	}
	// forged is the same with a made-up claim and the operator's finalizer.
	forged := func(role string) *v1alpha1.ScopedTokenBinding {
		b := withFinalizer(intruder())
		b.Annotations = w.forgeries(w.ci, w.models, role)
		return b
	}
	looked := func() {
		GinkgoHelper()
		Eventually(func() string { return w.state(lie) }).Should(HavePrefix("False/"))
		w.waitIdle()
	}
	// silent checks that the status says nothing of the token and the target but what the user has written.
	silent := func() {
		GinkgoHelper()
		b := w.binding(lie)
		s := b.Status
		Expect([]string{s.Role, s.PlannedChange, string(s.Origin), s.PreviousRole}).To(HaveEach(""))
		Expect(s.Target).To(Equal(v1alpha1.BoundTarget{Kind: b.Spec.Target.Kind, Name: b.Spec.Target.Name}))
		for _, c := range s.Conditions {
			Expect(c.Message).NotTo(ContainSubstring("Deploy Only"), c.Type)
		}
	}

	It("is not told which role the token holds there", func() {
		bob.apply(intruder())
		looked()
		silent()
		b := intruder()
		b.Name, b.Spec.Mode = "lie-observes", v1alpha1.ModeObserve
		lie = w.other + "/lie-observes"
		bob.apply(b)
		looked()
		silent()
	})

	It("revokes nothing there by deleting the binding", func() {
		w.unwritten(func() {
			bob.apply(intruder())
			looked()
			bob.delete(lie)
			w.expect(gone, lie)
		})
	})

	for which, role := range map[string]string{"the role that is there": "Deploy Only", "the role that the rules allow": "DEPLOYMENT_ADMIN"} {
		It("revokes nothing there by a made-up claim on "+which+" and a finalizer", func() {
			w.unwritten(func() {
				bob.apply(forged(role))
				looked()
				silent()
				bob.delete(lie)
				w.expect(gone, lie)
			})
			Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
		})
	}

	It("revokes nothing there where the binding is made and deleted while no operator runs", func() {
		w.stop()
		bob.apply(forged("DEPLOYMENT_ADMIN"))
		bob.delete(lie)
		w.unwritten(func() {
			w.start()
			w.expect(gone, lie)
		})
		Expect(w.on(w.ci, w.models)).To(Equal("Deploy Only"))
	})

	It("revokes nothing there by a suspended binding either", func() {
		b := forged("DEPLOYMENT_ADMIN")
		b.Spec.Suspend = true
		w.unwritten(func() {
			bob.apply(b)
			looked()
			silent()
			bob.delete(lie)
			w.expect(gone, lie)
		})
	})

	It("keeps nobody from being granted it, nor from being revoked", func() {
		bob.apply(forged("DEPLOYMENT_ADMIN"))
		looked()
		w.bind(builders.Binding("owner").ThroughCluster(cluster).ForToken("ci").OnDeploymentNamed(w.science, "models").WithRole("DEPLOYMENT_ADMIN"))
		w.expect("True/Adopted", "owner")
		w.role("owner", "Deploy Only")
		w.expect("True/RoleUpdated", "owner")
		w.restart()
		silent()
		w.delete("owner")
		w.expect(gone, "owner")
		w.waitIdle()
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
		silent()
	})

	It("takes no part in what its owner has been granted before", func() {
		w.bind(builders.Binding("owner").ThroughCluster(cluster).ForToken("ci").OnDeployment(w.models).WithRole("DEPLOYMENT_ADMIN"))
		w.expect("True/Adopted", "owner")
		bob.apply(forged("DEPLOYMENT_ADMIN"))
		looked()
		silent()
		Expect(w.message(lie)).NotTo(ContainSubstring("/owner"))
		w.delete("owner")
		w.expect(gone, "owner")
		Expect(w.on(w.ci, w.models)).To(BeEmpty())
	})
})

var _ = Describe("A tenant with the shipped edit role", func() {
	It("cannot write a status, in which the claims are", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := w.tenancy()
		bob := w.editor("bob", w.other)
		bob.bind(builders.Binding("b").In(w.other).ThroughCluster(cluster).ForTokenID(w.ci).OnDeployment(w.etl))
		w.expect("True/Granted", w.other+"/b")
		w.waitIdle()
		b := bob.binding(w.other + "/b")
		b.Status.Role = "Deploy Only"
		Expect(bob.kube.Status().Update(bob.ctx, b)).To(MatchError(ContainSubstring("forbidden")))
		Expect(bob.kube.Update(bob.ctx, b)).To(Succeed(), "it may write all but the status")
		Expect(w.binding(w.other + "/b").Status.Role).To(Equal("DEPLOYMENT_ADMIN"))
	})
})
