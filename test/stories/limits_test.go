package stories

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	to *strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.String()
}

// dump is everything that users can read in the world's namespaces, but Secrets.
func (w *world) dump() string {
	GinkgoHelper()
	var all strings.Builder
	for _, namespace := range []string{w.namespace, w.other, w.system} {
		for _, list := range []client.ObjectList{&v1alpha1.ScopedTokenBindingList{}, &v1alpha1.AstroConnectionList{}, &v1alpha1.TargetInventoryList{}, &eventsv1.EventList{}} {
			Expect(kube.List(w.ctx, list, client.InNamespace(namespace))).To(Succeed())
			data, err := json.Marshal(list)
			Expect(err).NotTo(HaveOccurred())
			all.Write(data)
		}
	}
	return all.String()
}

// sweepAttempt wakes the connection "acme", whether or not it can sweep.
func (w *world) sweepAttempt() {
	GinkgoHelper()
	w.advance(6 * time.Minute)
	w.editConnection(w.namespace, func(c *v1alpha1.AstroConnection) {
		metav1.SetMetaDataAnnotation(&c.ObjectMeta, "story/woken", time.Now().Format(time.RFC3339Nano))
	})
	w.waitIdle()
}

var _ = Describe("The promises about calls and rules", func() {
	It("Promise 10: idling and restarting cost nothing", func(ctx context.Context) {
		w := newWorld(ctx)
		c := newCrowd(w)
		w.sweep()
		c.apply()
		w.expect("True/Granted", c.names...)
		w.sweep()
		spent := w.costOf(func() {
			w.sweep()
			w.restart()
			w.sweep()
		})
		spent.Proofs, spent.Lookups = 0, 0 // a new operator proves its credential and learns the names
		Expect(spent).To(Equal(cost{Pages: 3}))
	})

	It("Promise 11: the rate limit is kept by connections that share a credential, and a 429 leaves Ready as it was", func(ctx context.Context) {
		w := newWorld(ctx, astrosim.Options{Limits: astrosim.PublishedLimits()})
		w.connect(w.other)
		var names []string
		tokens := w.tokens(24)
		for i, token := range tokens {
			namespace := []string{w.namespace, w.other}[i%2]
			names = append(names, fmt.Sprintf("%s/b-%d", namespace, i))
			w.bind(builders.Binding(fmt.Sprintf("b-%d", i)).In(namespace).ForTokenID(token).OnWorkspace(w.data).WithRole("WORKSPACE_MEMBER"))
		}
		w.expect("True/Granted", names...)
		Expect(w.sim.Counts().ByStatus[http.StatusTooManyRequests]).To(BeZero())
		Expect(w.total().Writes).To(Equal(len(tokens)))

		settled := strings.TrimPrefix(names[0], w.namespace+"/")
		faltered := w.watchReady(settled)
		w.sim.Inject(astrosim.Fault{Kind: astrosim.FaultThrottle, Times: 6})
		w.sim.RevokeRole(tokens[0], astrosim.TypeWorkspace, w.data)
		w.look(settled)
		Eventually(func() string { return w.on(tokens[0], w.data) }).Should(Equal("WORKSPACE_MEMBER"))
		Expect(faltered()).To(BeZero())
	})

	It("Promise 12: a cluster connection allows nobody unless it says so, and nobody squats on an Organization", func(ctx context.Context) {
		w := emptyWorld(ctx)
		strangers := w.sim.AddOrganization("Strangers")
		stranger := w.sim.AddOrganizationToken(strangers, "stranger", "ORGANIZATION_OWNER")
		w.start()
		w.apply(
			builders.Secret(w.system, builders.SecretName, w.sim.Credential(w.operator)),
			w.connection(w.namespace).Cluster(),
			builders.Secret(w.other, builders.SecretName, w.sim.Credential(stranger)),
			w.connection(builders.ConnectionName).In(w.other).Object(),
		)
		Eventually(func() string { return readiness(w.acme(w.other).Status.Conditions) }).Should(Equal("False/OrganizationMismatch"))
		w.bind(builders.Binding("squat").In(w.other).ForTokenID(w.ci).OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		Eventually(func() string { return w.state(w.other + "/squat") }).Should(HaveSuffix("/ConnectionNotReady"))
		w.bind(builders.Binding("unnamed").ThroughCluster(w.namespace).ForToken("ci").OnWorkspace(w.data).WithRole("WORKSPACE_OWNER"))
		w.expect("False/NamespaceNotAllowed", "unnamed")
		Expect(w.total().Writes).To(BeZero())
		Expect(w.binding(w.other + "/squat").Finalizers).To(BeEmpty())
	})
})
