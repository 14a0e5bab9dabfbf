package connection

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// Handle is a snapshot of what is known of a connection. It never changes once published: neither may whoever gets one
// change what it points to.
type Handle struct {
	// Key names the connection.
	Key Key
	// Object is the connection as it was read, for its rules and policies.
	Object v1alpha1.Connection
	// Host of Astro's API, with its port if it has one, and the id of the Organization.
	Host, Organization string
	// OrganizationName is its name, once a credential was proven.
	OrganizationName string

	// Ready says that a credential was proven for the Organization and has not been refused since. A transient fault of
	// Astro does not change it.
	Ready bool
	// Reason and Message say why it is not ready.
	Reason, Message string
	// Deleting says that the connection goes as soon as no binding needs it: nothing new may come to need it.
	Deleting bool

	// SelfID is the id of the API token with which the operator works.
	SelfID string
	// Client and Directory work with the last credential that was proven, and stay when its Secret goes, so that roles
	// can still be revoked. They are nil while no credential was ever proven.
	Client    *astro.Client
	Directory *astro.Directory
}

// transientReasons are those of a connection that gets ready by itself; none is that of one not looked at yet.
var transientReasons = map[string]bool{
	"": true, v1alpha1.ReasonUnreachable: true, v1alpha1.ReasonRateLimited: true, v1alpha1.ReasonListIncomplete: true,
}

// Stuck reports whether the connection is not ready and will not be until somebody does something.
func (h Handle) Stuck() bool { return !h.Ready && !transientReasons[h.Reason] }

// NoEvidence is what those who use the connection are told while its listing is no evidence. Why it is not is in the connection's
// status alone: ids of tokens that other namespaces bind, and the roles of the credential, are not for every tenant to read.
func (h Handle) NoEvidence() string {
	return astro.NoEvidence + "; the status of " + h.Key.Words() + " says why"
}

// serves reports whether the handle reaches the Organization of the host.
func (h Handle) serves(host, organization string) bool {
	return h.Directory != nil && h.Host == host && h.Organization == organization
}

// Key names one connection of either kind; see package ref, where it is for those whom this package must not know.
type Key = ref.Key

// KeyFor is the connection that a reference of an object in the namespace names.
func KeyFor(namespace string, to v1alpha1.ConnectionReference) Key { return ref.KeyFor(namespace, to) }

// KeyOf is the key of the connection.
func KeyOf(c v1alpha1.Connection) Key { return ref.KeyOf(c) }

// differs reports whether bindings fare differently with the other handle, whatever their token.
func (h Handle) differs(o Handle) bool {
	return h.Ready != o.Ready || h.SelfID != o.SelfID || (!o.Ready && h.Reason != o.Reason) || h.edited(o)
}

// edited reports whether somebody has changed what bindings go by in the connection itself: its rules and policies, and that it
// is to be there.
func (h Handle) edited(o Handle) bool {
	was, is := h.Object.ConnectionSpec(), o.Object.ConnectionSpec()
	return h.Deleting != o.Deleting || was.Mode != is.Mode || was.DeletionPolicy != is.DeletionPolicy || was.OnWithdrawal != is.OnWithdrawal ||
		was.DanglingRoles != is.DanglingRoles || !equality.Semantic.DeepEqual(was.Allow, is.Allow)
}

// Find is the connection as a cache or the API server has it, not to be changed; nil if there is none.
func Find(ctx context.Context, from client.Reader, k Key) (v1alpha1.Connection, error) {
	var object interface {
		v1alpha1.Connection
		client.Object
	} = &v1alpha1.AstroConnection{}
	if k.Kind == v1alpha1.KindClusterAstroConnection {
		object = &v1alpha1.ClusterAstroConnection{}
	}
	err := from.Get(ctx, k.Object(), object, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // no connection is an answer, not an error
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", k.Words(), err)
	}
	return object, nil
}
