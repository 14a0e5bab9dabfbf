package connection

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
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
	SetDefaultEventuallyTimeout(40 * time.Second) // two or three sweep intervals of those that are asked for, and a slow machine
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
