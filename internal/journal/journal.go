package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// MaxClaims is how many claims may be entered at a time.
	MaxClaims = 250
	// clearing is how long cleared entries are gathered before a page is written for their sake.
	clearing = time.Second
	// strangerSeen is for how long a second writer is told of.
	strangerSeen = time.Minute
)

// Options are what a journal needs.
type Options struct {
	// Namespace of the pages.
	Namespace string
	// Instance whose pages are written. The pages of others are read when the journal is opened.
	Instance string
	// Writer names this process, for another one that finds its entries.
	Writer string
	// Fence says why nothing may be written at the moment; nil if there is never a reason.
	Fence func() error
	// Found is told of tokens with entries that somebody else has written meanwhile; nil for nobody.
	Found func(TokenKey)
	// Clearing is how long cleared entries are gathered; a second if zero.
	Clearing time.Duration
}

// Journal is the log of one instance. It is safe for concurrent use. Only one process may have it open for writing.
type Journal struct {
	options Options
	ctx     context.Context //nolint:containedctx // of what is cleared in the background
	reader  client.Reader
	writer  client.Client
	buckets [buckets]*bucket

	mu         sync.Mutex
	others     map[TokenKey][]foreign // of other instances, as they were when the journal was opened, until they are dealt with
	dealtWith  []foreign              // dealt with, and still on their pages
	sweeping   bool                   // they are about to be taken off
	owns       func(Entry) bool       // whether an entry is for this instance to deal with
	tokens     map[types.UID]TokenKey // of the last entry of a binding
	stranger   error
	strangerAt time.Time
}

