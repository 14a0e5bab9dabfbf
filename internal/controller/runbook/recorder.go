package runbook

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// URL is where the runbook of a release is published; that of none is the newest. An old release keeps its own: a later
// runbook may have lost a reason, or say what only a later version does.
func URL(release string) string {
	return "https://github.com/scopedtoken/scopedtoken-operator/blob/" + cmp.Or(release, "main") + "/docs/runbook.md"
}

// most is how many bytes the note of an Event may have.
const most = 1024

// Recorder is the given one, whose warnings end with a link to the section of their reason. Without a URL there are none.
func Recorder(to events.EventRecorder, url string) events.EventRecorder {
	if url == "" {
		return to
	}
	return linking{to: to, url: url}
}

type linking struct {
	to  events.EventRecorder
	url string
}

// Eventf records an event.
func (l linking) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if kind != corev1.EventTypeWarning {
		l.to.Eventf(regarding, related, kind, reason, action, note, args...)
		return
	}
	link := "; see " + l.url + "#" + strings.ToLower(reason)
	l.to.Eventf(regarding, related, kind, reason, action, "%s", clip(fmt.Sprintf(note, args...), most-len(link))+link)
}

// clip keeps the note so short that the link is whole: the API server refuses an Event whose note is too long.
func clip(note string, room int) string {
	const dots = "…"
	if len(note) <= room {
		return note
	}
	return strings.ToValidUTF8(note[:max(0, room-len(dots))], "") + dots
}
