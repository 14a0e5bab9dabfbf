package token

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
)

// TestCause tells what a user has done from what the operator has: only the first goes before a sweep.
func TestCause(t *testing.T) {
	unpinned := v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: "u", Generation: 1, ResourceVersion: "1"}}
	unpinned.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"}
	with := func(b v1alpha1.ScopedTokenBinding, change func(*v1alpha1.ScopedTokenBinding)) v1alpha1.ScopedTokenBinding {
		next := b.DeepCopy()
		next.ResourceVersion += "1"
		change(next)
		return *next
	}
	finalized := with(unpinned, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = []string{v1alpha1.FinalizerRevoke} })
	pinned := with(finalized, func(b *v1alpha1.ScopedTokenBinding) { b.Status.Token.ID = "t1" })
	for name, tc := range map[string]struct {
		before, after v1alpha1.ScopedTokenBinding
		passes        bool
		want          cause
	}{
		"the finalizer is added": {unpinned, finalized, false, operator},
		"a status pins a token":  {finalized, pinned, true, operator},
		"nothing, at a resync":   {pinned, pinned, true, known},
		"the spec is edited":     {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) { b.Generation = 2 }), true, edit},
		"a look is asked for": {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) {
			b.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: "now"}
		}), true, edit},
		"the finalizer is stripped": {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil }), true, edit},
		"it is deleted":             {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = new(metav1.Now()) }), true, edit},
		"another took its name":     {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) { b.UID = "v" }), true, edit},
		"a label is put on":         {pinned, with(pinned, func(b *v1alpha1.ScopedTokenBinding) { b.Labels = map[string]string{"a": "b"} }), false, operator},
	} {
		e := event.UpdateEvent{ObjectOld: &tc.before, ObjectNew: &tc.after}
		if passes := (edited{}).Update(e); passes != tc.passes {
			t.Errorf("%s: let through %t", name, passes)
		}
		if got := causeOf(e); got != tc.want {
			t.Errorf("%s: the cause is %d, want %d", name, got, tc.want)
		}
	}
}

// TestOwnWritesAreAlreadyHandled is of a write that the operator has acted on, and of one that it has not.
func TestOwnWritesAreAlreadyHandled(t *testing.T) {
	o := newOwnWrites()
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5"}}
	update := event.UpdateEvent{ObjectOld: b, ObjectNew: b}
	if o.alreadyHandled(update) {
		t.Error("what somebody else wrote is handled")
	}
	if o.expect(b, false, 0); o.alreadyHandled(update) {
		t.Error("a write that brings a binding under another key is handled")
	}
	if o.expect(b, true, 0); !o.alreadyHandled(update) {
		t.Error("the operator's own write is not handled")
	}
	if b.ResourceVersion = "6"; o.alreadyHandled(update) {
		t.Error("a write after it is handled")
	}
}

// TestWritesUnderWay is of statuses that the cache shows before the API server has answered.
func TestWritesUnderWay(t *testing.T) {
	o := newOwnWrites()
	before := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5", Generation: 1}}
	after := before.DeepCopy()
	after.ResourceVersion, after.Status.Token.ID = "6", "t"
	update := event.UpdateEvent{ObjectOld: before, ObjectNew: after}
	if o.begin(after.UID, 0); !o.alreadyHandled(update) {
		t.Error("a status that is being written is not handled")
	}
	edited := after.DeepCopy()
	if edited.Generation = 2; o.alreadyHandled(event.UpdateEvent{ObjectOld: before, ObjectNew: edited}) {
		t.Error("an edit that the cache shows together with the status is handled")
	}
	if o.end(after.UID); o.alreadyHandled(update) {
		t.Error("a status that is not being written any more is handled")
	}
	later := after.DeepCopy()
	later.ResourceVersion = "7"
	if o.expect(later, true, 0); !o.alreadyHandled(update) {
		t.Error("a status that the cache shows only after the next was written is not handled")
	}
}

// TestNoticesBeforeOwnWritesAreSeen is of rules that change while a binding is being given its role: who looks for the bindings that
// this concerns finds it under the key that it is about to leave.
func TestNoticesBeforeOwnWritesAreSeen(t *testing.T) {
	before := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5", Generation: 1}}
	after := before.DeepCopy()
	after.ResourceVersion, after.Status.Token.ID = "6", "t"
	update := event.UpdateEvent{ObjectOld: before, ObjectNew: after}
	for what, write := range map[string]func(o *ownWrites, notices int64){
		"is under way": func(o *ownWrites, notices int64) { o.begin(after.UID, notices) },
		"was answered": func(o *ownWrites, notices int64) { o.expect(after, true, notices) },
	} {
		o := newOwnWrites()
		looked := o.noticed()
		if write(o, looked); !o.alreadyHandled(update) {
			t.Errorf("%s: without a notice it is looked at once more", what)
		}
		if o.notice(); o.alreadyHandled(update) {
			t.Errorf("%s: a notice since then is lost", what)
		}
		o = newOwnWrites()
		o.notice()
		if write(o, o.noticed()); !o.alreadyHandled(update) {
			t.Errorf("%s: a notice before that was known to the writer", what)
		}
	}
}

// TestALateCacheIsLookedAtLessOften is of a cache that does not show a write yet.
func TestALateCacheIsLookedAtLessOften(t *testing.T) {
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5"}}
	bindings, o := []decision.Binding{{Object: b}}, newOwnWrites()
	if _, behind := o.cacheBehind(bindings); behind {
		t.Error("nothing was written, and is awaited")
	}
	for age, want := range map[time.Duration]time.Duration{0: shortestWait, 300 * time.Millisecond: 300 * time.Millisecond, 10 * time.Second: longestWait} {
		now := time.Now()
		o.written[b.UID] = ownWrite{version: "6", at: now.Add(-age)}
		if wait, behind := o.cacheBehind(bindings); !behind || wait < want || wait > want+time.Since(now) {
			t.Errorf("after %s: look again in %s, want %s", age, wait, want)
		}
	}
	o.written[b.UID] = ownWrite{version: "6", at: time.Now().Add(-2 * waitFor)}
	if _, behind := o.cacheBehind(bindings); behind {
		t.Error("a write that never shows is awaited for ever")
	}
}
