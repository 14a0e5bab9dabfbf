package token

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// A binding is being given its role when the rules of its connection change: the cache shows it without a claim, so that the notice
// finds it among those that the rules refuse. Then the cache shows its claim, which is the operator's own write.
func TestRulesThatChangeWhileARoleIsGiven(t *testing.T) {
	const id = "cltoken0000000000000000001"
	before, namespace := bindingIn("team", id), &corev1.Namespace{}
	before.ResourceVersion, namespace.Name = "5", "team"
	r := lookingAt(t, connectionOfAcme(), before, namespace)
	r.ownWrites, r.shares.edits = newOwnWrites(), quota.New(editsPerSecond, editBurst)
	r.orphans = newOrphans(r.stillThere, func(types.UID) bool { return false })
	after := before.DeepCopy()
	after.ResourceVersion, after.Status.OrganizationID, after.Status.Token.ID, after.Status.Target.ID = "6", "o", id, "t"
	after.Status.Claim = &v1alpha1.Claim{UID: after.UID, State: v1alpha1.ClaimHeld, Host: "h"}
	update := event.UpdateEvent{ObjectOld: before, ObjectNew: after}
	if !(edited{}).Update(update) {
		t.Error("that a binding has its claim by now is let through to nobody")
	}

	looked := r.ownWrites.noticed() // the reconcile that gives the role looks at the rules
	q := priorityqueue.New[TokenKey](t.Name())
	defer q.ShutDown()
	r.noticeHandler().Generic(t.Context(), event.TypedGenericEvent[connection.Notice]{Object: connection.Notice{Connection: acme, All: true}}, q)
	if got := keysIn(t, q); got != "refused in team by "+acme.String() {
		t.Errorf("the notice finds %q", got)
	}
	r.ownWrites.expect(after, true, looked)
	r.bindingHandler().Update(t.Context(), update, q)
	if got, want := keysIn(t, q), tokenKey("h", "o", id).String(); got != want {
		t.Errorf("once the cache shows the claim %q is looked at, not %q", got, want)
	}
}

// keysIn takes a key out of the queue, and waits a while for one; "" if there is none.
func keysIn(t *testing.T, q queue) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for q.Len() == 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if q.Len() == 0 {
		return ""
	}
	key, _ := q.Get()
	q.Done(key)
	return key.String()
}

// A finalizer may be written after a notice, by who looked before it. What that writer knows is not newer for it.
func TestFinalizersKnowOfNoNotice(t *testing.T) {
	b := bindingIn("team", "cltoken0000000000000000001")
	r := lookingAt(t, connectionOfAcme(), b)
	r.ownWrites = newOwnWrites()
	g := group{notices: r.ownWrites.noticed()}
	var there v1alpha1.ScopedTokenBinding
	if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(b), &there); err != nil {
		t.Fatal(err)
	}
	r.ownWrites.notice()
	patched, err := r.patchFinalizer(t.Context(), g, &there, controllerutil.AddFinalizer)
	if err != nil {
		t.Fatal(err)
	}
	if r.ownWrites.alreadyHandled(event.UpdateEvent{ObjectOld: &there, ObjectNew: patched}) {
		t.Error("the notice is lost")
	}
}

// TestALabelledNamespaceIsLookedAtAlone is of a namespace that came under a rule by its labels: what others have through the same
// connection is left alone.
func TestALabelledNamespaceIsLookedAtAlone(t *testing.T) {
	const mine, theirs = "cltoken0000000000000000001", "cltoken0000000000000000002"
	objects := []client.Object{connectionOfAcme(builders.AllowAll("*"))}
	for namespace, token := range map[string]string{"team": mine, "others": theirs} {
		n := &corev1.Namespace{}
		n.Name = namespace
		b := bindingIn(namespace, token)
		b.UID = types.UID(namespace)
		objects = append(objects, n, b)
	}
	r := lookingAt(t, objects...)
	r.ownWrites, r.orphans = newOwnWrites(), newOrphans(r.stillThere, func(types.UID) bool { return false })
	for namespace, token := range map[string]string{"team": "orphaned-mine", "others": "orphaned-theirs"} {
		r.orphans.add(tokenKey("h", "o", token), bindingIn(namespace, token))
	}
	found := func(n connection.Notice) (keys []string) {
		q := priorityqueue.New[TokenKey](t.Name())
		defer q.ShutDown()
		r.noticeHandler().Generic(t.Context(), event.TypedGenericEvent[connection.Notice]{Object: n}, q)
		time.Sleep(50 * time.Millisecond) // the queue takes things in by and by
		for q.Len() > 0 {
			keys = append(keys, keysIn(t, q))
		}
		slices.Sort(keys)
		return keys
	}
	of := func(token string) string { return tokenKey("", "clorganization000000000000", token).String() }
	flip := connection.Notice{Connection: acme, Namespaces: []string{"team"}}
	if diff := cmp.Diff([]string{of(mine), "o/orphaned-mine"}, found(flip)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all := connection.Notice{Connection: acme, All: true}
	if diff := cmp.Diff([]string{of(mine), of(theirs), "o/orphaned-mine", "o/orphaned-theirs"}, found(all)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
