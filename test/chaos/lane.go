package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// lane runs one schedule after another against an API server of its own.
type lane struct {
	options options
	figures *figures
	server  *apiServer
	gate    *kubeGate
	astro   *astroGate
	kube    client.WithWatch
	config  string // path of the operator's kubeconfig
}

// runLanes runs all schedules, each in the lane that is free next.
func runLanes(ctx context.Context, o options, f *figures) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	var work sync.WaitGroup
	errs := make([]error, o.lanes)
	for i := range o.lanes {
		work.Go(func() {
			errs[i] = runLane(ctx, o, f, func() (int, bool) {
				n := int(next.Add(1)) - 1
				return o.first + n/o.repeat, n < o.schedules*o.repeat && !f.enough() && ctx.Err() == nil
			})
			if errs[i] != nil {
				cancel()
			}
		})
	}
	work.Wait()
	return errors.Join(errs...)
}

func runLane(ctx context.Context, o options, f *figures, next func() (int, bool)) (err error) {
	l := &lane{options: o, figures: f}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.open(ctx); err != nil {
		return err
	}
	for {
		n, more := next()
		if !more {
			return nil
		}
		if err := l.run(ctx, drawPlan(o, n)); err != nil {
			return fmt.Errorf("schedule %d: %w", n, err)
		}
	}
}

// open starts what the lane needs.
func (l *lane) open(ctx context.Context) (err error) {
	if l.server, err = startAPIServer(); err != nil {
		return err
	}
	if l.kube, err = client.NewWithWatch(l.server.Config, client.Options{Scheme: newScheme()}); err != nil {
		return err
	}
	for _, name := range append([]string{system}, namespaces...) {
		if err := l.kube.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	if l.gate, err = newKubeGate(l.server.Config); err != nil {
		return err
	}
	if l.astro, err = newAstroGate(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return err
	}
	l.config = filepath.Join(folder, "kubeconfig")
	return os.WriteFile(l.config, l.gate.kubeconfig(), 0o600)
}

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

func (l *lane) close() error {
	if l.gate != nil {
		l.gate.close()
	}
	if l.astro != nil {
		l.astro.close()
	}
	if l.config != "" {
		_ = os.RemoveAll(filepath.Dir(l.config))
	}
	if l.server == nil {
		return nil
	}
	return l.server.stop()
}

// run runs one schedule.
func (l *lane) run(ctx context.Context, p plan) error {
	began := time.Now()
	w := l.newWorld(ctx, p)
	w.operator = &operator{program: l.options.manager, history: w.history, args: []string{
		"--kubeconfig=" + l.config, "--allowed-api-hosts=" + l.astro.address, "--operator-namespace=" + system,
		"--metrics-bind-address=0", "--health-probe-bind-address=0",
	}}
	l.gate.attach(w)
	l.astro.attach(w)
	w.observe()
	if err := w.operator.start(); err != nil {
		return err
	}
	defer w.operator.stop()
	w.runRounds()
	w.operator.stop()
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	w.finish()
	l.figures.finished(w, time.Since(began))
	return l.report(w, time.Since(began))
}

// runRounds runs the schedule from its first round to its end.
func (w *world) runRounds() {
	for i, namespace := range namespaces {
		w.label(namespace, []string{"null", `"true"`, `"false"`}[i])
	}
	w.connect()
	for i, r := range w.plan.rounds {
		name := fmt.Sprintf("round %d", i+1)
		w.runRound(r, name)
		if i == 0 && w.plan.restart && w.lane.server.canRestart() {
			w.restartAPIServer()
		}
		w.quietPoint(name)
		if len(w.problems()) > 0 || w.ctx.Err() != nil {
			return
		}
	}
	w.end()
}

// runRound lets all actors of a round work at the same time.
func (w *world) runRound(r round, name string) {
	w.history.notef("round", "%s: killed %v", name, r.points)
	w.failpoints.arm(r.points)
	w.lagBehind(w.plan.lag)
	var work sync.WaitGroup
	for _, h := range r.actors {
		work.Go(func() {
			for _, s := range h.steps {
				time.Sleep(s.pause)
				if s.patient {
					w.awaitOperator()
				}
				if w.ctx.Err() == nil {
					s.do(w)
					if strings.HasPrefix(h.who, "user") {
						w.acts.Add(1)
					}
				}
			}
		})
	}
	work.Wait()
}

// awaitOperator waits until the operator has come up and called Astro, or does not for long.
func (w *world) awaitOperator() {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && w.ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		if w.activity.isUp(w.operator.process()) {
			return
		}
	}
}

