package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Label marks the pages of all journals. Its value is the instance that writes them.
	Label = "astro.scopedtoken.dev/journal"
	// annotationUID is the uid of the very ConfigMap that a page was written to. A page that was restored or cloned is
	// another object, and names this one still.
	annotationUID = "astro.scopedtoken.dev/journal-uid"
	// annotationWriter is the process that wrote a page last.
	annotationWriter = "astro.scopedtoken.dev/journal-writer"

	// buckets is how many groups of tokens there are. Each has a page, and more only where one does not hold all. The
	// number must stay the same, since the pages of a process before are found by it.
	buckets = 16
	// maxPage is how many bytes of entries go on a page before another is begun.
	maxPage = 95_000
	// maxLabel is how long the value of a label may be.
	maxLabel = 63
)

// page is one ConfigMap as this process knows it.
type page struct {
	name    string
	uid     types.UID // "" if it is not known to exist
	version string
	stored  map[ID]Entry
	suspect bool // it may hold something else than what is known, since a write failed or somebody else wrote
}

// lost notes that the page does not exist any more.
func (p *page) lost() {
	p.uid, p.version, p.stored, p.suspect = "", "", map[ID]Entry{}, false
}

// mayHold reports whether the entry is on the page, as far as is known.
func (p *page) mayHold(id ID) bool {
	_, stored := p.stored[id]
	return stored || p.suspect
}

// bucketOf is the bucket of a token.
func bucketOf(k TokenKey) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.String())) // a hash takes everything
	return int(h.Sum32() % buckets)
}

// pageName names the pages of an instance; those of a bucket are counted from 0.
func pageName(instance string, bucket, n int) string {
	name := fmt.Sprintf("%s-journal-%02d", instance, bucket)
	if n > 0 {
		name += fmt.Sprintf("-%d", n)
	}
	return name
}

// labelValue is an instance's name as the value of a label.
func labelValue(instance string) string {
	if len(instance) <= maxLabel {
		return instance
	}
	sum := sha256.Sum256([]byte(instance))
	return "sha256-" + hex.EncodeToString(sum[:16])
}

// recordKey is the key under which a page has the entries of a token.
func recordKey(k TokenKey) string {
	sum := sha256.Sum256([]byte(k.Host))
	return k.Organization + "." + k.Token + "." + hex.EncodeToString(sum[:4])
}

// configMap is the page as it is written.
func (p *page) configMap(o Options, entries map[ID]Entry) (*corev1.ConfigMap, error) {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: o.Namespace, Name: p.name, UID: p.uid, ResourceVersion: p.version,
		Labels: map[string]string{Label: labelValue(o.Instance)},
	}}
	if p.uid == "" {
		return cm, nil
	}
	cm.Annotations = map[string]string{annotationUID: string(p.uid), annotationWriter: o.Writer}
	cm.Data = map[string]string{}
	for _, r := range records(entries) {
		data, err := r.encode()
		if err != nil {
			return nil, err
		}
		cm.Data[recordKey(r.TokenKey)] = data
	}
	return cm, nil
}

// records are the entries by token, each in the order of their uids.
func records(entries map[ID]Entry) []record {
	byToken := map[TokenKey][]Entry{}
	for id, e := range entries {
		byToken[id.Token] = append(byToken[id.Token], e)
	}
	all := make([]record, 0, len(byToken))
	for k, list := range byToken {
		slices.SortFunc(list, byUID)
		all = append(all, record{TokenKey: k, Entries: list})
	}
	return all
}

func byUID(a, b Entry) int { return cmp.Compare(a.UID, b.UID) }

// read returns the entries of a page. One that was written as another object is not looked into: what it has is of some
// other time. What cannot be decoded is left out, and said.
func read(cm *corev1.ConfigMap) (entries map[ID]Entry, own bool, err error) {
	entries = map[ID]Entry{}
	if cm.UID == "" || cm.Annotations[annotationUID] != string(cm.UID) {
		return entries, false, nil
	}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(cm.Data)) {
		r, err := decode(cm.Data[key])
		if err != nil {
			faults = append(faults, fmt.Errorf("%s of ConfigMap %s/%s: %w", key, cm.Namespace, cm.Name, err))
			continue
		}
		for _, e := range r.Entries {
			e.Recovered = true
			entries[ID{r.TokenKey, e.UID}] = e
		}
	}
	return entries, true, errors.Join(faults...)
}
