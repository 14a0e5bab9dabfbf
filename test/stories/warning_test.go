package stories

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Warnings", func() {
	var w *world
	member := func(name, target string) *builders.BindingBuilder {
		return builders.Binding(name).ForToken("ci").OnWorkspace(target).WithRole("WORKSPACE_MEMBER")
	}
	warning := func(name string) func() string {
		return func() string {
			c := meta.FindStatusCondition(w.binding(name).Status.Conditions, v1alpha1.ConditionWarning)
			if c == nil {
				return ""
			}
			return c.Reason + ": " + c.Message
		}
	}

	It("tell before a token expires, and leave Ready alone", func(ctx context.Context) {
		w = newWorld(ctx)
		soon := w.sim.AddOrganizationToken(w.org, "soon", "ORGANIZATION_MEMBER", astrosim.Expires(time.Now().Add(20*24*time.Hour)))
		w.bind(builders.Binding("a").ForTokenID(soon).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"), member("b", w.data))
		w.expect("True/Granted", "a", "b")
		Expect(warning("a")()).To(And(HavePrefix("TokenExpires: "), ContainSubstring("within 30 days")))
		Expect(warning("b")()).To(BeEmpty())
		w.sim.ExpireToken(soon, time.Now().Add(2*time.Hour))
		w.sweep()
		Eventually(warning("a")).Should(ContainSubstring("within a day"))
		Expect(w.state("a")).To(Equal("True/Granted"))
	})

	It("tell the one that was first of another that declares another role, until they agree", func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(member("first", w.data))
		w.expect("True/Granted", "first")
		w.bind(builders.Binding("second").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/ConflictingBinding", "second")
		Eventually(warning("first")).Should(And(HavePrefix("ContestedRole: "), ContainSubstring(w.namespace+"/second declares WORKSPACE_OWNER")))
		Expect(w.state("first")).To(Equal("True/Granted"))
		w.edit("second", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Role = "WORKSPACE_MEMBER" })
		Eventually(warning("first")).Should(BeEmpty())
	})

	It("tell before the connection's own credential expires, and leave Ready alone", func(ctx context.Context) {
		w = newWorld(ctx)
		w.sim.ExpireToken(w.operator, time.Now().Add(5*24*time.Hour))
		w.replace(builders.Secret(w.namespace, builders.SecretName, w.sim.RotateToken(w.operator)))
		Eventually(func() []metav1.Condition { return w.acme(w.namespace).Status.Conditions }).Should(ContainElement(And(
			HaveField("Type", v1alpha1.ConditionWarning), HaveField("Reason", v1alpha1.ReasonCredentialExpires),
			HaveField("Message", ContainSubstring("within 7 days")),
		)))
		Expect(readiness(w.acme(w.namespace).Status.Conditions)).To(Equal("True/Connected"))
	})

	It("tell of a token that nobody uses, until somebody does", func(ctx context.Context) {
		w = newWorld(ctx)
		idle := w.sim.AddOrganizationToken(w.org, "idle", "ORGANIZATION_MEMBER", astrosim.LastUsed(time.Now().Add(-100*24*time.Hour)))
		w.bind(builders.Binding("a").ForTokenID(idle).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		Expect(warning("a")()).To(And(HavePrefix("TokenUnused: "), ContainSubstring("was not used since")))
		w.sim.UseToken(idle)
		w.sweep()
		Eventually(warning("a")).Should(BeEmpty())
	})
})