// Open reads the journals of all instances, past any cache, and returns the one of the instance. The context ends what the
// journal does in the background.
func Open(ctx context.Context, reader client.Reader, writer client.Client, o Options) (*Journal, error) {
	if o.Clearing <= 0 {
		o.Clearing = clearing
	}
	j := &Journal{options: o, ctx: ctx, reader: reader, writer: writer, others: map[TokenKey][]foreign{}, tokens: map[types.UID]TokenKey{}}
	for i := range j.buckets {
		j.buckets[i] = newBucket(i)
	}
	var list corev1.ConfigMapList
	if err := reader.List(ctx, &list, client.InNamespace(o.Namespace), client.HasLabels{Label}); err != nil {
		return nil, fmt.Errorf("list the pages of the journals: %w", err)
	}
	for i := range list.Items {
		if err := j.takeUp(ctx, &list.Items[i]); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// takeUp takes over a page that was there before.
func (j *Journal) takeUp(ctx context.Context, cm *corev1.ConfigMap) error {
	entries, own, err := read(cm)
	if err != nil {
		log.FromContext(ctx).Error(err, "some entries of the journal cannot be read")
	}
	if cm.Labels[Label] != labelValue(j.options.Instance) {
		for id, e := range entries {
			j.others[id.Token] = append(j.others[id.Token], foreign{e, id, cm.Name})
			j.tokens[e.UID] = id.Token
		}
		return nil
	}
	for id := range entries {
		j.tokens[id.UID] = id.Token
	}
	for _, b := range j.buckets {
		if b.takeUp(j.options.Instance, cm, entries, own) {
			return nil
		}
	}
	if len(cm.Data) == 0 {
		return nil
	}
	cm.Data = nil // a clone under a name of its own
	if err := j.writer.Update(ctx, cm); err != nil {
		return fmt.Errorf("empty ConfigMap %s/%s, a copy of a page of the journal: %w", cm.Namespace, cm.Name, err)
	}
	return nil
}

// Tokens are those of which there are entries.
func (j *Journal) Tokens() []TokenKey {
	seen := map[TokenKey]bool{}
	j.each(func(k TokenKey, _ Entry) { seen[k] = true })
	return slices.Collect(maps.Keys(seen))
}

// Entries are those of a token, in the order of their uids.
func (j *Journal) Entries(k TokenKey) []Entry {
	var all []Entry
	own := map[types.UID]bool{}
	j.buckets[bucketOf(k)].each(func(id ID, e Entry) {
		if id.Token == k {
			own[e.UID] = true
			all = append(all, e)
		}
	})
	for _, e := range j.othersOf(k) {
		if !own[e.UID] {
			all = append(all, e.Entry)
		}
	}
	slices.SortFunc(all, byUID)
	return all
}

// Find is the entry that was made last for a binding.
func (j *Journal) Find(uid types.UID) (k TokenKey, e Entry, found bool) {
	j.mu.Lock()
	k, known := j.tokens[uid]
	j.mu.Unlock()
	if !known {
		return TokenKey{}, Entry{}, false
	}
	for _, e := range j.Entries(k) {
		if e.UID == uid {
			return k, e, true
		}
	}
	return TokenKey{}, Entry{}, false
}

// Count is how many entries match.
func (j *Journal) Count(match func(TokenKey, Entry) bool) int {
	n := 0
	j.each(func(k TokenKey, e Entry) {
		if match(k, e) {
			n++
		}
	})
	return n
}

func (j *Journal) each(visit func(TokenKey, Entry)) {
	j.mu.Lock()
	others := maps.Clone(j.others)
	j.mu.Unlock()
	for k, list := range others {
		for _, e := range list {
			visit(k, e.Entry)
		}
	}
	for _, b := range j.buckets {
		b.each(func(id ID, e Entry) { visit(id.Token, e) })
	}
}

func uidsOf(entries []Entry) []types.UID {
	uids := make([]types.UID, 0, len(entries))
	for _, e := range entries {
		uids = append(uids, e.UID)
	}
	return uids
}

var errTooMany = fmt.Errorf("more than %d claims in one write of the journal", MaxClaims)

// Write enters claims on a token, in place of those of the same bindings, and returns once they are stored. Where it
// returns an error they are not entered, and nothing must be granted for them.
func (j *Journal) Write(ctx context.Context, k TokenKey, entries ...Entry) error {
	if len(entries) > MaxClaims {
		return errTooMany
	}
	b := j.buckets[bucketOf(k)]
	undo := b.enter(k, entries)
	if err := b.commit(ctx, j); err != nil {
		undo()
		b.clearLater(j)
		return fmt.Errorf("write the journal of token %s: %w", k, err)
	}
	j.settle(k, uidsOf(entries), true)
	return nil
}

// Withdraw takes entries back of bindings that were given nothing, and returns once they are not stored any more.
func (j *Journal) Withdraw(ctx context.Context, k TokenKey, uids ...types.UID) error {
	b := j.buckets[bucketOf(k)]
	j.settle(k, uids, false)
	if !b.drop(k, uids) {
		return nil
	}
	if err := b.commit(ctx, j); err != nil {
		b.clearLater(j)
		return fmt.Errorf("withdraw from the journal of token %s: %w", k, err)
	}
	return nil
}

// Clear drops entries that nobody needs any more, since the status of their bindings says it all. They are gone from the
// page with its next write, or in a second.
func (j *Journal) Clear(k TokenKey, uids ...types.UID) {
	b := j.buckets[bucketOf(k)]
	j.settle(k, uids, false)
	if b.drop(k, uids) {
		b.clearLater(j)
	}
}

// Flush stores what has not been stored yet.
func (j *Journal) Flush(ctx context.Context) error {
	faults := []error{j.sweepOthers(ctx)}
	for _, b := range j.buckets {
		faults = append(faults, b.commit(ctx, j))
	}
	return errors.Join(faults...)
}

// Err says what is wrong with the journal: it could not be written the last time, or somebody else writes it too.
func (j *Journal) Err() error {
	for _, b := range j.buckets {
		if err := b.failure(); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stranger != nil && time.Since(j.strangerAt) < strangerSeen {
		return j.stranger
	}
	return nil
}

// meet notes that somebody else has written a page, and which tokens are concerned.
func (j *Journal) meet(cm *corev1.ConfigMap, unknown []ID) {
	j.mu.Lock()
	for _, id := range unknown {
		j.tokens[id.UID] = id.Token
	}
	j.stranger = fmt.Errorf("ConfigMap %s/%s is written by a second process, %q: make sure that one operator writes it",
		cm.Namespace, cm.Name, cm.Annotations[annotationWriter])
	j.strangerAt = time.Now()
	j.mu.Unlock()
	if j.options.Found == nil {
		return
	}
	for _, id := range unknown {
		j.options.Found(id.Token)
	}
}
