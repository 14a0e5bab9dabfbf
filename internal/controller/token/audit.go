package token

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/audit"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/resolve"
)

func init() { //nolint:gochecknoinits // controller-runtime's registry is filled this way
	metrics.Registry.MustRegister(auditFailures)
}

// auditSent writes what became of a set that was sent, before anything else is done with the answer.
func (w *write) auditSent(ctx context.Context, a astro.Attempt) {
	entries := w.progress.Audit(*w.post, a)
	var err error
	if a.Again {
		for i := range entries {
			entries[i].ID = w.audited[i].ID
		}
		err = w.reconciler.Audit.Confirmed(entries...)
	} else {
		w.audited, err = w.reconciler.Audit.Sent(entries...)
	}
	auditFailed(ctx, err)
}

// auditSeen takes in what the token holds that was just read by its id: what became of a write without an answer shows there.
// A listing may be older than the write.
func (r *Reconciler) auditSeen(ctx context.Context, key TokenKey, t astro.Token) {
	auditFailed(ctx, r.Audit.Seen(key.Organization, key.Token, func(kind, id string) string {
		entity, known := resolve.Entities[v1alpha1.TargetKind(kind)]
		if !known {
			entity = astro.EntityType(kind)
		}
		return t.RoleOn(astro.RoleKey{EntityType: entity, EntityID: id})
	}))
}

// auditStayed writes that the role of a binding stays whose statement was carried out, if there is that to say.
func (r *Reconciler) auditStayed(ctx context.Context, said map[types.UID]audit.Entry, uid types.UID) {
	if entry, is := said[uid]; is {
		auditFailed(ctx, r.Audit.Write(entry))
	}
}

// auditFailed makes it known that lines were lost. What they were to say is in the operator's own log.
func auditFailed(ctx context.Context, err error) {
	lost, is := errors.AsType[*audit.LostError](err)
	if !is {
		return
	}
	auditFailures.Add(float64(len(lost.Lines)))
	for _, line := range lost.Lines {
		log.FromContext(ctx).Error(lost.Err, "the audit log cannot be written", "line", line)
	}
}

// auditFailures counts the lines that are missing in the audit log.
var auditFailures = prometheus.NewCounter(prometheus.CounterOpts{
	Namespace: "scopedtoken", Subsystem: "audit", Name: "failures_total",
	Help: "Lines that could not be written to the audit log.",
})
