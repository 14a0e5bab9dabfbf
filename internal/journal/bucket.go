package journal

import (
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// bucket is the entries of some tokens, and the pages that hold them.
type bucket struct {
	number int
	turn   chan struct{} // taken by whoever writes; what others wait to have written goes with it

	mu    sync.Mutex
	slots map[ID]*slot
	pages []*page
	armed bool // a write in the background is due
	err   error
}

// slot is one entry, the page it is on, and whether it is to go from there.
type slot struct {
	entry Entry
	size  int
	on    *page
	gone  bool
}

func newBucket(number int) *bucket {
	return &bucket{number: number, turn: make(chan struct{}, 1), slots: map[ID]*slot{}}
}

// takeUp takes over a page of the bucket that was there before; false if it is none.
func (b *bucket) takeUp(instance string, cm *corev1.ConfigMap, entries map[ID]Entry, own bool) bool {
	var p *page
	for n := 0; p == nil; n++ {
		switch {
		case cm.Name == pageName(instance, b.number, n):
			p = b.page(instance, n)
		case n >= maxOverflow:
			return false
		}
	}
	p.uid, p.version, p.stored = cm.UID, cm.ResourceVersion, entries
	p.suspect = !own && len(cm.Data) > 0
	for id, e := range entries {
		b.slots[id] = &slot{entry: e, size: e.size(), on: p}
	}
	return true
}

// page is the page of the number, which may have to be begun.
func (b *bucket) page(instance string, n int) *page {
	for len(b.pages) <= n {
		b.pages = append(b.pages, &page{name: pageName(instance, b.number, len(b.pages)), stored: map[ID]Entry{}})
	}
	return b.pages[n]
}

// each visits the entries that count.
func (b *bucket) each(visit func(ID, Entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.slots {
		if !s.gone {
			visit(id, s.entry)
		}
	}
}

// enter puts entries in, and returns what takes them out again.
func (b *bucket) enter(k TokenKey, entries []Entry) (undo func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := map[ID]slot{}
	for _, e := range entries {
		id := ID{k, e.UID}
		e.ClaimedAt = e.ClaimedAt.UTC().Truncate(time.Microsecond)
		s := b.slots[id]
		if s == nil {
			s = &slot{gone: true}
			b.slots[id] = s
		}
		before[id] = *s
		s.entry, s.size, s.gone = e, e.size(), false
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for id, old := range before {
			if s := b.slots[id]; s != nil {
				s.entry, s.size, s.gone = old.entry, old.size, old.gone
			}
		}
	}
}

// drop marks entries that are to go; false if there are none.
func (b *bucket) drop(k TokenKey, uids []types.UID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	some := false
	for _, uid := range uids {
		if s := b.slots[ID{k, uid}]; s != nil && !s.gone {
			s.gone, some = true, true
		}
	}
	return some
}

func (b *bucket) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// forget drops the entries that were to go from the page.
func (b *bucket) forget(p *page) {
	maps.DeleteFunc(b.slots, func(id ID, s *slot) bool {
		_, there := p.stored[id]
		return s.gone && s.on == p && !there
	})
}
