package stories

import (
	"context"
	"fmt"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("Two instances that share the work", func() {
	const a, rest = "shard=a", "shard!=a"
	var s *shards
	BeforeEach(func(ctx context.Context) { s = newShards(emptyWorld(ctx), a, rest) })

	// aloof checks that an instance wrote nothing about objects of this name.
	aloof := func(selector string, since int, name string) {
		GinkgoHelper()
		for _, write := range s.instances[selector].traffic.since(since) {
			Expect(strings.Contains(write, "/"+name)).To(BeFalse(), selector+" wrote "+write)
		}
	}

	It("serve every Organization together, and none of them both", func() {
		owners := map[string]string{"a": a, "b": rest, "": rest}
		type kept struct {
			tenant
			owner    string
			bindings []string
		}
		var all []kept
		for i, label := range []string{"a", "b", "", "a", "a", "b"} {
			t := s.tenant(fmt.Sprintf("tenant-%d", i), label, 2)
			// A team's own connection follows the one that was proven before it, whatever its label says.
			s.apply(
				builders.Secret(s.other, t.name, s.sim.Credential(s.sim.AddOrganizationToken(t.id, "team", "ORGANIZATION_OWNER"))),
				s.to(t, t.name).In(s.other).Labelled("shard", "b").Object(),
			)
			all = append(all, kept{t, owners[label], s.declare(t)})
		}
		for _, t := range all {
			s.expect("True/Granted", t.bindings...)
			Eventually(func() string { return readiness(s.connectionNamed(s.other, t.name).Status.Conditions) }).Should(Equal("True/Connected"))
			for i, token := range t.tokens {
				Expect(s.on(token, t.workspaces[i])).To(Equal("WORKSPACE_MEMBER"))
				Expect(s.writesOf(token)).To(Equal(1))
			}
			for selector := range s.instances {
				if selector != t.owner {
					aloof(selector, 0, t.bindings[0])
				}
			}
		}
		for _, t := range all {
			var workers []string
			for _, v := range s.visits(t.id) {
				if v.work {
					workers = append(workers, v.by)
				}
			}
			Expect(workers).To(HaveEach(t.owner))
		}
	})

	It("hand an Organization over when its label is changed, in the midst of work", func() {
		t := s.tenant("mover", "a", 24) // of which so many wait for the rate limit that they would do so beyond the handover
		Eventually(func() string { return readiness(s.connectionNamed(s.namespace, "mover").Status.Conditions) }).Should(Equal("True/Connected"))
		s.sim.SetLatency(80 * time.Millisecond)
		names := s.declare(t)
		Eventually(func() int { return len(s.sim.Audit()) }).Should(BeNumerically(">", 5))
		s.relabel("mover", "b")
		s.expect("True/Granted", names...)
		s.settle()

		var last, first time.Time
		for _, v := range s.visits(t.id) {
			if v.by == a {
				last = v.at
			} else if first.IsZero() {
				first = v.at
			}
		}
		Expect(first.Sub(last)).To(BeNumerically(">", handover/2), "the new instance waits for the old one")
		Expect(len(s.sim.Audit())).To(BeNumerically(">=", len(t.tokens)))
		for i, token := range t.tokens {
			Expect(s.on(token, t.workspaces[i])).To(Equal("WORKSPACE_MEMBER"))
			Expect(s.writesOf(token)).To(Equal(1), "a token is written by one of them")
		}

		var events eventsv1.EventList
		Expect(s.kube.List(s.ctx, &events, client.InNamespace(s.namespace))).To(Succeed())
		for _, e := range events.Items {
			Expect(e.Reason).NotTo(Or(Equal("Unreachable"), Equal("DriftDetected")), "the old instance has no last word: "+e.Note)
		}

		written := len(s.instances[a].traffic.since(0))
		s.role(names[0], "WORKSPACE_OWNER")
		s.expect("True/RoleUpdated", names[0])
		s.delete(names[1])
		s.expect(gone, names[1])
		Expect(s.on(t.tokens[1], t.workspaces[1])).To(BeEmpty())
		aloof(a, written, "mover")
	})

	It("hand an Organization over at no cost when everything is in sync", func() {
		t := s.tenant("calm", "a", 3)
		s.expect("True/Granted", s.declare(t)...)
		s.settle()
		counts := func() bool { return len(counted(s.namespace)) > 0 } // by the instance that was started last
		didCount := counts()
		before, writes := s.sim.Counts(), map[string]int{}
		for selector, i := range s.instances {
			writes[selector] = len(i.traffic.since(0))
		}
		seen := len(s.visits(t.id))
		s.relabel("calm", "b")
		Eventually(func() bool { return len(s.visits(t.id)) > seen }).Should(BeTrue(), "the new instance looks at the Organization")
		s.settle()
		Eventually(counts).Should(Equal(!didCount), "a binding is counted by the instance that serves it")
		Expect(s.sim.Counts().Writes()).To(Equal(before.Writes()))
		for selector, i := range s.instances {
			Expect(i.traffic.since(writes[selector])).To(BeEmpty(), selector)
		}
	})

	It("see after a restart to a claim that no connection tells of", func() {
		t := s.tenant("kept", "a", 1)
		s.apply(s.to(t, "lost").In(s.namespace).Labelled("shard", "b").Object())
		s.bind(builders.Binding("orphan").Through("lost").ForTokenID(t.tokens[0]).OnWorkspace(t.workspaces[0]).WithRole("WORKSPACE_MEMBER"))
		s.expect("True/Granted", "orphan")
		s.instances[a].stop()
		c := s.connectionNamed(s.namespace, "lost")
		before := c.DeepCopy()
		c.Finalizers = nil
		Expect(s.kube.Patch(s.ctx, c, client.MergeFrom(before))).To(Succeed())
		Expect(s.kube.Delete(s.ctx, c)).To(Succeed())
		s.delete("orphan")
		s.annotate("orphan", v1alpha1.AnnotationRelease, "true")
		s.settle()
		Expect(s.state("orphan")).NotTo(Equal(gone), "it is none of the other instance's business")
		s.instances[a].share.tracker = tracker(a)
		s.instances[a].start()
		s.expect(gone, "orphan")
	})

	It("fill the inventories of their own Organizations", func() {
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
		Eventually(inventory("of-a", "listed")).Should(HavePrefix("True/"))
		Eventually(inventory("of-none", "nowhere")).Should(HaveSuffix("/ConnectionNotFound"))
		aloof(rest, 0, "of-a")
		aloof(a, 0, "of-none")
	})

	It("are not led astray by who only names an Organization", func() {
		t := tenant{name: "victim", id: s.sim.AddOrganization("victim")}
		s.apply(builders.Secret(s.other, "squatter", s.sim.Credential(s.sim.AddOrganizationToken(s.sim.AddOrganization("strangers"), "own", "ORGANIZATION_OWNER"))))
		s.apply(s.to(t, "squatter").In(s.other).WithSecret("squatter").Labelled("shard", "elsewhere").Object())
		Eventually(func() string { return readiness(s.connectionNamed(s.other, "squatter").Status.Conditions) }).Should(Equal("False/OrganizationMismatch"))
		t.workspaces = []string{s.sim.AddWorkspace(t.id, "ws")}
		t.tokens = []string{s.sim.AddOrganizationToken(t.id, "ci", "ORGANIZATION_MEMBER")}
		s.apply(builders.Secret(s.namespace, t.name, s.sim.Credential(s.sim.AddOrganizationToken(t.id, "operator", "ORGANIZATION_OWNER"))))
		s.apply(s.to(t, t.name).In(s.namespace).Labelled("shard", "a").Object())
		s.everybodyKnows()
		s.expect("True/Granted", s.declare(t)...)
		aloof(rest, 0, "victim-0")
	})

	It("leave it to one of them to say that there is no connection", func() {
		s.bind(builders.Binding("lost").Through("nowhere").ForToken("ci").OnWorkspace(s.data).WithRole("WORKSPACE_MEMBER"))
		s.expect("False/ConnectionNotFound", "lost")
		aloof(a, 0, "lost")
	})
})
