package shard

import (
	"cmp"
	"maps"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Organization is what is served as a whole: one Organization behind one host of Astro's API.
type Organization struct{ Host, ID string }

// Key names a connection. The namespace of a ClusterAstroConnection is empty.
type Key struct {
	Kind      v1alpha1.ConnectionKind
	Namespace string
	Name      string
}

// connection is what counts of a connection here.
type connection struct {
	key          Key
	organization Organization
	labels       labels.Set
	proven       bool
	created      time.Time
}

// KeyOf is the key of the connection.
func KeyOf(c v1alpha1.Connection) Key {
	return Key{Kind: c.ConnectionKind(), Namespace: c.GetNamespace(), Name: c.GetName()}
}

// factsOf a connection. Its status says whether a credential was ever proven for the Organization; the operator alone
// writes it, so that nobody becomes part of an Organization by naming it.
func factsOf(c v1alpha1.Connection) connection {
	f := connection{
		key: KeyOf(c), labels: c.GetLabels(), created: c.GetCreationTimestamp().Time,
		organization: Organization{ID: string(c.ConnectionSpec().OrganizationID)},
		proven:       c.ConnectionStatus().CredentialTokenID != "",
	}
	if u, err := url.Parse(c.ConnectionSpec().APIURL); err == nil {
		f.organization.Host = u.Host
	}
	return f
}

func (c connection) equal(o connection) bool {
	return c.key == o.key && c.organization == o.organization && c.proven == o.proven && c.created.Equal(o.created) &&
		maps.Equal(c.labels, o.labels)
}

// deciding is the connection whose labels say who serves the Organization; false while no credential is proven for it.
// A ClusterAstroConnection, which is an administrator's, comes before the connections of namespaces, and the oldest
// before the others, so that a connection made later moves nothing.
func deciding(all map[Key]connection) (first connection, found bool) {
	for _, c := range all {
		if c.proven && (!found || before(c, first) < 0) {
			first, found = c, true
		}
	}
	return first, found
}

func before(a, b connection) int {
	return cmp.Or(
		cmp.Compare(rank(a.key.Kind), rank(b.key.Kind)), a.created.Compare(b.created),
		cmp.Compare(a.key.Namespace, b.key.Namespace), cmp.Compare(a.key.Name, b.key.Name),
	)
}

func rank(k v1alpha1.ConnectionKind) int {
	if k == v1alpha1.KindClusterAstroConnection {
		return 0
	}
	return 1
}
