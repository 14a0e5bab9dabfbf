package stories

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// manifest is a binding as kubectl get -o yaml prints it, with words replaced, and without what keeps it from being applied
// as another object.
func (w *world) manifest(name string, oldnew ...string) string {
	GinkgoHelper()
	key := w.key(name)
	text := w.kubectl("", "get", "scopedtokenbinding", "-n", key.Namespace, key.Name, "-o", "yaml")
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "  uid:") && !strings.HasPrefix(line, "  resourceVersion:") {
			lines = append(lines, line)
		}
	}
	return strings.NewReplacer(oldnew...).Replace(strings.Join(lines, "\n"))
}

var _ = Describe("A copy of a binding's manifest, with all that the operator put there,", func() {
	var w *world
	BeforeEach(func(ctx context.Context) {
		w = newWorld(ctx)
		w.bind(builders.Binding("a").ForToken("ci").OnDeploymentNamed(w.data, "etl"))
		w.expect("True/Granted", "a")
	})
	// apart checks that copy and original are granted and revoked each for itself.
	apart := func(name, token, target string) {
		GinkgoHelper()
		w.expect("True/Granted", name)
		w.waitIdle()
		Expect(w.on(token, target)).To(Equal("DEPLOYMENT_ADMIN"), w.message(name))
		w.delete("a")
		w.expect(gone, "a")
		Expect([]string{w.on(w.ci, w.etl), w.on(token, target)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}))
		w.delete(name)
		w.expect(gone, name)
		Expect(w.on(token, target)).To(BeEmpty())
	}

	It("is of the target that it names", func() {
		b := w.copyInto(w.namespace, "a")
		b.Name, b.Spec.Target.Name = "b", "reports"
		w.apply(b)
		apart("b", w.ci, w.reports)
	})

	It("is of the token that it names", func() {
		two := w.sim.AddOrganizationToken(w.org, "ci-two", "ORGANIZATION_MEMBER")
		w.sweep()
		b := w.copyInto(w.namespace, "a")
		b.Name, b.Spec.Token.Name = "b", "ci-two"
		w.apply(b)
		apart("b", two, w.etl)
	})

	It("is of the target that it names, where kubectl printed it and applies it, status and all", func() {
		w.kubectl(w.manifest("a", "  name: a\n", "  name: b\n", "name: etl", "name: reports"), "apply", "-f", "-")
		apart("b", w.ci, w.reports)
	})

	It("is of the target that it names, where it is made while no operator runs", func() {
		w.stop()
		b := w.copyInto(w.namespace, "a")
		b.Name, b.Spec.Target.Name = "b", "reports"
		w.apply(b)
		w.start()
		apart("b", w.ci, w.reports)
	})

	It("comes after the original on the same target, and shares its role and its origin", func() {
		w.connect(w.other)
		w.apply(w.copyInto(w.other, "a"))
		w.expect("True/Granted", w.other+"/a")
		w.role(w.other+"/a", "Deploy Only")
		w.expect("False/ConflictingBinding", w.other+"/a")
		w.role(w.other+"/a", "DEPLOYMENT_ADMIN")
		w.expect("True/Granted", w.other+"/a")
		Expect(w.binding(w.other+"/a").Status.Origin).To(Equal(v1alpha1.OriginCreated), "nobody has found it there")
		w.delete("a")
		w.expect(gone, "a")
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		w.delete(w.other + "/a")
		w.expect(gone, w.other+"/a")
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
	})

	It("that may not adopt takes over no role that nobody declared, as its original never held it", func() {
		w.edit("a", func(b *v1alpha1.ScopedTokenBinding) { b.Spec.Adopt = v1alpha1.AdoptNever })
		w.sim.GrantRole(w.ci, astrosim.TypeDeployment, w.reports, "Deploy Only")
		w.waitIdle()
		b := w.copyInto(w.namespace, "a")
		b.Name, b.Spec.Target.Name = "b", "reports"
		b.Annotations = map[string]string{annotationHeld: w.madeUp(w.ci, w.reports, "DEPLOYMENT_ADMIN", longAgo)}
		w.unwritten(func() {
			w.apply(b)
			w.expect("False/ExistingRole", "b")
			w.delete("b")
			w.expect(gone, "b")
		})
		Expect(w.on(w.ci, w.reports)).To(Equal("Deploy Only"))
	})
})

var _ = Describe("A copy that no rule allows", func() {
	It("goes at once when it is deleted, finalizer or not, and takes nothing along", func(ctx context.Context) {
		w := emptyWorld(ctx)
		w.start()
		cluster := w.connectCluster(map[string][]v1alpha1.AllowRule{"mine": {builders.AllowAll(w.namespace)}})["mine"]
		w.bind(builders.Binding("a").ThroughCluster(cluster).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "a")
		w.unwritten(func() {
			w.apply(withFinalizer(w.copyInto(w.other, "a")))
			w.expect("False/NamespaceNotAllowed", w.other+"/a")
			w.delete(w.other + "/a")
			w.expect(gone, w.other+"/a")
			w.stays("True/Granted", "a")
		})
		Expect(w.on(w.ci, w.data)).To(Equal("WORKSPACE_MEMBER"))
	})
})
