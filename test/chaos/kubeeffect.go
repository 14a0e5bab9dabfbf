package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// kubeEffect is one write of the operator to the API server.
type kubeEffect struct {
	world     *world
	what      string // finalizer, release, journal, status, connection, connection_status, event, other
	path      string
	body      []byte
	violation *problem // what the write would be, if the API server takes it
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
	case strings.Contains(r.URL.Path, "/configmaps"):
		e.what = "journal"
	case strings.Contains(r.URL.Path, "/scopedtokenbindings/") && e.delays():
		e.what = "finalizer"
	case strings.Contains(r.URL.Path, "/scopedtokenbindings/"):
		e.what = "release"
	case strings.Contains(r.URL.Path, "astroconnections/") && isStatus:
		e.what = "connection_status"
	case strings.Contains(r.URL.Path, "astroconnections/"):
		e.what = "connection"
	}
	return e
}

// delays says whether a patch of a binding puts the operator's finalizer there.
func (e *kubeEffect) delays() bool {
	var patch struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	return json.Unmarshal(e.body, &patch) == nil && slices.Contains(patch.Metadata.Finalizers, v1alpha1.FinalizerRevoke)
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
	e.world.activity.touch()
	e.world.scanSecrets(e.what+" "+e.path, string(e.body))
	if e.what == "release" {
		e.violation = e.world.judgeRelease(e.path)
	}
}

// done takes in what the API server answered.
func (e *kubeEffect) done(code int, answer []byte) {
	e.world.activity.touch()
	if e.what == "event" {
		return
	}
	if code != http.StatusConflict && !e.counts() { // after a conflict it is still to be written
		e.world.activity.write()
	}
	if code != http.StatusOK && code != http.StatusCreated {
		e.notef("-> %d", code)
		return
	}
	if e.violation != nil {
		e.world.violationf(e.violation.kind, "%s", e.violation.text)
	}
	switch e.what {
	case "journal":
		e.journalled(answer)
	case "finalizer", "release", "status":
		var b v1alpha1.ScopedTokenBinding
		if json.Unmarshal(answer, &b) == nil && b.UID != "" {
			e.world.patched(e, &b)
			return
		}
	}
	e.notef("-> %d %s", code, clip(string(e.body), 300))
}

// journalled takes in a page of the journal as the operator has left it.
func (e *kubeEffect) journalled(answer []byte) {
	pages := pagesOf(answer)
	if strings.HasPrefix(e.path, http.MethodDelete) {
		pages = map[string]string{e.path[strings.LastIndex(e.path, "/")+1:]: ""}
	}
	for name, data := range pages {
		e.world.departures.setPage(name, data)
	}
}

// patched takes in a binding as the operator's patch has left it.
func (w *world) patched(e *kubeEffect, b *v1alpha1.ScopedTokenBinding) {
	switch e.what {
	case "status":
		e.notef("-> %s %s (version %s of %s)", readyWords(b), claimWords(b), b.ResourceVersion, b.UID)
	default:
		e.notef("-> finalizers %v of %s", b.Finalizers, b.UID)
	}
	held := w.claimOf(b)
	w.facts.mu.Lock()
	defer w.facts.mu.Unlock()
	// What goes with its last finalizer is answered as it was.
	if w.facts.versions[b.UID] == b.ResourceVersion && (b.DeletionTimestamp.IsZero() || len(b.Finalizers) > 0) {
		w.violationf(needless, "%s changed nothing of %s: %s", e.path, b.Name, clip(string(e.body), 300))
	}
	w.facts.versions[b.UID] = b.ResourceVersion
	w.facts.reported[b.UID] = w.facts.reported[b.UID] || e.what == "status" && b.DeletionTimestamp.IsZero()
	w.judgePin(b)
	w.facts.hold(e.what, b, held)
}

// judgePin sees that a binding by name stays with the target that it was found to stand for, unless its user has confirmed
// another one.
func (w *world) judgePin(b *v1alpha1.ScopedTokenBinding) {
	was, is := w.facts.pinned[b.UID], b.Status.Target.ID
	if was != "" && is != "" && is != was && !w.facts.confirmed[confirmation{b.UID, is}] && b.Annotations[v1alpha1.AnnotationConfirmTarget] != is {
		w.violationf(foreign, "%s/%s is moved from target %s to %s, which nobody has confirmed", b.Namespace, b.Name, was, is)
	}
	if is != "" {
		w.facts.pinned[b.UID] = is
	}
}

// hold takes in whether a binding has its claim after a patch.
func (f *facts) hold(what string, b *v1alpha1.ScopedTokenBinding, held *heldClaim) {
	was, known := f.holders[b.UID]
	switch {
	case what == "release":
		if known && b.Spec.Mode == v1alpha1.ModeObserve {
			f.retained[was.place] = true // it came to observe before its claim was written
		}
		delete(f.holders, b.UID)
		f.released[b.UID] = true
	case held != nil:
		f.held[held.place] = true
		f.holders[b.UID] = holder{held.place, b.UID, leavesRole(b)}
		f.released[b.UID] = false
	case known && b.Status.Claim != nil && b.Status.Claim.State == v1alpha1.ClaimReleased:
		if b.Spec.Mode == v1alpha1.ModeObserve {
			f.retained[was.place] = true // who only observes leaves the role
		}
		delete(f.holders, b.UID)
	case known && what == "status" && b.Spec.Mode == v1alpha1.ModeObserve && b.Status.ObservedGeneration == b.Generation:
		f.retained[was.place] = true // the same, where somebody has stripped its finalizer
		delete(f.holders, b.UID)
	}
}

func claimWords(b *v1alpha1.ScopedTokenBinding) string {
	if b.Status.Claim == nil {
		return "no claim"
	}
	return fmt.Sprintf("%s by %s at %s", b.Status.Claim.State, b.Status.Claim.UID, b.Status.Claim.ClaimedAt.Format("15:04:05.000000"))
}

func readyWords(b *v1alpha1.ScopedTokenBinding) string {
	for _, c := range b.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return string(c.Status) + "/" + c.Reason + " role=" + b.Status.Role + " " + clip(c.Message, 160)
		}
	}
	return "no Ready"
}

// sawVersion remembers the newest version of an object that anybody has seen.
func (w *world) sawVersion(o metav1.Object) {
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
