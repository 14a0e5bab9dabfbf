package stories

import (
	"cmp"
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/inventory"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/runbook"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/token"
	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
)

// start runs an operator of its own, with no memory of any before it.
func (w *world) start() {
	GinkgoHelper()
	wire := &line{traffic: w.traffic}
	config := rest.CopyConfig(w.admin)
	config.Wrap(wire.wrap)
	mgr, err := ctrl.NewManager(config, w.managerOptions())
	Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithCancel(context.Background())
	w.wire(ctx, mgr)
	stopped := make(chan struct{})
	go func() {
		defer GinkgoRecover()
		defer close(stopped)
		if err := mgr.Start(ctx); err != nil && !wire.cut.Load() {
			Fail("the manager ended: " + err.Error())
		}
	}()
	w.line, w.cache = wire, mgr.GetCache()
	w.stopped = func() {
		cancel()
		<-stopped
	}
}

func (w *world) managerOptions() ctrl.Options {
	grace := storyTimeout() // all runnables end at once when told, but how long that takes is the machine's affair
	return ctrl.Options{
		Scheme:                  scheme,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		GracefulShutdownTimeout: &grace,
		Controller:              ctrlconfig.Controller{SkipNameValidation: new(true)},
		Cache: cache.Options{
			DefaultTransform:     w.strip(),
			DefaultLabelSelector: labels.SelectorFromSet(labels.Set{storyLabel: w.namespace}),
		},
	}
}

// strip is what the operator does to all that is in its cache, but for the annotation by which a story wakes a connection, and
// the label by which it looks for its objects.
func (w *world) strip() toolscache.TransformFunc {
	kept := labels.SelectorFromSet(labels.Set{storyLabel: w.namespace})
	if w.instance.selector != nil {
		requirements, _ := w.instance.selector.Requirements()
		kept = kept.Add(requirements...)
	}
	strip := index.Stripped(kept)
	return func(object any) (any, error) {
		var woken string
		m, err := meta.Accessor(object)
		if err == nil {
			woken = m.GetAnnotations()[annotationWoken]
		}
		object, failed := strip(object)
		if woken != "" {
			m.SetAnnotations(labels.Merge(m.GetAnnotations(), labels.Set{annotationWoken: woken}))
		}
		return object, failed
	}
}

// wire adds every controller to the manager.
func (w *world) wire(ctx context.Context, mgr ctrl.Manager) {
	GinkgoHelper()
	registry, recorder := connection.NewRegistry(), runbook.Recorder(mgr.GetEventRecorder("scopedtoken-operator"), "")
	Expect(index.Register(ctx, mgr.GetFieldIndexer())).To(Succeed())
	var memory *astro.Memory
	if w.instance.maxListing > 0 {
		memory = astro.NewMemory(w.instance.maxListing)
	}
	Expect(connection.SetupWithManager(mgr, connection.Options{
		Registry: registry, Budgets: astro.NewBudgets(astro.BudgetOptions{}), Recorder: recorder, Clock: w.now,
		AllowedHosts:      []string{strings.TrimPrefix(cmp.Or(w.instance.astro, w.sim.URL()), "http://")},
		OperatorNamespace: w.system, UserAgent: cmp.Or(w.instance.agent, "stories"), Selector: w.instance.selector,
		MaxListing: w.instance.maxListing, Memory: memory, LabelledSecrets: w.instance.labelled,
	})).To(Succeed())
	instance := "stories"
	if of := w.instance.selector; of != nil {
		instance += "-" + strings.NewReplacer("!=", "-not-", "=", "-").Replace(of.String())
	}
	open := func(ctx context.Context) (*journal.Journal, error) {
		return journal.Open(ctx, mgr.GetAPIReader(), mgr.GetClient(), journal.Options{Namespace: w.system, Instance: instance, Writer: w.namespace})
	}
	tokens, err := token.SetupWithManager(mgr, token.Options{
		Registry: registry, Journal: open, Concurrency: 16, Recorder: recorder, Clock: w.now, Audit: w.audit.log(),
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(inventory.SetupWithManager(mgr, inventory.Options{Registry: registry, Recorder: recorder, Remover: tokens})).To(Succeed())
}

// stop ends the operator in good order, as a rollout does.
func (w *world) stop() {
	if w.stopped != nil {
		w.stopped()
		w.stopped = nil
	}
}

// crash ends the operator without a last word: nothing it says reaches the API server any more.
func (w *world) crash() {
	w.line.sever()
	w.stop()
}

// restart stops the operator and starts it anew, and waits until it has looked at everything.
func (w *world) restart() {
	GinkgoHelper()
	w.stop()
	pages := w.pages()
	w.start()
	Eventually(w.pages).Should(BeNumerically(">", pages), "the new operator lists the tokens")
	w.waitIdle()
}
