package main

import (
	"encoding/json"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// kubeEffect is one write of the operator to the API server.
type kubeEffect struct {
	world *world
	what  string // hold, release, status, connection, connection_status, event, other
	path  string
	body  []byte
	lie   *problem // what the write would be, if the API server takes it
}

// kubeEffect tells what a write is.
func (w *world) kubeEffect(r *http.Request, body []byte) *kubeEffect {
	e := &kubeEffect{world: w, path: r.Method + " " + shortPath(r.URL.Path), body: body, what: "other"}
	isStatus := strings.HasSuffix(r.URL.Path, "/status")
	switch {
	case strings.Contains(r.URL.Path, "/events"):
		e.what = "event"
	case strings.Contains(r.URL.Path, "/scopedtokenbindings/") && isStatus:
		e.what = "status"
	case strings.Contains(r.URL.Path, "/scopedtokenbindings/") && e.holds():
		e.what = "hold"
	case strings.Contains(r.URL.Path, "/scopedtokenbindings/"):
		e.what = "release"
	case strings.Contains(r.URL.Path, "astroconnections/") && isStatus:
		e.what = "connection_status"
	case strings.Contains(r.URL.Path, "astroconnections/"):
		e.what = "connection"
	}
	return e
}

func (e *kubeEffect) holds() bool {
	var patch struct {
		Metadata struct {
			Annotations map[string]*string `json:"annotations"`
		} `json:"metadata"`
	}
	_ = json.Unmarshal(e.body, &patch)
	return patch.Metadata.Annotations[v1alpha1.AnnotationHeld] != nil
}

func (e *kubeEffect) notef(format string, args ...any) {
	e.world.history.notef("patch", e.what+" "+e.path+" "+format, args...)
}

// counts says whether a write is one that a sweep is allowed: it renews the number of bindings in a connection's status,
// and answers that the sweep was made.
func (e *kubeEffect) counts() bool {
	var patch struct {
		Status map[string]json.RawMessage `json:"status"`
	}
	if e.what != "connection_status" || json.Unmarshal(e.body, &patch) != nil {
		return false
	}
	delete(patch.Status, "bindings")
	delete(patch.Status, "lastHandledReconcileAt")
	return len(patch.Status) == 0
}

// arrive checks what may be told before the write takes effect.
func (e *kubeEffect) arrive() {
	e.world.rest.touch()
	e.world.scanSecrets(e.what+" "+e.path, string(e.body))
	if e.what != "event" && !e.counts() {
		e.world.rest.write()
	}
	if e.what == "release" {
		e.lie = e.world.judgeRelease(e.path)
	}
}

// done takes in what the API server answered.
func (e *kubeEffect) done(code int, answer []byte) {
	e.world.rest.touch()
	if e.what == "event" {
		return
	}
	if code != http.StatusOK && code != http.StatusCreated {
		e.notef("-> %d", code)
		return
	}
	if e.lie != nil {
		e.world.brokenf(e.lie.kind, "%s", e.lie.text)
	}
	switch e.what {
	case "hold", "release", "status":
		var b v1alpha1.ScopedTokenBinding
		if json.Unmarshal(answer, &b) == nil && b.UID != "" {
			e.world.patched(e, &b)
			return
		}
	}
	e.notef("-> %d %s", code, clip(string(e.body), 300))
}

// patched takes in a binding as the operator's patch has left it.
func (w *world) patched(e *kubeEffect, b *v1alpha1.ScopedTokenBinding) {
	held := heldOf(b)
	switch e.what {
	case "hold":
		e.notef("-> %s %v of %s", b.Annotations[v1alpha1.AnnotationHeld], b.Finalizers, b.UID)
	case "status":
		e.notef("-> %s (version %s of %s)", readyWords(b), b.ResourceVersion, b.UID)
	default:
		e.notef("-> finalizers %v of %s", b.Finalizers, b.UID)
	}
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	// What goes with its last finalizer is answered as it was.
	if w.facts.versions[b.UID] == b.ResourceVersion && (b.DeletionTimestamp.IsZero() || len(b.Finalizers) > 0) {
		w.brokenf(needless, "%s changed nothing of %s: %s", e.path, b.Name, clip(string(e.body), 300))
	}
	w.facts.versions[b.UID] = b.ResourceVersion
	if held != nil {
		w.facts.held[placeOf(held)] = true
		w.facts.holders[b.UID] = holder{placeOf(held), w.operator.process(), b.Spec.DeletionPolicy == v1alpha1.DeletionRetain}
	} else if e.what == "release" {
		delete(w.facts.holders, b.UID)
	}
}

func readyWords(b *v1alpha1.ScopedTokenBinding) string {
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return string(c.Status) + "/" + c.Reason + " role=" + b.Status.Role + " " + clip(c.Message, 160)
		}
	}
	return "no Ready"
}

// seen remembers the newest version of an object that anybody has seen.
func (w *world) seen(o metav1.Object) {
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	w.facts.versions[o.GetUID()] = o.GetResourceVersion()
}

func shortPath(path string) string {
	if _, within, found := strings.Cut(path, "/namespaces/"); found {
		return within
	}
	return path[strings.LastIndex(path, "/v1alpha1/")+1:]
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
