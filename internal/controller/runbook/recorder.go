package runbook

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
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
	return recorder{to: to, url: url}
}

type recorder struct {
	to  events.EventRecorder
	url string
}

// Eventf records an event.
func (r recorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	link := ""
	if kind == corev1.EventTypeWarning && r.url != "" {
		link = "; see " + r.url + "#" + strings.ToLower(reason)
	}
	note = text.Clip(text.Line(fmt.Sprintf(note, args...)), most-len(link))
	r.to.Eventf(regarding, related, kind, reason, action, "%s", note+link)
}
