package connection

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"sigs.k8s.io/controller-runtime/pkg/event"
)

// writeCounter counts what the manager writes, by what is in the path. What was refused because the manager did not know
// its own last write yet wrote nothing.
type writeCounter struct{ paths sync.Map }

func (w *writeCounter) count(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
			n, _ := w.paths.LoadOrStore(r.URL.Path, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			answer, err := next.RoundTrip(r)
			if err == nil && answer.StatusCode == http.StatusConflict {
				n.(*atomic.Int64).Add(-1)
			}
			return answer, err
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
