package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// A watch gap is a time in which the operator is told nothing of bindings: its watch is cut, reconnects wait until users
// have done several things, and the resumed watch is answered with 410, as its resource version is too old. The operator
// then lists all bindings anew. Events of the gap are never delivered.

// gap is a watch gap that is open.
type gap struct{ over chan struct{} }

// allBindings says whether a path is that of a list or a watch of bindings.
func allBindings(path string) bool {
	return strings.HasPrefix(path, "/apis/"+v1alpha1.GroupVersion.Group+"/") && strings.HasSuffix(path, "/scopedtokenbindings")
}

// openGap cuts the operator's watch of bindings.
func (g *kubeGate) openGap() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gap == nil {
		g.gap = &gap{make(chan struct{})}
	}
	g.tooOld = true
	for r, cancel := range g.watches {
		if allBindings(r.URL.Path) {
			cancel()
		}
	}
}

// closeGap lets the operator's reconnects through.
func (g *kubeGate) closeGap() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gap != nil {
		close(g.gap.over)
		g.gap = nil
	}
}

// passGap holds a list or watch of bindings while a gap is open, and says whether the API server may answer it: a watch
// that would be resumed where the last one was cut is too old, until the operator has listed anew.
func (g *kubeGate) passGap(rw http.ResponseWriter, r *http.Request) bool {
	g.mu.Lock()
	open := g.gap
	g.mu.Unlock()
	if open != nil {
		select {
		case <-open.over:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tooOld && resumes(r) {
		if g.world != nil {
			g.world.history.notef("api", "410 to the watch of bindings")
			g.world.tally.add("api_watches_too_old", 1)
		}
		status(rw, http.StatusGone, "Expired")
		return false
	}
	if g.gap == nil {
		g.tooOld = false
	}
	return true
}

// resumes says whether a request is a watch from a resource version on, without the state at its beginning.
func resumes(r *http.Request) bool {
	q := r.URL.Query()
	version := q.Get("resourceVersion")
	return q.Get("watch") != "" && version != "" && version != "0" && q.Get("sendInitialEvents") != "true"
}

// eventTee reads the events of a watch on their way to the operator.
type eventTee struct {
	http.ResponseWriter

	unread []byte
	show   func(watch.EventType, *v1alpha1.ScopedTokenBinding)
}

// Unwrap is for http.ResponseController.
func (t *eventTee) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Write implements http.ResponseWriter.
func (t *eventTee) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p)
	if err == nil {
		t.read(p)
	}
	return n, err
}

func (t *eventTee) read(p []byte) {
	t.unread = append(t.unread, p...)
	for {
		var event struct {
			Type   watch.EventType             `json:"type"`
			Object v1alpha1.ScopedTokenBinding `json:"object"`
		}
		decoder := json.NewDecoder(bytes.NewReader(t.unread))
		if decoder.Decode(&event) != nil {
			return
		}
		t.unread = t.unread[decoder.InputOffset():]
		if event.Object.UID != "" {
			t.show(event.Type, &event.Object)
		}
	}
}

// list lets a listing of bindings through, and reads what the operator is shown.
func (g *kubeGate) list(rw http.ResponseWriter, r *http.Request, w *world) {
	response, answer, err := g.forward(r.Context(), r, nil)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var list v1alpha1.ScopedTokenBindingList
	if json.Unmarshal(answer, &list) == nil {
		for i := range list.Items {
			w.showBinding(processOf(r), watch.Added, &list.Items[i])
		}
	}
	giveAnswer(rw, response, answer)
}

// drawGap opens a watch gap, in which users do several things: one or two at once, and what the others are at.
func drawGap(d draw) func(*world) {
	acts, most := d.between(2, 5), time.Duration(d.between(200, 600))*time.Millisecond
	inside := make([]func(*world), d.between(1, 2))
	for i := range inside {
		inside[i] = choose(d, []weighted{{3, drawReplace}, {3, drawVanish}, {2, drawDelete}, {2, drawEditRole}, {1, drawCreate}, {1, drawCopy}})
	}
	return func(w *world) {
		w.history.notef("api", "a watch gap begins: %d acts, %s at most", acts, most)
		w.tally.add("api_watch_gaps", 1)
		w.lane.gate.openGap()
		defer w.lane.gate.closeGap()
		before := w.acts.Load()
		for _, act := range inside {
			act(w)
		}
		for end := time.Now().Add(most); time.Now().Before(end) && w.acts.Load()-before < int64(acts); {
			time.Sleep(5 * time.Millisecond)
		}
		w.history.notef("api", "the watch gap ends")
	}
}
