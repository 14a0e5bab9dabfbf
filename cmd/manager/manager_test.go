package main

import (
	"crypto/tls"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestLeaseOutlastsAWrite(t *testing.T) {
	o := usual(nil)
	m := o.manager()
	const write = 4 * time.Second // the deadline of a write to Astro
	if left := *m.LeaseDuration - *m.RenewDeadline; left <= write {
		t.Errorf("a replica that lost its lease may write for %s more, and has %s", write, left)
	}
	if takeover := *m.LeaseDuration + *m.RetryPeriod; takeover > 20*time.Second {
		t.Errorf("nobody works for %s after the leader was killed", takeover)
	}
	if m.LeaderElectionID != "manager.astro.scopedtoken.dev" {
		t.Errorf("replicas of older versions do not know the lease %s", m.LeaderElectionID)
	}
	if !m.LeaderElectionReleaseOnCancel || m.LeaderElectionNamespace != "operator" {
		t.Errorf("want the lease in the operator's namespace and released at the end, got %q and %v", m.LeaderElectionNamespace, m.LeaderElectionReleaseOnCancel)
	}
}

func TestCacheHoldsNoSecret(t *testing.T) {
	o := usual(nil)
	secret := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "astro-api", Namespace: "a", Labels: map[string]string{"team": "data"}, ResourceVersion: "1",
		Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"token":"secret"}}`},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}}
	want := metav1.ObjectMeta{Name: "astro-api", Namespace: "a", Labels: map[string]string{"team": "data"}, ResourceVersion: "1"}
	if _, err := byObject[*corev1.Secret](o.cache()).Transform(secret); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, secret.ObjectMeta); diff != "" {
		t.Errorf("what is kept of a Secret: -want +got\n%s", diff)
	}
	if uncached := o.manager().Client.Cache.DisableFor; !slices.ContainsFunc(uncached, isSecret) {
		t.Errorf("a client that reads a Secret would keep all of them: %v", uncached)
	}
}

func TestCachedNamespaces(t *testing.T) {
	o := usual(func(o *options) { o.watchNamespaces = []string{"a", "b"} })
	c := o.cache()
	if got := slices.Sorted(maps.Keys(c.DefaultNamespaces)); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("bindings are watched in %v", got)
	}
	secrets := byObject[*corev1.Secret](c)
	if got := slices.Sorted(maps.Keys(secrets.Namespaces)); !slices.Equal(got, []string{"a", "b", "operator"}) || secrets.Transform == nil {
		t.Errorf("Secrets are watched in %v", got)
	}
	if everywhere := usual(nil); everywhere.cache().DefaultNamespaces != nil {
		t.Error("without namespaces given, some are left out")
	}
}

func TestMetricsAreGuarded(t *testing.T) {
	o := usual(nil)
	m := o.metrics()
	if !m.SecureServing || m.FilterProvider == nil {
		t.Errorf("want https and a filter, got %v", m)
	}
	c := &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	for _, change := range m.TLSOpts {
		change(c)
	}
	if slices.Contains(c.NextProtos, "h2") {
		t.Error("HTTP/2 is on")
	}
	o.metricsSecure = false
	if m := o.metrics(); m.SecureServing || m.FilterProvider != nil {
		t.Errorf("want plain http, got %v", m)
	}
}

func TestAccessHasNoRateOfItsOwn(t *testing.T) {
	given := &rest.Config{Host: "https://kubernetes"}
	got := access(given)
	if got.QPS != -1 || got.Host != given.Host || got.UserAgent != name+"/"+version() || given.QPS != 0 {
		t.Errorf("got %v from %v", got, given)
	}
}

func isSecret(o client.Object) bool {
	_, ok := o.(*corev1.Secret)
	return ok
}

func byObject[T client.Object](o cache.Options) cache.ByObject {
	for object, of := range o.ByObject {
		if _, ok := object.(T); ok {
			return of
		}
	}
	return cache.ByObject{}
}