func (w *world) restartAPIServer() {
	w.history.notef("api", "the API server is killed and started again")
	w.tally.add("api_restarts", 1)
	w.must(w.lane.server.restart(w.ctx))
	w.history.notef("api", "the API server is back")
}

// finish looks at what the operator has printed, and counts.
func (w *world) finish() {
	w.scanSecrets("the log", w.operator.log.String())
	w.judgeAudit(auditLines(w.operator.log.String()), w.writes.attempts())
	for _, c := range w.operator.crashes {
		w.violationf(crashed, "the operator crashed:\n%s", c)
	}
	w.countFaults()
}

// report prints a failing schedule, puts its history away and clears what it left.
func (l *lane) report(w *world, took time.Duration) error {
	problems := w.problems()
	if l.options.verbose {
		l.figures.printf("# schedule %d: %s, %d kills, %s of the operator's processor time, %d problems\n",
			w.plan.number, took.Round(time.Millisecond), w.operator.killCount(), w.operator.processor().Round(time.Millisecond), len(problems))
	}
	if l.options.schedule >= 0 && l.options.repeat == 1 {
		l.figures.printf("%s", w.history)
	}
	if len(problems) == 0 {
		return l.clear(w)
	}
	if err := os.MkdirAll(l.options.folder, 0o755); err != nil {
		return err
	}
	file := filepath.Join(l.options.folder, fmt.Sprintf("seed-%d-schedule-%d", l.options.seed, w.plan.number))
	err := errors.Join(os.WriteFile(file+".history", []byte(w.history.String()), 0o600), os.WriteFile(file+".log", []byte(w.operator.log.String()), 0o600))
	var b strings.Builder
	fmt.Fprintf(&b, "FAILED seed %d schedule %d (history in %s.history):\n", l.options.seed, w.plan.number, file)
	for _, p := range problems {
		fmt.Fprintf(&b, "  %s\n", p)
	}
	if l.options.schedule < 0 || l.options.repeat > 1 {
		b.WriteString(w.history.String())
	}
	l.figures.printf("%s", b.String())
	return errors.Join(err, l.clear(w))
}

// clear takes away what a schedule has left: its Secrets, and if it failed the rest, finalizers or not. What stands in the
// journal would be told of the same connections if the same schedule is run again.
func (l *lane) clear(w *world) error {
	l.gate.attach(nil)
	var err error
	for _, s := range []slot{{system, w.shared()}, {namespaces[0], w.own()}} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: s.name}}
		err = errors.Join(err, client.IgnoreNotFound(l.kube.Delete(w.ctx, secret)))
	}
	if len(w.problems()) > 0 || l.options.repeat > 1 {
		err = errors.Join(err, l.kube.DeleteAllOf(w.ctx, &corev1.ConfigMap{}, client.InNamespace(system)))
	}
	if len(w.problems()) == 0 {
		return err
	}
	bindings, failed := w.bindings()
	left := []client.Object{w.connection(false), w.connection(true)}
	for i := range bindings {
		left = append(left, &bindings[i])
	}
	for _, o := range left {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
		failed = errors.Join(failed, client.IgnoreNotFound(l.kube.Delete(w.ctx, o)), client.IgnoreNotFound(l.kube.Patch(w.ctx, o, patch)))
	}
	return errors.Join(err, failed)
}
