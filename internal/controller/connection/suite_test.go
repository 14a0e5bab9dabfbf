package connection

import (
	"context"
	"fmt"
	"net/http"
	"slices"
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
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

const operatorNamespace = "operator-system"

var (
	scheme   = runtime.NewScheme()
	admin    *rest.Config
	kube     client.Client
	registry = NewRegistry()
	writes   = &writeCounter{}
	notices  = &noticeLog{}
	sims     chan *astrosim.Sim // each story takes one of its own; all are allowed hosts
	hosts    []string
)

func TestStories(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(15 * time.Second)
	SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	RunSpecs(t, "Connections")
}

var _ = BeforeSuite(func() {
	log.SetLogger(GinkgoLogr)
	env, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Stop)
	startSims(48)
	admin = env.Config
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	kube, err = client.New(env.Config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(kube.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}})).To(Succeed())
	gathering, stop := context.WithCancel(context.Background())
	DeferCleanup(stop)
	go notices.gather(gathering, registry.Subscribe())
	startManager(registry, writes)
})

func startSims(n int) {
	sims = make(chan *astrosim.Sim, n)
	for range n {
		s := astrosim.New(astrosim.Options{})
		url, err := s.Start()
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(s.Close)
		hosts = append(hosts, strings.TrimPrefix(url, "http://"))
		sims <- s
	}
}

// startManager runs the controllers until the suite or the story that called it ends.
func startManager(registry *Registry, writes *writeCounter) {
	GinkgoHelper()
	config := rest.CopyConfig(admin)
	config.Wrap(writes.count)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"}, Controller: ctrlconfig.Controller{SkipNameValidation: new(true)},
	})
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	Expect(index.Register(ctx, mgr.GetFieldIndexer())).To(Succeed())
	Expect(SetupWithManager(mgr, Options{
		Registry: registry, Budgets: astro.NewBudgets(astro.BudgetOptions{}), AllowedHosts: hosts, OperatorNamespace: operatorNamespace,
		Recorder: mgr.GetEventRecorder("test"), UserAgent: "test",
	})).To(Succeed())
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

// writeCounter counts what the manager writes, by what is in the path.
type writeCounter struct{ paths sync.Map }

func (w *writeCounter) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
			n, _ := w.paths.LoadOrStore(r.URL.Path, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		}
		return next.RoundTrip(r)
	})
}

func (w *writeCounter) of(part string) (total int) {
	w.paths.Range(func(path, n any) bool {
		if strings.Contains(path.(string), part) {
			total += int(n.(*atomic.Int64).Load())
		}
		return true
	})
	return total
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// noticeLog keeps every notice.
type noticeLog struct {
	mu  sync.Mutex
	all []Notice
}

func (l *noticeLog) gather(ctx context.Context, from <-chan event.TypedGenericEvent[Notice]) {
	for {
		select {
		case e := <-from:
			l.mu.Lock()
			l.all = append(l.all, e.Object)
			l.mu.Unlock()
		case <-ctx.Done():
			return
		}
	}
}

// of are the notices that tell of something to look at; that there was a sweep is left out.
func (l *noticeLog) of(k Key) []Notice {
	var of []Notice
	for _, n := range l.about(k) {
		n.Swept = false
		if !n.empty() {
			of = append(of, n)
		}
	}
	return of
}

// sweeps are the notices that tell of a sweep.
func (l *noticeLog) sweeps(k Key) []Notice {
	return slices.DeleteFunc(l.about(k), func(n Notice) bool { return !n.Swept })
}

func (l *noticeLog) about(k Key) []Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.all), func(n Notice) bool { return n.Connection != k })
}

func (l *noticeLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}

// story is one Astro, one namespace and one connection.
type story struct {
	ctx       context.Context
	sim       *astrosim.Sim
	namespace string
	org       string
	self      string // the credential's token
	conn      *v1alpha1.AstroConnection
}

var stories atomic.Int64

func newStory(ctx context.Context) *story {
	GinkgoHelper()
	s := &story{ctx: context.WithoutCancel(ctx), sim: <-sims, namespace: fmt.Sprintf("story-%d", stories.Add(1))}
	s.org = s.sim.AddOrganization("Acme")
	s.self = s.sim.AddOrganizationToken(s.org, "operator", "ORGANIZATION_OWNER")
	Expect(kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.namespace}})).To(Succeed())
	s.conn = &v1alpha1.AstroConnection{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "acme"},
		Spec: v1alpha1.ConnectionSpec{
			OrganizationID: v1alpha1.AstroID(s.org), APIURL: s.sim.URL(),
			CredentialsSecretRef: v1alpha1.SecretKeyReference{Name: "astro-api", Key: "token"},
			SweepInterval:        metav1.Duration{Duration: time.Hour},
		},
	}
	return s
}

// key is the connection's, also while its object is being read.
func (s *story) key() Key {
	return Key{Kind: v1alpha1.KindAstroConnection, Namespace: s.namespace, Name: "acme"}
}

func (s *story) handle() Handle {
	h, _ := registry.Get(s.key())
	return h
}

func (s *story) connect() *story {
	GinkgoHelper()
	Expect(kube.Create(s.ctx, s.conn)).To(Succeed())
	return s
}

// secret makes or replaces the Secret.
func (s *story) secret(data map[string]string) *story {
	GinkgoHelper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "astro-api"}, StringData: data}
	if err := kube.Create(s.ctx, secret); err != nil {
		Expect(kube.Update(s.ctx, secret)).To(Succeed())
	}
	return s
}

func (s *story) credential(secret string) *story { return s.secret(map[string]string{"token": secret}) }

func (s *story) deleteSecret() {
	GinkgoHelper()
	Expect(kube.Delete(s.ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "astro-api"}})).To(Succeed())
}

// proven is a connection that works.
func (s *story) proven() *story {
	GinkgoHelper()
	s.credential(s.sim.Credential(s.self)).connect().expect("True/Connected")
	Expect(s.handle().Ready).To(BeTrue())
	return s
}

// look asks for a proof and a sweep by annotation.
func (s *story) look() {
	GinkgoHelper()
	s.edit(func(c *v1alpha1.AstroConnection) {
		c.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: time.Now().Format(time.RFC3339Nano)}
	})
}

func (s *story) edit(change func(*v1alpha1.AstroConnection)) {
	GinkgoHelper()
	before := s.get().DeepCopy()
	change(s.conn)
	Expect(kube.Patch(s.ctx, s.conn, client.MergeFrom(before))).To(Succeed())
}

func (s *story) get() *v1alpha1.AstroConnection {
	GinkgoHelper()
	Expect(kube.Get(s.ctx, client.ObjectKeyFromObject(s.conn), s.conn)).To(Succeed())
	return s.conn
}

func (s *story) ready() metav1.Condition {
	GinkgoHelper()
	if c := meta.FindStatusCondition(s.get().Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// expect waits until Ready has this status and reason, and returns its message.
func (s *story) expect(statusAndReason string) string {
	GinkgoHelper()
	Eventually(func() string {
		c := s.ready()
		return string(c.Status) + "/" + c.Reason
	}).Should(Equal(statusAndReason))
	return s.ready().Message
}

// pages are the listings of tokens that Astro has answered.
func (s *story) pages() int { return s.sim.Counts().ByEndpoint[astrosim.TokensList] }

func (s *story) proofs() int { return s.sim.Counts().ByEndpoint[astrosim.OrganizationGet] }
