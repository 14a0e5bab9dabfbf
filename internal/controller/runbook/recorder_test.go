package runbook

import (
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// heard keeps the last note, formatted as the real recorder formats it.
type heard struct{ note string }

func (h *heard) Eventf(_, _ runtime.Object, _, _, _, note string, args ...any) {
	h.note = strings.ReplaceAll(note, "%s", "%v")
	for _, a := range args {
		h.note = strings.Replace(h.note, "%v", a.(string), 1)
	}
}

func TestRecorder(t *testing.T) {
	long := strings.Repeat("ü", 1000)
	link := "; see " + URL("") + "#tokennotfound"
	cases := map[string]struct {
		reason, url, kind, message, want string
	}{
		"Warning": {
			reason: "A warning ends with the section of its reason.",
			url:    URL(""), kind: corev1.EventTypeWarning, message: "no such token", want: "no such token" + link,
		},
		"Percent": {
			reason: "What Astro said is no format.",
			url:    URL(""), kind: corev1.EventTypeWarning, message: "100%d", want: "100%d" + link,
		},
		"Normal": {
			reason: "Good news needs no runbook.",
			url:    URL(""), kind: corev1.EventTypeNormal, message: "granted", want: "granted",
		},
		"NoURL": {
			reason: "Whoever wants no link has none.",
			kind:   corev1.EventTypeWarning, message: "no such token", want: "no such token",
		},
		"Hostile": {
			reason: "Words of Astro's are on the one line, and do nothing to a terminal.",
			url:    URL(""), kind: corev1.EventTypeWarning, message: "A\n{}\u202e\x1b[31m\u3164\xff", want: "A {}[31m" + link,
		},
		"HostileNormal": {
			reason: "Also in good news.",
			kind:   corev1.EventTypeNormal, message: "A\n{}\u202e\x1b[31m\u3164\xff", want: "A {}[31m",
		},
		"LongNormal": {
			reason: "And what is too long is refused.",
			kind:   corev1.EventTypeNormal, message: long, want: strings.Repeat("ü", (most-3)/2) + "…",
		},
		"Long": {
			reason: "The message is cut, never the link, and never within a letter.",
			url:    URL(""), kind: corev1.EventTypeWarning, message: long, want: strings.Repeat("ü", (most-len(link)-3)/2) + "…" + link,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var to heard
			Recorder(&to, tc.url).Eventf(nil, nil, tc.kind, v1alpha1.ReasonTokenNotFound, "Reconcile", "%s", tc.message)
			if to.note != tc.want {
				t.Errorf("%s\nwant %q\ngot  %q", tc.reason, tc.want, to.note)
			}
			if len(to.note) > most || !utf8.ValidString(to.note) {
				t.Errorf("the API server refuses it: %d bytes, %q", len(to.note), to.note)
			}
		})
	}
}

func TestURL(t *testing.T) {
	for release, want := range map[string]string{
		"v1.2.3": "https://github.com/scopedtoken/scopedtoken-operator/blob/v1.2.3/docs/runbook.md",
		"":       "https://github.com/scopedtoken/scopedtoken-operator/blob/main/docs/runbook.md",
	} {
		if got := URL(release); got != want {
			t.Errorf("release %q: want %s, got %s", release, want, got)
		}
	}
}
