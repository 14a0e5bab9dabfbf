package stories

import (
	"context"
	"fmt"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Two instances with selectors of their own", func() {
	const a, rest = "shard=a", "shard!=a"
	var s *instances
	BeforeEach(func(ctx context.Context) { s = newInstances(emptyWorld(ctx), a, rest) })

	// aloof checks that an instance wrote nothing about objects of this name.
	aloof := func(selector string, since int, name string) {
		GinkgoHelper()
		for _, write := range s.by[selector].traffic.since(since) {
			Expect(strings.Contains(write, "/"+name)).To(BeFalse(), selector+" wrote "+write)
		}
	}

	It("serve every connection together, and none of them both", func() {
		owners := map[string]string{"a": a, "b": rest, "": rest}
		type kept struct {
			tenant
			owner    string
			bindings []string
		}
		var all []kept
		for i, label := range []string{"a", "b", "", "a", "a", "b"} {
			t := s.tenant(fmt.Sprintf("tenant-%d", i), label, 2)
			all = append(all, kept{t, owners[label], s.declare(t)})
		}
		for _, t := range all {
			s.expect("True/Granted", t.bindings...)
			for i, token := range t.tokens {
				Expect(s.on(token, t.workspaces[i])).To(Equal("WORKSPACE_MEMBER"))
				Expect(s.writesOf(token)).To(Equal(1))
			}
			for selector := range s.by {
				if selector != t.owner {
					aloof(selector, 0, t.name) // and so its bindings
				}
			}
			for _, v := range s.visits(t.id) {
				Expect(v.by).To(Equal(t.owner))
			}
		}
	})

	It("move an Organization without a write, where the one that serves it is stopped first", func() {
		t := s.tenant("mover", "a", 3)
		names := s.declare(t)
		s.expect("True/Granted", names...)
		s.refresh("mover") // so that its status counts the bindings
		s.waitIdle()
		counts := func() bool { return len(counted(s.namespace)) > 0 } // by the instance that was started last
		Expect(counts()).To(BeFalse(), "a binding is counted by the instance that serves it")

		s.by[a].stop()
		before, written := s.sim.Counts().Writes(), len(s.by[rest].traffic.since(0))
		s.relabel("mover", "b")
		Eventually(counts).Should(BeTrue())
		Eventually(func() string { v := s.visits(t.id); return v[len(v)-1].by }).Should(Equal(rest))
		s.waitIdle()
		Expect(s.sim.Counts().Writes()).To(Equal(before))
		Expect(s.by[rest].traffic.since(written)).To(BeEmpty())

		s.by[a].start()
		s.waitIdle()
		written = len(s.by[a].traffic.since(0))
		s.role(names[0], "WORKSPACE_OWNER")
		s.expect("True/RoleUpdated", names[0])
		s.delete(names[1])
		s.expect(gone, names[1])
		Expect(s.on(t.tokens[1], t.workspaces[1])).To(BeEmpty())
		aloof(a, written, "mover")
	})

	It("drop a connection whose label does not match any more", func() {
		t := s.tenant("dropped", "a", 1)
		s.expect("True/Granted", s.declare(t)...)
		s.waitIdle()
		s.relabel("dropped", "b")
		Eventually(func() string { v := s.visits(t.id); return v[len(v)-1].by }).Should(Equal(rest))
		s.waitIdle()
		visits, written := len(s.visits(t.id)), len(s.by[a].traffic.since(0))
		s.role("dropped-0", "WORKSPACE_OWNER")
		s.expect("True/RoleUpdated", "dropped-0")
		for _, v := range s.visits(t.id)[visits:] {
			Expect(v.by).To(Equal(rest))
		}
		aloof(a, written, "dropped")
	})

	It("fill the inventories of their own connections", func() {
		t := s.tenant("listed", "a", 1)
		inventory := func(name, through string) func() string {
			i := &v1alpha1.TargetInventory{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name}}
			i.Spec.ConnectionRef.Name = through
			i.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(t.workspaces[0])}
			s.apply(i)
			return func() string {
				Expect(s.kube.Get(s.ctx, client.ObjectKeyFromObject(i), i)).To(Succeed())
				return readiness(i.Status.Conditions)
			}
		}
		listed := inventory("of-a", "listed")
		Eventually(listed).Should(HavePrefix("True/"))
		Eventually(inventory("of-none", "nowhere")).Should(HaveSuffix("/ConnectionNotFound"))
		aloof(rest, 0, "of-a")
		aloof(a, 0, "of-none")

		Expect(s.kube.Delete(s.ctx, s.connectionNamed(s.namespace, "listed"))).To(Succeed())
		Eventually(listed).Should(HaveSuffix("/ConnectionNotFound"), "who never knew the connection has to say that it went")
	})

	It("take no part in what the other one lets go", func() {
		t := s.tenant("let-go", "a", 1)
		names := s.declare(t)
		s.expect("True/Granted", names...)
		s.delete(names[0])
		s.expect(gone, names[0])
		s.waitIdle()
		// By hand, weeks later. Each reads the other's journal when it starts.
		s.sim.GrantRole(t.tokens[0], astrosim.TypeWorkspace, t.workspaces[0], "WORKSPACE_OPERATOR")
		for _, selector := range []string{rest, a} {
			s.by[selector].stop()
			s.by[selector].start()
			s.everybodyKnows()
			s.waitIdle()
			Expect(s.on(t.tokens[0], t.workspaces[0])).To(Equal("WORKSPACE_OPERATOR"), "after a restart of "+selector)
		}
		Expect(s.journal()).To(BeEmpty())
	})

	It("leave it to one of them to say that there is no connection", func() {
		s.bind(builders.Binding("lost").Through("nowhere").ForToken("ci").OnWorkspace(s.data).WithRole("WORKSPACE_MEMBER"))
		s.expect("False/ConnectionNotFound", "lost")
		aloof(a, 0, "lost")
	})
})
