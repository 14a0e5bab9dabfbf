package token

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/index"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
	"github.com/scopedtoken/scopedtoken-operator/test/builders"
)

// acme is the connection of these tests.
var acme = connection.Key{Kind: v1alpha1.KindClusterAstroConnection, Name: "acme"}

// lookingAt is a reconciler that reads the objects, and writes nothing.
func lookingAt(t *testing.T, objects ...client.Object) *Reconciler {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	ofConnection := func(o client.Object) []string {
		return []string{ref.KeyFor(o.GetNamespace(), o.(*v1alpha1.ScopedTokenBinding).Spec.ConnectionRef).String()}
	}
	byToken := func(o client.Object) []string { return []string{pin.TokenValue(o.(*v1alpha1.ScopedTokenBinding))} }
	kube := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&v1alpha1.ScopedTokenBinding{}, index.BindingNotReady, ofConnection).
		WithIndex(&v1alpha1.ScopedTokenBinding{}, index.BindingConnection, ofConnection).
		WithIndex(&v1alpha1.ScopedTokenBinding{}, index.BindingToken, byToken).Build()
	return &Reconciler{
		Client: kube, Live: kube, Registry: connection.NewRegistry(), Clock: time.Now,
		shares: shares{reads: quota.New(readsPerSecond, readBurst)},
	}
}

func connectionOfAcme(allow ...v1alpha1.AllowRule) *v1alpha1.ClusterAstroConnection {
	c := &v1alpha1.ClusterAstroConnection{}
	c.Name, c.Spec.APIURL, c.Spec.OrganizationID, c.Spec.Allow = acme.Name, "https://api.astronomer.io", "clorganization000000000000", allow
	return c
}

func bindingIn(namespace, token string) *v1alpha1.ScopedTokenBinding {
	b := builders.Binding("b").In(namespace).ThroughCluster(acme.Name).ForTokenID(token).OnDeployment("cldeploy000000000000000001").Object()
	b.UID, b.Generation = "u1", 1
	return b
}

// A binding may be looked at before its namespace is in the cache. What its rules say of it is then told by the next sweep, and
// by no sweep after that.
func TestSweepsPassOverBindingsThatStateTheirRefusal(t *testing.T) {
	cases := map[string]struct {
		reason   string
		accepted metav1.Condition
		want     int
	}{
		"CouldNotAsk": {"It says that the rules could not be asked.", metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonUnreachable}, 1},
		"Told":        {"It says what they answer.", metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNamespaceNotAllowed}, 0},
		"Otherwise":   {"It says what they answered before.", metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRoleNotAllowed}, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := bindingIn("other", "cltoken0000000000000000001")
			tc.accepted.Type, tc.accepted.LastTransitionTime = v1alpha1.ConditionAccepted, metav1.Now()
			b.Status.ObservedGeneration, b.Status.Conditions = 1, []metav1.Condition{tc.accepted}
			namespace := &corev1.Namespace{}
			namespace.Name = "other"
			r := lookingAt(t, connectionOfAcme(), b, namespace)
			q := priorityqueue.New[TokenKey](t.Name())
			defer q.ShutDown()
			r.enqueueNotReady(t.Context(), acme, q)
			time.Sleep(50 * time.Millisecond) // the queue takes things in by and by
			if q.Len() != tc.want {
				t.Errorf("%s\nwant %d enqueued, got %d", tc.reason, tc.want, q.Len())
			}
		})
	}
}

// newTokens is an Organization whose tokens were listed, so that whatever is made now is younger.
func newTokens(t *testing.T) (sim *astrosim.Sim, org string, h connection.Handle) {
	t.Helper()
	sim = astrosim.Serve(t, astrosim.Options{})
	org = sim.AddOrganization("Acme")
	self := sim.AddOrganizationToken(org, "operator", "ORGANIZATION_OWNER")
	c := astro.NewClient(astro.Options{BaseURL: sim.URL(), Organization: org, Credential: sim.Credential(self)})
	h = connection.Handle{
		Key: acme, Host: "h", Organization: org, Client: c, Directory: astro.NewDirectory(c, astro.DirectoryOptions{SelfID: self}), SelfID: self, Ready: true,
	}
	if _, err := h.Directory.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return sim, org, h
}

func groupOf(org, token string, h connection.Handle, namespaces ...string) group {
	g := group{key: tokenKey("h", org, token), handles: map[string]connection.Handle{h.Key.String(): h}}
	for _, namespace := range namespaces {
		g.bindings = append(g.bindings, decision.Binding{Object: bindingIn(namespace, token), Connection: decision.Connection{
			ID: h.Key.String(), Object: connectionOfAcme(builders.AllowAll(namespace)), Host: "h", Organization: org, Credential: h.SelfID, Ready: true, Callable: true,
		}})
	}
	return g
}

func TestTokensYoungerThanTheListingAreFound(t *testing.T) {
	sim, org, h := newTokens(t)
	r := lookingAt(t)
	for i := range 2 * readBurst {
		id := sim.AddOrganizationToken(org, fmt.Sprint("t", i), "ORGANIZATION_MEMBER")
		g := groupOf(org, id, h, "team")
		if o := r.observe(t.Context(), g); o.Presence != decision.Present && o.again(g) != freshEnough {
			t.Fatalf("token %d is there and was not found, and nobody looks for it again", i)
		}
	}
}

func TestReadsCountOnWhoeverHasSomeLeft(t *testing.T) {
	sim, org, h := newTokens(t)
	r := lookingAt(t)
	for range readBurst {
		r.shares.reads.Take("a-stranger", time.Now())
	}
	id := sim.AddOrganizationToken(org, "new", "ORGANIZATION_MEMBER")
	if o := r.observe(t.Context(), groupOf(org, id, h, "a-stranger", "team")); o.Presence != decision.Present {
		t.Error("who has asked for nothing does not find its token, because a stranger names it too and has used up its share")
	}
}
