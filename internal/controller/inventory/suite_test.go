package inventory

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

const operatorNamespace = "operator-system"

var (
	kube     client.Client
	registry = connection.NewRegistry()
	written  sync.Map // by path, how many patches of inventories
	sims     chan *astrosim.Sim
)

func TestStories(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(15 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "Inventories")
}

var _ = BeforeSuite(func() {
	log.SetLogger(GinkgoLogr)
	env, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Stop)
	hosts := startSims(32) // more than there are stories
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	kube, err = client.New(env.Config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(kube.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}})).To(Succeed())
	startManager(env.Config, scheme, hosts)
})

func startSims(n int) (hosts []string) {
	sims = make(chan *astrosim.Sim, n)
	for range n {
		s := astrosim.New(astrosim.Options{})
		url, err := s.Start()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(s.Close)
		hosts = append(hosts, strings.TrimPrefix(url, "http://"))
		sims <- s
	}
	return hosts
}

func startManager(config *rest.Config, scheme *runtime.Scheme, hosts []string) {
	config = rest.CopyConfig(config)
	config.Wrap(countPatches)
	mgr, err := ctrl.NewManager(config, ctrl.Options{Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(index.Register(ctx, mgr.GetFieldIndexer())).To(Succeed())
	Expect(connection.SetupWithManager(mgr, connection.Options{
		Registry: registry, Budgets: astro.NewBudgets(astro.BudgetOptions{}), AllowedHosts: hosts, OperatorNamespace: operatorNamespace,
		Recorder: mgr.GetEventRecorder("test"), UserAgent: "test",
	})).To(Succeed())
	Expect(SetupWithManager(mgr, Options{Registry: registry, Recorder: mgr.GetEventRecorder("test")})).To(Succeed())
	stopped := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(stopped)
		Expect(mgr.Start(ctx)).To(Succeed())
	}()
	DeferCleanup(func() {
		cancel()
		<-stopped
	})
}

// countPatches counts patches, but for those that wrote nothing because the manager did not know its own last one yet.
func countPatches(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/targetinventories/") {
			return next.RoundTrip(r)
		}
		n, _ := written.LoadOrStore(r.URL.Path, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		answer, err := next.RoundTrip(r)
		if err == nil && answer.StatusCode == http.StatusConflict {
			n.(*atomic.Int64).Add(-1)
		}
		return answer, err
	})
}

// patches are those of this story's inventories so far.
func (s *story) patches() (total int) {
	written.Range(func(path, n any) bool {
		if strings.Contains(path.(string), "/"+s.namespace+"/") {
			total += int(n.(*atomic.Int64).Load())
		}
		return true
	})
	return total
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// story is one Astro with a Workspace and a Deployment, and one namespace with a connection.
type story struct {
	ctx                   context.Context
	sim                   *astrosim.Sim
	namespace             string
	org, self             string
	workspace, deployment string
	conn                  v1alpha1.Connection
	ref                   v1alpha1.ConnectionReference
	interval              time.Duration // of the sweeps; an hour if zero
}

var stories atomic.Int64

func newStory(ctx context.Context) *story {
	GinkgoHelper()
	s := &story{ctx: context.WithoutCancel(ctx), sim: <-sims, namespace: fmt.Sprintf("story-%d", stories.Add(1))}
	s.org = s.sim.AddOrganization("Acme")
	s.self = s.sim.AddOrganizationToken(s.org, "operator", "ORGANIZATION_OWNER")
	s.workspace = s.sim.AddWorkspace(s.org, "data")
	s.deployment = s.sim.AddDeployment(s.workspace, "prod-etl")
	Expect(kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
	return s
}

func (s *story) spec() v1alpha1.ConnectionSpec {
	return v1alpha1.ConnectionSpec{
		OrganizationID: v1alpha1.AstroID(s.org), APIURL: s.sim.URL(),
		CredentialsSecretRef: v1alpha1.SecretKeyReference{Name: s.namespace, Key: "token"},
		SweepInterval:        metav1.Duration{Duration: cmp.Or(s.interval, time.Hour)},
	}
}

// connected makes a connection of the namespace's own.
func (s *story) connected() *story {
	GinkgoHelper()
	s.ref = v1alpha1.ConnectionReference{Kind: v1alpha1.KindAstroConnection, Name: "acme"}
	s.conn = &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "acme"}, Spec: s.spec()}
	return s.connect(s.namespace)
}

// shared makes a ClusterAstroConnection with a rule.
func (s *story) shared(rules ...v1alpha1.AllowRule) *story {
	GinkgoHelper()
	s.share(rules...)
	return s.connect(operatorNamespace)
}

// share says what the ClusterAstroConnection is to be.
func (s *story) share(rules ...v1alpha1.AllowRule) {
	s.ref = v1alpha1.ConnectionReference{Kind: v1alpha1.KindClusterAstroConnection, Name: s.namespace}
	c := &v1alpha1.ClusterAstroConnection{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}, Spec: s.spec()}
	c.Spec.Allow = rules
	s.conn = c
}

// credential makes the Secret of the connection.
func (s *story) credential(namespace string) {
	GinkgoHelper()
	Expect(kube.Create(s.ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: s.namespace},
		StringData: map[string]string{"token": s.sim.Credential(s.self)},
	})).To(Succeed())
}

func (s *story) connect(secrets string) *story {
	GinkgoHelper()
	s.credential(secrets)
	Expect(kube.Create(s.ctx, s.conn)).To(Succeed())
	Eventually(func() bool { h, _ := registry.Get(connection.KeyOf(s.conn)); return h.Ready }).Should(BeTrue())
	return s
}

// sweep asks for a sweep by annotation.
func (s *story) sweep() {
	GinkgoHelper()
	pages := s.pages()
	value := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRequestedAt, time.Now().Format(time.RFC3339Nano))
	Expect(kube.Patch(s.ctx, s.conn, client.RawPatch("application/merge-patch+json", []byte(value)))).To(Succeed())
	Eventually(s.pages).Should(BeNumerically(">", pages))
}

func (s *story) pages() int { return s.sim.Counts().ByEndpoint[astrosim.TokensList] }

func (s *story) inventory(name string, target v1alpha1.TargetReference) *v1alpha1.TargetInventory {
	GinkgoHelper()
	i := &v1alpha1.TargetInventory{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec:       v1alpha1.TargetInventorySpec{ConnectionRef: s.ref, Target: target},
	}
	Expect(kube.Create(s.ctx, i)).To(Succeed())
	return i
}

func (s *story) named(name string) v1alpha1.TargetReference {
	return v1alpha1.TargetReference{Kind: v1alpha1.TargetDeployment, Name: name, WorkspaceID: v1alpha1.AstroID(s.workspace)}
}

// expect waits until a condition has this status and reason, and returns its message.
func (s *story) expect(i *v1alpha1.TargetInventory, kind, statusAndReason string) string {
	GinkgoHelper()
	var c *metav1.Condition
	Eventually(func() string {
		c = meta.FindStatusCondition(s.get(i).Status.Conditions, kind)
		if c == nil {
			return ""
		}
		return string(c.Status) + "/" + c.Reason
	}).Should(Equal(statusAndReason))
	return c.Message
}

func (s *story) get(i *v1alpha1.TargetInventory) *v1alpha1.TargetInventory {
	GinkgoHelper()
	Expect(kube.Get(s.ctx, client.ObjectKeyFromObject(i), i)).To(Succeed())
	return i
}

func (s *story) names(i *v1alpha1.TargetInventory) []string {
	var names []string
	for _, t := range s.get(i).Status.Tokens {
		names = append(names, t.Name)
	}
	return names
}
