package stories

import (
	"context"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

var _ = Describe("A policy of the cluster that refuses the operator", func() {
	It("is told where it refuses finalizers, when bindings are made and deleted", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(
			builders.Binding("old").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"),
			builders.Binding("leaving").ForToken("ci").OnDeployment(w.models),
			builders.Binding("kept").ForToken("ci").OnDeployment(w.reports).Retain(),
		)
		w.expect("True/Granted", "old", "leaving", "kept")
		lift := w.enforce(w.labelled("scopedtokenbindings"), w.binding("old"))

		w.bind(builders.Binding("new").ForToken("ci").OnDeployment(w.etl))
		w.refused("new", v1alpha1.ReasonKubernetesRefused, needsIt, "service account")
		Eventually(w.events(w.binding("new"), v1alpha1.ReasonKubernetesRefused)).Should(ConsistOf(And(HavePrefix("Warning"), ContainSubstring(needsIt))))
		Expect(w.on(w.ci, w.etl)).To(BeEmpty())
		Expect(w.binding("new").Finalizers).To(BeEmpty())

		other := builders.Binding("other").In(w.namespace).ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER").Object()
		other.Labels = map[string]string{costCentre: "1"}
		w.apply(other)
		w.expect("True/Granted", "other")

		w.delete("leaving", "kept")
		w.expect("False/KubernetesRefused", "leaving", "kept")
		Expect(w.message("leaving")).To(And(ContainSubstring("gone from Astro"), ContainSubstring(needsIt)))
		Expect(w.message("kept")).To(And(ContainSubstring("left in Astro"), ContainSubstring(needsIt)))
		Expect([]string{w.on(w.ci, w.models), w.on(w.ci, w.reports)}).To(Equal([]string{"", "DEPLOYMENT_ADMIN"}))
		Eventually(w.events(w.binding("leaving"), v1alpha1.ReasonKubernetesRefused)).Should(ConsistOf(And(HavePrefix("Warning"), ContainSubstring(needsIt))))
		w.stays("True/Granted", "old", "other")

		lift()
		w.expect("True/Granted", "new")
		w.expect(gone, "leaving", "kept")
	})

	It("is told by one event where it refuses statuses", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("probe").ForToken("ci").OnWorkspace(w.science).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "probe")
		lift := w.enforce(w.frozen("scopedtokenbindings/status"), w.binding("probe"))
		w.bind(builders.Binding("b").ForToken("ci").OnDeployment(w.etl))
		told := w.events(w.binding("b"), v1alpha1.ReasonKubernetesRefused)
		says := And(HavePrefix("Warning"), ContainSubstring(never), ContainSubstring("it was to say: Granted"))
		Eventually(told).Should(ConsistOf(says))
		Expect(w.on(w.ci, w.etl)).To(Equal("DEPLOYMENT_ADMIN"))
		Consistently(told, 2*time.Second).Should(ConsistOf(says))
		lift()
		w.expect("True/Granted", "b")
	})

	It("is told where it refuses the journal", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("old").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "old")
		w.written()
		probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.system, Name: "probe"}}
		w.apply(probe)
		p := w.frozen("configmaps")
		p.namespace, p.group = w.system, ""
		lift := w.enforce(p, probe)
		w.bind(builders.Binding("new").ForToken("ci").OnDeployment(w.etl))
		w.expect("Unknown/JournalUnwritable", "new")
		Expect(w.message("new")).To(ContainSubstring(never))
		Eventually(w.events(w.binding("new"), v1alpha1.ReasonJournalUnwritable)).Should(ConsistOf(ContainSubstring(never)))
		w.stays("True/Granted", "old")
		lift()
		w.expect("True/Granted", "new")
	})

	It("is told where it refuses connections and inventories", func(ctx context.Context) {
		w := newWorld(ctx)
		lift := w.enforce(w.labelled("astroconnections"), w.acme(w.namespace))
		w.apply(w.connection("late").In(w.namespace).Object())
		late := func() string {
			c := &v1alpha1.AstroConnection{}
			if err := w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: "late"}, c); apierrors.IsNotFound(err) {
				return gone
			}
			return readiness(c.Status.Conditions)
		}
		Eventually(late).Should(Equal("False/KubernetesRefused"))
		w.bind(builders.Binding("b").Through("late").ForToken("ci").OnDeployment(w.etl))
		w.expect("Unknown/ConnectionNotReady", "b")
		Expect(w.message("b")).To(ContainSubstring(v1alpha1.ReasonKubernetesRefused))
		lift()
		Eventually(late).Should(Equal("True/Connected"))
		w.expect("True/Granted", "b")

		w.delete("b")
		w.expect(gone, "b")
		lift = w.enforce(w.labelled("astroconnections"), w.acme(w.namespace))
		Expect(w.kube.Delete(w.ctx, w.connection("late").In(w.namespace).Object())).To(Succeed())
		Eventually(late).Should(Equal("False/KubernetesRefused"))
		lift()
		Eventually(late).Should(Equal(gone))

		acme := v1alpha1.ConnectionReference{Name: builders.ConnectionName}
		workspace := func(id string) v1alpha1.TargetReference {
			return v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, ID: v1alpha1.AstroID(id)}
		}
		w.take("first", acme, workspace(w.data))
		Eventually(w.inventory("first")).Should(Equal("True/Listed"))
		get := func(name string) *v1alpha1.TargetInventory {
			i := &v1alpha1.TargetInventory{}
			Expect(w.kube.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, i)).To(Succeed())
			return i
		}
		lift = w.enforce(w.frozen("targetinventories/status"), get("first"))
		w.take("second", acme, workspace(w.science))
		Eventually(w.events(get("second"), v1alpha1.ReasonKubernetesRefused)).Should(ConsistOf(And(ContainSubstring(never), ContainSubstring("Listed"))))
		lift()
		Eventually(w.inventory("second")).Should(Equal("True/Listed"))
	})
})

