package token

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// TestCause tells what a user has done from what the operator has: only the first goes before a sweep.
func TestCause(t *testing.T) {
	const held = `{"host":"h","organization":"o","token":"t1","scope":"Organization","targetKind":"Workspace","target":"w1"}`
	unpinned := v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{Generation: 1, ResourceVersion: "1"}}
	unpinned.Spec.Token = v1alpha1.TokenReference{Scope: v1alpha1.ScopeOrganization, Name: "ci"}
	unpinned.Spec.Target = v1alpha1.TargetReference{Kind: v1alpha1.TargetWorkspace, Name: "data"}
	claimed := *unpinned.DeepCopy()
	claimed.ResourceVersion, claimed.Annotations = "2", map[string]string{v1alpha1.AnnotationHeld: held}
	claimed.Finalizers = []string{v1alpha1.FinalizerRevoke}
	with := func(change func(*v1alpha1.ScopedTokenBinding)) v1alpha1.ScopedTokenBinding {
		b := claimed.DeepCopy()
		b.ResourceVersion = "3"
		change(b)
		return *b
	}
	for name, tc := range map[string]struct {
		before, after v1alpha1.ScopedTokenBinding
		passes        bool
		want          cause
	}{
		"a claim is taken":       {unpinned, claimed, true, echoed},
		"nothing, at a resync":   {claimed, claimed, true, known},
		"the spec is edited":     {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.Generation = 2 }), true, edit},
		"a look is asked for":    {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.Annotations[v1alpha1.AnnotationRequestedAt] = "now" }), true, edit},
		"the claim is taken off": {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.Annotations = nil }), true, edit},
		"the finalizer is":       {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.Finalizers = nil }), true, edit},
		"it is deleted":          {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.DeletionTimestamp = new(metav1.Now()) }), true, edit},
		"a label is put on":      {claimed, with(func(b *v1alpha1.ScopedTokenBinding) { b.Labels = map[string]string{"a": "b"} }), false, edit},
	} {
		e := event.UpdateEvent{ObjectOld: &tc.before, ObjectNew: &tc.after}
		if passes := (edited{}).Update(e); passes != tc.passes {
			t.Errorf("%s: let through %t", name, passes)
		}
		if got := causeOf(e); tc.passes && got != tc.want {
			t.Errorf("%s: the cause is %d, want %d", name, got, tc.want)
		}
	}
}

// TestToldEchoes is of a write that the operator has drawn all conclusions from, and of one that it has not.
func TestToldEchoes(t *testing.T) {
	e := newEchoes()
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5"}}
	update := event.UpdateEvent{ObjectOld: b, ObjectNew: b}
	if e.told(update) {
		t.Error("what somebody else wrote is told")
	}
	e.expect(b, false)
	if e.told(update) {
		t.Error("a claim that brings a binding under another key is told")
	}
	if e.expect(b, true); !e.told(update) {
		t.Error("the operator's own write is not told")
	}
	if b.ResourceVersion = "6"; e.told(update) {
		t.Error("a write after it is told")
	}
}

// TestClaimsUnderWay is of claims that the cache shows before the API server has answered.
func TestClaimsUnderWay(t *testing.T) {
	e := newEchoes()
	before := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5", Generation: 1}}
	after := before.DeepCopy()
	after.ResourceVersion, after.Annotations = "6", map[string]string{v1alpha1.AnnotationHeld: "mine"}
	update := event.UpdateEvent{ObjectOld: before, ObjectNew: after}
	if e.claim(after); !e.told(update) {
		t.Error("a claim that is being written is not told")
	}
	edited := after.DeepCopy()
	if edited.Generation = 2; e.told(event.UpdateEvent{ObjectOld: before, ObjectNew: edited}) {
		t.Error("an edit that the cache shows together with the claim is told")
	}
	forged := after.DeepCopy()
	if forged.Annotations[v1alpha1.AnnotationHeld] = "another"; e.told(event.UpdateEvent{ObjectOld: before, ObjectNew: forged}) {
		t.Error("another claim than the one that is being written is told")
	}
	if e.claimed(after.UID); e.told(update) {
		t.Error("a claim that is not being written any more is told")
	}
	reported := after.DeepCopy()
	reported.ResourceVersion = "7"
	if e.expect(reported, true); !e.told(update) {
		t.Error("a claim that the cache shows only after its status was written is not told")
	}
	if e.told(event.UpdateEvent{ObjectOld: before, ObjectNew: edited}) {
		t.Error("an edit that the cache shows so late is told")
	}
}

// TestLateEchoesAreAwaitedLessOften is of a cache that does not show a write yet.
func TestLateEchoesAreAwaitedLessOften(t *testing.T) {
	b := &v1alpha1.ScopedTokenBinding{ObjectMeta: metav1.ObjectMeta{UID: types.UID("a"), ResourceVersion: "5"}}
	g := &group{members: []*member{{binding: b}}}
	e := newEchoes()
	if _, behind := e.awaited(g); behind {
		t.Error("nothing was written, and is awaited")
	}
	for age, want := range map[time.Duration]time.Duration{0: echoDelay, 300 * time.Millisecond: 300 * time.Millisecond, 10 * time.Second: longestEcho} {
		now := time.Now()
		e.written[b.UID] = echo{version: "6", at: now.Add(-age)}
		if wait, behind := e.awaited(g); !behind || wait < want || wait > want+time.Since(now) {
			t.Errorf("after %s: look again in %s, want %s", age, wait, want)
		}
	}
	e.written[b.UID] = echo{version: "6", at: time.Now().Add(-2 * echoPatience)}
	if _, behind := e.awaited(g); behind {
		t.Error("a write that never shows is awaited for ever")
	}
}

// TestANameIsHandedOverOnce has bindings that spell one token by its name: some that were there, and one that a user has
// just made.
func TestANameIsHandedOverOnce(t *testing.T) {
	r := &Reconciler{turns: newTurns(), begun: time.Now().Add(-time.Minute)}
	made := func(ago time.Duration) *member {
		return &member{binding: &v1alpha1.ScopedTokenBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: "team", Generation: 1, CreationTimestamp: metav1.NewTime(time.Now().Add(-ago))},
			Status:     v1alpha1.ScopedTokenBindingStatus{ObservedGeneration: -1},
		}}
	}
	g, key := &group{handed: map[TokenKey]int{}}, TokenKey{Token: "t"}
	for _, m := range []*member{made(time.Hour), made(0), made(time.Hour)} {
		r.handOver(g, m, key)
	}
	if priority, handed := g.handed[key]; !handed || priority != 0 {
		t.Errorf("the token waits at %d, and a user waits for it", priority)
	}
}
