package runbook

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

// URL is where the runbook of a release is published; that of none is the newest. An old release keeps its own: a later
// runbook may have lost a reason, or say what only a later version does.
func URL(release string) string {
	return "https://github.com/scopedtoken/scopedtoken-operator/blob/" + cmp.Or(release, "main") + "/docs/runbook.md"
}

// most is how many bytes the note of an Event may have.
const most = 1024

// Recorder is the given one, whose notes are fit to be shown: on one line, whatever Astro's words in them are, and no longer
// than the API server takes. Warnings end with a link to the section of their reason; without a URL there is none. All events
// of the operator go through it.
func Recorder(to events.EventRecorder, url string) events.EventRecorder {
	return recorder{
		to: to, url: url, shares: quota.New(perSecond, burst), all: rate.NewLimiter(perSecondOfAll, burstOfAll), now: time.Now,
	}
}

// How many events there are: of each namespace, of what is in none, and of all bindings and inventories, which may be many. A
// trickle is never cut. Connections are few, and others wait to hear of them.
const (
	perSecond, burst           = 1, 50
	perSecondOfAll, burstOfAll = 5, 200
)

type recorder struct {
	to     events.EventRecorder
	url    string
	shares *quota.Quota
	all    *rate.Limiter
	now    func() time.Time
}

// admits reports whether there is room for an event about the object. Whoever has used up the share of a namespace takes
// nothing of what is for all.
func (r recorder) admits(regarding runtime.Object) bool {
	namespace := ""
	if o, is := regarding.(metav1.Object); is {
		namespace = o.GetNamespace()
	}
	now := r.now()
	_, connects := regarding.(v1alpha1.Connection)
	return r.shares.Take(namespace, now) && (connects || r.all.AllowN(now, 1))
}

// Eventf records an event.
func (r recorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if !r.admits(regarding) {
		return
	}
	link := ""
	if kind == corev1.EventTypeWarning && r.url != "" {
		link = "; see " + r.url + "#" + strings.ToLower(reason)
	}
	note = text.Clip(text.Line(fmt.Sprintf(note, args...)), most-len(link))
	r.to.Eventf(regarding, related, kind, reason, action, "%s", note+link)
}