var _ = Describe("A Role of the cluster that lacks a verb", func() {
	It("is told for finalizers, and for statuses", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("old").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "old")
		w.written()
		without := func(statuses bool) {
			lacks := func(r *http.Request) {
				if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/scopedtokenbindings/") && strings.HasSuffix(r.URL.Path, "/status") == statuses {
					r.Header.Set("Impersonate-User", "somebody-without-a-role")
				}
			}
			w.line.before.Store(&lacks)
		}
		without(false)
		w.bind(builders.Binding("new").ForToken("ci").OnDeployment(w.etl))
		w.refused("new", v1alpha1.ReasonKubernetesRefused, `cannot patch resource "scopedtokenbindings"`)
		w.delete("old")
		w.expect("False/KubernetesRefused", "old")
		Expect(w.on(w.ci, w.data)).To(BeEmpty())
		without(true)
		w.expect(gone, "old")
		Eventually(w.events(w.binding("new"), v1alpha1.ReasonKubernetesRefused)).Should(ContainElement(ContainSubstring(`cannot patch resource "scopedtokenbindings/status"`)))
		w.line.before.Store(nil)
		w.expect("True/Granted", "new")
	})
})

var _ = Describe("A webhook of the cluster that does not answer", func() {
	It("is told, and waited for", func(ctx context.Context) {
		w := newWorld(ctx)
		w.bind(builders.Binding("old").ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		w.expect("True/Granted", "old")
		lift := w.failingWebhook("scopedtokenbindings", w.binding("old"))
		w.bind(builders.Binding("new").ForToken("ci").OnDeployment(w.etl))
		w.waiting("new", v1alpha1.ReasonKubernetesRefused, "failed calling webhook")
		w.stays("True/Granted", "old")
		lift()
		w.expect("True/Granted", "new")
	})
})
