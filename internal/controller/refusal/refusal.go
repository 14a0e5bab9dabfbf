package refusal

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
)

// Write is what of an object was to be written.
type Write string

// The writes that an operator makes.
const (
	Metadata Write = "metadata"
	Status   Write = "status"
	Journal  Write = "journal"
	Lease    Write = "lease"
)

// Again is how soon a refused write is tried again where no work queue slows down by itself.
const Again = 10 * time.Second

// pause is for how long nothing more is said of the same write of the same object. The API server folds equal events of
// six minutes into one.
const pause = 10 * time.Minute

var refused = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: "scopedtoken", Name: "kubernetes_refusals_total",
	Help: "Writes to Kubernetes that the API server refused: by RBAC, a quota, or admission.",
}, []string{"write"})

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(refused)
	for _, w := range []Write{Metadata, Status, Journal, Lease} {
		refused.WithLabelValues(string(w)) // so that an alert on an increase sees the first one
	}
}

// Count counts the error if it is a refusal, and reports whether it is one.
func Count(w Write, err error) bool {
	if !fault.RefusedByKubernetes(err) {
		return false
	}
	refused.WithLabelValues(string(w)).Inc()
	return true
}

// Told remembers of which objects an event has told lately. The zero value has told of none.
type Told struct {
	mu  sync.Mutex
	all map[key]time.Time
}

type key struct {
	uid   types.UID
	write Write
}

// Due counts a refused write, and reports whether an event is to tell of it now.
func (t *Told) Due(w Write, uid types.UID, err error, now time.Time) bool {
	if !Count(w, err) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.all, func(_ key, at time.Time) bool { return now.Sub(at) >= pause })
	if _, lately := t.all[key{uid, w}]; lately {
		return false
	}
	if t.all == nil {
		t.all = map[key]time.Time{}
	}
	t.all[key{uid, w}] = now
	return true
}

// TellStatus tells by log and event of a status that Kubernetes refuses, and of what it was to say, if that is due.
func (t *Told) TellStatus(
	ctx context.Context, recorder events.EventRecorder, o client.Object, conditions []metav1.Condition, err error, now time.Time,
) {
	is := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if is == nil || !t.Due(Status, o.GetUID(), err, now) {
		return
	}
	log.FromContext(ctx).Error(err, "Kubernetes refuses the status", "ready", is.Status, "reason", is.Reason, "message", is.Message)
	recorder.Eventf(o, nil, corev1.EventTypeWarning, v1alpha1.ReasonKubernetesRefused, "Report", "%s", Words(is.Reason, is.Message, err))
}

// Words are what an event says of a status that could not be written: what it was to say, and the API server's answer.
func Words(reason, message string, err error) string {
	const most = 400 // so that both fit into an event
	return fmt.Sprintf("Kubernetes refuses the status: %s; it was to say: %s: %s", text.Clip(err.Error(), most), reason, text.Clip(message, most))
}
