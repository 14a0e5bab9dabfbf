package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// departures tell which bindings vanished, and whether the operator could know. A binding vanishes when its last
// finalizer is removed by somebody else while it is being deleted. The operator then learns of it from a DELETE event, from
// another object under the same name, or from its journal. What happened during a watch gap and stands in no journal
// entry is missing from the next listing, and nothing else tells of it.
type departures struct {
	mu         sync.Mutex
	shown      map[int]map[client.ObjectKey]sighting // by process: the newest state of each object
	learned    map[types.UID]lesson                  // how the last process was told that the object is gone
	begun      map[int]bool                          // processes that are at work: before, watches fill caches, and nobody is told
	gone       map[types.UID]int                     // when it went
	journalled map[types.UID]note                    // what the journal said of the object, later than its going
	pages      map[string]string                     // the journal: the data of each ConfigMap
	clock      int                                   // counts what happens
}

// lesson is that a process was told something.
type lesson struct{ process, at int }

// note is that the journal named an object, and the role that it spoke of; "" if that is whatever is there.
type note struct {
	at   int
	role string
}

// sighting is the state of an object that a process was shown.
type sighting struct {
	uid     types.UID
	claimed bool
}

func newDepartures() *departures {
	return &departures{
		shown: map[int]map[client.ObjectKey]sighting{}, learned: map[types.UID]lesson{}, gone: map[types.UID]int{},
		journalled: map[types.UID]note{}, pages: map[string]string{}, begun: map[int]bool{},
	}
}

// begin records that a process is at work, as its first call to Astro shows.
func (d *departures) begin(process int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun[process] = true
}

// show records an event, or a row of a listing, that a process of the operator was given.
func (d *departures) show(process int, event watch.EventType, key client.ObjectKey, now sighting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	cache := d.shown[process]
	if cache == nil {
		cache = map[client.ObjectKey]sighting{}
		d.shown[process] = cache
	}
	before, known := cache[key]
	switch event {
	case watch.Deleted:
		if d.begun[process] {
			d.learned[now.uid] = lesson{process, d.clock}
		}
		delete(cache, key)
	case watch.Added, watch.Modified:
		if known && before.uid != now.uid && before.claimed && d.begun[process] {
			d.learned[before.uid] = lesson{process, d.clock}
		}
		cache[key] = now
	}
}

// vanish records that an object is gone. What the pages hold at that moment tells the operator nothing: it may be an entry
// that the status says as well, and that is about to be cleared. Only what is written or read later does.
func (d *departures) vanish(uid types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	d.gone[uid] = d.clock
}

// setPage records what a ConfigMap of the operator says; "" if it is gone.
func (d *departures) setPage(name, data string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages[name] = data
	d.clock++
	for uid := range d.gone {
		d.name(uid, data)
	}
}

// name records that a page of the journal names an object that is gone, if it does. An entry that says that the role is to stay
// tells a process nothing of a later wish that it never saw, and one of a role that was about to be given tells nothing of the role
// that an edit asked for later.
func (d *departures) name(uid types.UID, page string) {
	_, entry, named := strings.Cut(page, string(uid))
	entry, _, _ = strings.Cut(entry, "}")
	if !named || strings.Contains(entry, "retain") {
		return
	}
	n := note{at: d.clock}
	if role := entryRole.FindStringSubmatch(entry); role != nil && !strings.Contains(entry, "leaving") {
		n.role = role[1]
	}
	d.journalled[uid] = n
}

// entryRole finds the role of an entry, which is JSON, or JSON in a string of JSON.
var entryRole = regexp.MustCompile(`"role\\?":\\?"([^"\\]*)`)

// journal is the data of all pages.
func (d *departures) journal() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all strings.Builder
	for _, page := range d.pages {
		all.WriteString(page)
	}
	return all.String()
}

// knownAt is when a process could know that an object which had a claim on the role is gone, as it was told or the journal says
// so; 0 if it cannot.
func (d *departures) knownAt(uid types.UID, role string, process int) int {
	at := 0
	if n := d.journalled[uid]; n.role == "" || n.role == role {
		at = n.at
	}
	if l, told := d.learned[uid]; told && l.process == process {
		at = max(at, l.at)
	}
	return at
}

// mustRevoke says whether a process has to revoke the role that several objects had, which are all gone: it can know of
// one, and none of the others was still there by then, as an heir to the role.
func (d *departures) mustRevoke(uids []types.UID, role string, process int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(uids, func(uid types.UID) bool {
		at := d.knownAt(uid, role, process)
		return at > 0 && !slices.ContainsFunc(uids, func(other types.UID) bool { return other != uid && d.gone[other] > at })
	})
}

// page is a ConfigMap, as far as it matters here.
type page struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Data       json.RawMessage   `json:"data"`
	BinaryData map[string][]byte `json:"binaryData"`
}

// pagesOf are the names and the data of the ConfigMaps in an answer: one, or a list of them.
func pagesOf(answer []byte) map[string]string {
	var body struct {
		page

		Items []page `json:"items"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return protobufPagesOf(answer)
	}
	pages := map[string]string{}
	for _, p := range append(body.Items, body.page) {
		if p.Metadata.Name == "" {
			continue
		}
		var data strings.Builder
		data.Write(p.Data)
		for _, value := range p.BinaryData {
			data.Write(value)
		}
		pages[p.Metadata.Name] = data.String()
	}
	return pages
}

// protobufPagesOf is pagesOf for the encoding in which clients usually ask for what Kubernetes itself defines.
func protobufPagesOf(answer []byte) map[string]string {
	object, _, err := clientgoscheme.Codecs.UniversalDeserializer().Decode(answer, nil, nil)
	if err != nil {
		return nil
	}
	var all []corev1.ConfigMap
	switch o := object.(type) {
	case *corev1.ConfigMap:
		all = append(all, *o)
	case *corev1.ConfigMapList:
		all = o.Items
	}
	pages := map[string]string{}
	for i := range all {
		var data strings.Builder
		for _, value := range all[i].Data {
			data.WriteString(value)
		}
		for _, value := range all[i].BinaryData {
			data.Write(value)
		}
		pages[all[i].Name] = data.String()
	}
	return pages
}

// showBinding records a binding that a process of the operator was shown.
func (w *world) showBinding(process int, event watch.EventType, b *v1alpha1.ScopedTokenBinding) {
	w.departures.show(process, event, client.ObjectKeyFromObject(b), sighting{b.UID, w.claimOf(b) != nil})
}
