package connection

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/quota"
)

func TestStripToName(t *testing.T) {
	secret := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "astro-api", Namespace: "a", UID: "1", ResourceVersion: "2", Labels: map[string]string{"team": "data"},
		Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"token":"secret"}}`},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}}
	want := metav1.ObjectMeta{Name: "astro-api", Namespace: "a", UID: "1", ResourceVersion: "2"}
	if _, err := stripToName(secret); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, secret.ObjectMeta); diff != "" {
		t.Errorf("what is kept of a Secret: -want +got\n%s", diff)
	}
}

func TestInEach(t *testing.T) {
	if got := inEach(nil); got != nil {
		t.Errorf("no namespace given is every namespace, got %v", got)
	}
	if got := slices.Sorted(maps.Keys(inEach([]string{"b", "a"}))); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
}

func TestPatience(t *testing.T) {
	cases := map[string]struct {
		reason   string
		missed   int
		interval time.Duration
		want     time.Duration
	}{
		"OtherFault": {"What no Secret can fix is looked at once a sweep interval.", 0, time.Hour, time.Hour},
		"First":      {"A Secret that comes a moment after its connection is not waited for long.", 1, time.Hour, firstRetry},
		"Then":       {"It is asked for less and less often.", 3, time.Hour, 4 * firstRetry},
		"Long":       {"But once a sweep interval, however long it has been missing.", 1000, 5 * time.Minute, 5 * time.Minute},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := proof{missed: tc.missed}
			if got := p.patience(tc.interval); got != tc.want {
				t.Errorf("%s\nwant %s, got %s", tc.reason, tc.want, got)
			}
		})
	}
}

// unreadable is a Kubernetes that does not give Secrets.
type unreadable struct{ client.Reader }

func (unreadable) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewInternalError(errors.New("unable to transform key \"/registry/secrets/a/astro-api\""))
}

// TestSecretThatCannotBeRead: the connection says so, and stays as it was. Else it would say nothing at all, or go on saying that all is well.
func TestSecretThatCannotBeRead(t *testing.T) {
	c := &v1alpha1.AstroConnection{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "mine"}}
	c.Spec.APIURL, c.Spec.CredentialsSecretRef.Name = "https://api.astronomer.io", "astro-api"
	d := &dependencies{Options: Options{Registry: NewRegistry(), AllowedHosts: []string{"api.astronomer.io"}, Clock: time.Now}, Secrets: unreadable{}}
	m := &memory{ready: true}
	var err error
	if m.proof, _, err = d.prove(t.Context(), c, m.proof, quota.New(proofsPerSecond, proofBurst)); err != nil {
		t.Fatal(err)
	}
	f := m.firstFault()
	if f == nil || f.Reason != v1alpha1.ReasonUnreachable || f.Status != metav1.ConditionUnknown || f.Stalls() || !strings.Contains(f.Message, "Secret a/astro-api") {
		t.Errorf("it says %+v", f)
	}
	if !m.updateReady() || m.wake(time.Now()) > 2*firstRetry {
		t.Errorf("ready %t, looked at again in %s", m.updateReady(), m.wake(time.Now()))
	}
	if m.ready = false; m.updateReady() {
		t.Error("what never was ready becomes it")
	}
}
