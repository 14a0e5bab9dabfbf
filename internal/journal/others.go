package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// foreign is an entry of another instance, and the page that it is on.
type foreign struct {
	Entry

	id   ID
	page string
}

// Owns tells which entries of other instances are for this one to deal with: those are taken off their pages once they are settled. Else
// the next process finds them, and takes what somebody has given since for what they speak of. Without it all are.
func (j *Journal) Owns(owns func(Entry) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.owns = owns
}

func (j *Journal) othersOf(k TokenKey) []foreign {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.others[k])
}

// settle notes that the entries of other instances about the bindings are dealt with. They go from their pages in a while.
func (j *Journal) settle(k TokenKey, uids []types.UID, open bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, uid := range uids {
		if open {
			j.tokens[uid] = k
		} else if j.tokens[uid] == k {
			delete(j.tokens, uid)
		}
	}
	var left []foreign
	for _, e := range j.others[k] {
		if slices.Contains(uids, e.UID) {
			j.dealtWith = append(j.dealtWith, e)
		} else {
			left = append(left, e)
		}
	}
	if len(left) == 0 {
		delete(j.others, k)
	} else {
		j.others[k] = left
	}
	if len(j.dealtWith) > 0 {
		j.sweepIn(j.options.Clearing)
	}
}

// sweepIn takes what is settled off the pages of others in a while. The lock is held.
func (j *Journal) sweepIn(wait time.Duration) {
	if j.sweeping || j.ctx.Err() != nil {
		return
	}
	j.sweeping = true
	time.AfterFunc(wait, func() {
		ctx, cancel := context.WithTimeout(j.ctx, patience)
		defer cancel()
		if err := j.sweepOthers(ctx); err != nil {
			log.FromContext(ctx).Error(err, "entries of other instances are dealt with, and still in their journals")
		}
	})
}

// sweepOthers takes what is settled off the pages of others. What cannot be taken off stays to be, for a while later.
func (j *Journal) sweepOthers(ctx context.Context) error {
	j.mu.Lock()
	due, owns := j.dealtWith, j.owns
	j.dealtWith, j.sweeping = nil, false
	j.mu.Unlock()
	pages := map[string][]foreign{}
	for _, e := range due {
		if owns == nil || owns(e.Entry) {
			pages[e.page] = append(pages[e.page], e)
		}
	}
	var faults []error
	for name, entries := range pages {
		if err := j.takeOff(ctx, name, entries); err != nil {
			faults = append(faults, err)
			j.mu.Lock()
			j.dealtWith = append(j.dealtWith, entries...)
			j.sweepIn(pause)
			j.mu.Unlock()
		}
	}
	return errors.Join(faults...)
}

// takeOff writes a page of another instance without the entries, as far as they are there unchanged. Where that instance runs, and
// holds them still, it writes them again.
func (j *Journal) takeOff(ctx context.Context, name string, gone []foreign) error {
	if j.options.Fence != nil {
		if err := j.options.Fence(); err != nil {
			return err
		}
	}
	var cm corev1.ConfigMap
	if err := j.reader.Get(ctx, client.ObjectKey{Namespace: j.options.Namespace, Name: name}, &cm); err != nil {
		return client.IgnoreNotFound(err)
	}
	if cm.UID == "" || cm.Annotations[annotationUID] != string(cm.UID) {
		return nil // what it has is of some other time, and nobody reads it
	}
	changed := false
	for _, g := range gone {
		key := recordKey(g.id.Token)
		r, err := decode(cm.Data[key])
		if err != nil {
			continue // nobody reads it either
		}
		left := slices.DeleteFunc(slices.Clone(r.Entries), func(e Entry) bool { return g.id == (ID{r.TokenKey, e.UID}) && g.same(e) })
		switch {
		case len(left) == len(r.Entries):
			continue
		case len(left) == 0:
			delete(cm.Data, key)
		default:
			if cm.Data[key], err = (record{TokenKey: r.TokenKey, Entries: left}).encode(); err != nil {
				return err
			}
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if err := j.writer.Update(ctx, &cm); err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("update ConfigMap %s/%s of another instance: %w", cm.Namespace, cm.Name, err)
	}
	return nil
}
