package journal

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// attempts is how often a page is written anew after somebody else wrote it.
	attempts = 5
	// patience is how long a write in the background may take.
	patience = 10 * time.Second
	// pause is how long a failed write in the background is left alone.
	pause = 5 * time.Second
)

// maxOverflow is how many pages of a bucket are looked for.
const maxOverflow = 1000

// clearLater writes the bucket in a while, unless somebody does so before.
func (b *bucket) clearLater(j *Journal) { b.writeIn(j, j.options.Clearing) }

func (b *bucket) writeIn(j *Journal, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed || j.ctx.Err() != nil {
		return
	}
	b.armed = true
	time.AfterFunc(wait, func() {
		b.mu.Lock()
		b.armed = false
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(j.ctx, patience)
		defer cancel()
		if b.commit(ctx, j) != nil {
			b.writeIn(j, pause)
		}
	})
}

// commit brings the pages to what the bucket holds. Whoever waits for its turn meanwhile finds its own entries stored.
func (b *bucket) commit(ctx context.Context, j *Journal) error {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-b.turn }()
	err := b.write(ctx, j)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
	return err
}

func (b *bucket) write(ctx context.Context, j *Journal) error {
	for range attempts {
		due := b.due(j.options.Instance)
		if len(due) == 0 {
			return nil
		}
		if err := b.writeAll(ctx, j, due); err != nil {
			return err
		}
	}
	return fmt.Errorf("somebody else keeps writing the pages of bucket %d", b.number)
}

// due are the pages that hold something else than they should, with what they should hold.
func (b *bucket) due(instance string) map[*page]map[ID]Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	want, used := map[*page]map[ID]Entry{}, map[*page]int{}
	for _, p := range b.pages {
		want[p] = map[ID]Entry{}
	}
	put := func(id ID, s *slot) {
		if want[s.on] == nil {
			want[s.on] = map[ID]Entry{}
		}
		want[s.on][id] = s.entry
		used[s.on] += s.size
	}
	for id, s := range b.slots {
		switch {
		case s.gone && (s.on == nil || !s.on.mayHold(id)):
			delete(b.slots, id)
		case s.on != nil && !s.gone:
			put(id, s)
		}
	}
	for id, s := range b.slots {
		if s.on == nil {
			s.on = b.room(instance, used, s.size)
			put(id, s)
		}
	}
	maps.DeleteFunc(want, func(p *page, entries map[ID]Entry) bool {
		return !p.suspect && maps.EqualFunc(p.stored, entries, Entry.same)
	})
	return want
}

// room is the first page with room for so many bytes.
func (b *bucket) room(instance string, used map[*page]int, size int) *page {
	for n := 0; ; n++ {
		if p := b.page(instance, n); used[p] == 0 || used[p]+size <= maxPage {
			return p
		}
	}
}

func (b *bucket) writeAll(ctx context.Context, j *Journal, due map[*page]map[ID]Entry) error {
	for _, p := range b.pages { // by nobody else than whoever has the turn
		entries, is := due[p]
		if !is {
			continue
		}
		if err := b.store(ctx, j, p, entries); err != nil {
			return err
		}
	}
	return nil
}

// store writes one page. Where somebody else has written it, or deleted it, what is there now is taken in, and the page is
// due again.
func (b *bucket) store(ctx context.Context, j *Journal, p *page, entries map[ID]Entry) error {
	if j.options.Fence != nil {
		if err := j.options.Fence(); err != nil {
			return err
		}
	}
	if p.uid == "" {
		if err := b.begin(ctx, j, p); err != nil || p.suspect {
			return err
		}
	}
	cm, err := p.configMap(j.options, entries)
	if err != nil {
		return err
	}
	err = j.writer.Update(ctx, cm)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		p.uid, p.version, p.stored, p.suspect = cm.UID, cm.ResourceVersion, entries, false
		b.forget(p)
		return nil
	case apierrors.IsConflict(err):
		return b.reread(ctx, j, p)
	case apierrors.IsNotFound(err):
		p.lost()
		return nil
	default:
		p.suspect = true // it may have been stored all the same
		return fmt.Errorf("update ConfigMap %s/%s: %w", cm.Namespace, cm.Name, err)
	}
}

// begin makes the page's ConfigMap, empty, so that it has a uid to name. suspect says that it is there already.
func (b *bucket) begin(ctx context.Context, j *Journal, p *page) error {
	p.suspect = false
	cm, err := p.configMap(j.options, nil)
	if err != nil {
		return err
	}
	err = j.writer.Create(ctx, cm)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		p.uid, p.version, p.stored = cm.UID, cm.ResourceVersion, map[ID]Entry{}
		return nil
	case apierrors.IsAlreadyExists(err):
		return b.reread(ctx, j, p)
	default:
		return fmt.Errorf("create ConfigMap %s/%s: %w", cm.Namespace, cm.Name, err)
	}
}

// reread takes in what a page holds that somebody else has written. Entries that this process does not know are kept, and
// name a second writer.
func (b *bucket) reread(ctx context.Context, j *Journal, p *page) error {
	p.suspect = true
	var cm corev1.ConfigMap
	err := j.reader.Get(ctx, client.ObjectKey{Namespace: j.options.Namespace, Name: p.name}, &cm)
	if apierrors.IsNotFound(err) {
		p.lost()
		return nil
	}
	if err != nil {
		return fmt.Errorf("read ConfigMap %s/%s again: %w", j.options.Namespace, p.name, err)
	}
	entries, _, _ := read(&cm) // what cannot be read goes with the next write
	var unknown []ID
	for id, e := range entries {
		if b.slots[id] == nil {
			b.slots[id] = &slot{entry: e, size: e.size(), on: p}
			unknown = append(unknown, id)
		}
	}
	p.uid, p.version, p.stored = cm.UID, cm.ResourceVersion, entries
	if len(unknown) > 0 {
		go j.meet(&cm, unknown) // which may wait for somebody who waits for this
	}
	return nil
}
