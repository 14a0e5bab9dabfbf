package main

import (
	"crypto/tls"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
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
	if everywhere := usual(nil); everywhere.cache().DefaultNamespaces != nil {
		t.Error("without namespaces given, some are left out")
	}
}

func TestWatchedSecrets(t *testing.T) {
	cases := map[string]struct {
		reason         string
		watch, secrets []string
		want           []string
	}{
		"Default":  {"Secrets are nowhere watched but where those of ClusterAstroConnections are.", nil, nil, []string{"operator"}},
		"Given":    {"A namespace with an AstroConnection may be added.", nil, []string{"a"}, []string{"a", "operator"}},
		"Confined": {"An operator that is confined to namespaces reads their Secrets.", []string{"a", "b"}, nil, []string{"a", "b", "operator"}},
		"Twice":    {"No namespace is watched twice.", []string{"a", "operator"}, []string{"a", "b"}, []string{"a", "b", "operator"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := usual(func(o *options) { o.watchNamespaces, o.secretNamespaces = tc.watch, tc.secrets })
			if got := o.watchedSecrets(); !slices.Equal(got, tc.want) {
				t.Errorf("%s\nwant %v, got %v", tc.reason, tc.want, got)
			}
		})
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
