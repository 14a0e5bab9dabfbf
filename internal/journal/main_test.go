package journal_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scopedtoken/scopedtoken-operator/internal/journal"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var (
	server *environment.Environment
	start  = sync.OnceValue(func() (err error) {
		server, err = environment.StartWith(environment.Options{WithoutCRDs: true})
		return err
	})
	instances atomic.Int32
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is a journal's instance of its own, against a real API server.
type world struct {
	*testing.T

	client.WithWatch

	options journal.Options
	writes  atomic.Int32 // that reached the API server
	refuse  atomic.Pointer[error]
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if err := start(); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t}
	direct, err := client.NewWithWatch(server.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.WithWatch = interceptor.NewClient(direct, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if err := w.mayWrite(); err != nil {
				return err
			}
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			if err := w.mayWrite(); err != nil {
				return err
			}
			return c.Update(ctx, o, opts...)
		},
	})
	n := instances.Add(1)
	w.options = journal.Options{
		Namespace: fmt.Sprintf("system-%d", n), Instance: fmt.Sprintf("instance-%d", n), Writer: "first", Clearing: 50 * time.Millisecond,
	}
	w.must(direct.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.options.Namespace}}))
	return w
}

func (w *world) mayWrite() error {
	w.writes.Add(1)
	if err := w.refuse.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// open opens the journal as another process does, with its name.
func (w *world) open(writer string) *journal.Journal {
	w.Helper()
	o := w.options
	o.Writer = writer
	j, err := journal.Open(w.Context(), w, w, o)
	w.must(err)
	return j
}

// pages are the ConfigMaps that hold something.
func (w *world) pages() []corev1.ConfigMap {
	w.Helper()
	var list corev1.ConfigMapList
	w.must(w.List(w.Context(), &list, client.InNamespace(w.options.Namespace), client.HasLabels{journal.Label}))
	var full []corev1.ConfigMap
	for _, cm := range list.Items {
		if len(cm.Data) > 0 {
			full = append(full, cm)
		}
	}
	return full
}

// page is the one that holds something.
func (w *world) page() *corev1.ConfigMap {
	w.Helper()
	full := w.pages()
	if len(full) != 1 {
		w.Fatalf("%d pages hold something, want one", len(full))
	}
	return &full[0]
}

// has checks which entries the next process finds.
func (w *world) has(k journal.TokenKey, uids ...string) {
	w.Helper()
	w.same(w.open("reader"), k, uids...)
}

// same checks which entries a journal has.
func (w *world) same(j *journal.Journal, k journal.TokenKey, uids ...string) {
	w.Helper()
	got := []string{}
	for _, e := range j.Entries(k) {
		got = append(got, string(e.UID))
	}
	if fmt.Sprint(got) != fmt.Sprint(uids) {
		w.Errorf("the journal has %v of %s, want %v", got, k, uids)
	}
}

// eventually waits until something is so.
func (w *world) eventually(what string, is func() bool) {
	w.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	w.Fatalf("not so in 20 s: %s", what)
}
