package main

import (
	"maps"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// write stores an object and lets the watch know.
func (s *state) write(name int, b *v1alpha1.ScopedTokenBinding) *object {
	s.writes[name]++
	b.ResourceVersion = strconv.Itoa(int(s.writes[name]))
	o := &object{ScopedTokenBinding: b, name: name, code: codeOf(b)}
	s.server[name] = o
	s.events = append(slices.Clip(s.events), event{name: name, object: o})
	return o
}

// edit writes an object as changed; one that is being deleted goes with its last finalizer.
func (s *state) edit(name int, change func(*v1alpha1.ScopedTokenBinding)) *object {
	b := s.server[name].DeepCopy()
	change(b)
	o := s.write(name, b)
	if b.DeletionTimestamp != nil && len(b.Finalizers) == 0 {
		s.events = s.events[:len(s.events)-1]
		s.remove(name)
	}
	return o
}

// remove takes an object out of the API server. The watch shows it as it was last.
func (s *state) remove(name int) {
	s.events = append(slices.Clip(s.events), event{name: name, object: s.server[name], deleted: true})
	s.server[name], s.stale[name] = nil, false
}

// vanish remembers that an object goes without the operator, and that its role may stay.
func (s *state) vanish(b *v1alpha1.ScopedTokenBinding) {
	if mayStay(b) {
		s.excused[target(b)] = true
	}
}

// deliver lets the operator's cache see the next event.
func (s *state) deliver() {
	e := s.events[0]
	s.events = s.events[1:]
	before := s.cache[e.name]
	if e.deleted {
		s.cache[e.name] = nil
		s.goneFromCache(e.object, true)
	} else {
		s.cache[e.name] = e.object
		if before != nil && before.UID != e.object.UID {
			s.goneFromCache(before, true)
		}
	}
	if own := s.proc.own[e.name]; e.deleted || own == nil || own.ResourceVersion != e.object.ResourceVersion {
		s.proc.queued = true // what the process has written itself is handled already
	}
	s.ownShown(e.name)
}

// relist drops the events that the watch has missed and shows the operator what is there: an object that was made again
// looks like an update to another uid, one that is gone is only missing.
func (s *state) relist() {
	s.events = nil
	for n := range names {
		before, now := s.cache[n], s.server[n]
		s.cache[n] = now
		if before != nil && (now == nil || now.UID != before.UID) {
			s.goneFromCache(before, now != nil)
		}
		s.ownShown(n)
	}
	s.proc.queued = true
}

// ownShown forgets the process's own write once the cache shows it, or something later. While a reconcile gathers, what it has
// seen before may be older still.
func (s *state) ownShown(name int) {
	own, now := s.proc.own[name], s.cache[name]
	if own != nil && now != nil && s.proc.gathering == nil && version(now.ScopedTokenBinding) >= version(own.ScopedTokenBinding) {
		s.proc.own[name] = nil
	}
}

// goneFromCache takes in that an object is gone. One that went with its claim without the operator having let it go is an
// orphan, if that was seen; of one that is only missing only what the journal has of this process counts.
func (s *state) goneFromCache(o *object, seen bool) {
	if own := s.proc.own[o.name]; own != nil && own.UID == o.UID {
		if version(own.ScopedTokenBinding) > version(o.ScopedTokenBinding) {
			o = own
		}
		s.proc.own[o.name] = nil
	}
	switch {
	case s.proc.released[o.UID]:
		s.proc.released = maps.Clone(s.proc.released)
		delete(s.proc.released, o.UID)
	case !claims(o.ScopedTokenBinding):
	case seen:
		s.proc.orphans = append(slices.Clip(s.proc.orphans), orphan{object: o})
	default: // it is kept and counted, and the connection says so
		s.excused[target(o.ScopedTokenBinding)] = true
	}
}

// deleteObject is a user's deletion, as the API server carries it out.
func (s *state) deleteObject(name int) {
	o := s.server[name]
	if len(o.Finalizers) == 0 {
		s.vanish(o.ScopedTokenBinding)
		s.remove(name)
		return
	}
	s.edit(name, func(b *v1alpha1.ScopedTokenBinding) {
		at := metav1.NewTime(epoch)
		b.DeletionTimestamp = &at
		b.Generation++
	})
}
