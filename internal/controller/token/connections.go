package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/fault"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

const (
	// lookups is how many bindings of a group are looked up side by side. They share calls, so that more of them cost less.
	lookups = 128
	// freshEnough is how old the listing may be in which a user's new binding does not find its token, or the answer by which there
	// is no such target. Somebody who has just made the token need not wait for the next sweep; ten thousand wrong names cost one
	// listing in this time.
	freshEnough = 10 * time.Second
)

// connections are those that were read from the cache in one go, and the labels of the namespaces that use them: thousands
// of bindings have them in common.
type connections struct {
	r      *Reconciler
	seen   map[connection.Key]connected
	labels map[string]labels
}

// labels are those of a namespace, or why they could not be read.
type labels struct {
	labels map[string]string
	err    error
}

// connected is a connection as it was read, nil for none, and what is known of it besides.
type connected struct {
	key       connection.Key
	id, words string // the key, spelled out
	host      string // to which the object leads
	object    v1alpha1.Connection
	handle    connection.Handle
	own       []astro.Role // of its credential; nil if it does not see itself
}

func (r *Reconciler) connections() connections {
	return connections{r: r, seen: map[connection.Key]connected{}, labels: map[string]labels{}}
}

// of returns the connection that a binding refers to.
func (c connections) of(ctx context.Context, b *v1alpha1.ScopedTokenBinding) (connected, error) {
	key := connectionOf(b)
	if known, ok := c.seen[key]; ok {
		return known, nil
	}
	object, err := connection.Find(ctx, c.r.Client, key)
	if err != nil {
		return connected{}, err
	}
	found := c.r.connected(key, object)
	c.seen[key] = found
	return found, nil
}

// connected is an object with what is known of it besides.
func (r *Reconciler) connected(key connection.Key, object v1alpha1.Connection) connected {
	found := connected{key: key, id: key.String(), words: key.Words(), object: object}
	if object == nil {
		return found
	}
	found.host = ref.Host(object.ConnectionSpec())
	if h, known := r.Registry.Get(key); known && h.Object.GetUID() == object.GetUID() { // else it was not looked at yet
		found.handle = h
	}
	found.handle.Key, found.handle.Object = key, object
	found.own = ownRoles(found.handle)
	return found
}

// keyOf returns the key of a binding that refers to the connection. A claim keeps its key without the connection, so that
// it is never forgotten while it counts.
func (c connected) keyOf(full *decision.Binding) TokenKey {
	b := full.Object
	if claim := pin.Claimed(b); claim != nil {
		return tokenKey(claim.Host, claim.Organization, claim.Token)
	}
	if c.object == nil {
		return TokenKey{Connection: c.key}
	}
	if full.Refused() != nil {
		return TokenKey{Connection: c.key, Refused: b.Namespace}
	}
	key := tokenKey(c.host, string(c.object.ConnectionSpec().OrganizationID), pin.TokenID(b))
	if key.Token == "" {
		key.NameRef = pin.NameRefOf(b)
	}
	return key
}

// goesByRules reports whether rules say what the connection allows: without any, an AstroConnection serves its own namespace, whatever
// its labels.
func (c connected) goesByRules() bool {
	return c.key.Kind == v1alpha1.KindClusterAstroConnection || len(c.object.ConnectionSpec().Allow) > 0
}

// decision is the connection as decisions are made on it.
func (c connected) decision() decision.Connection {
	h := c.handle
	d := decision.Connection{ID: c.id, Words: c.words}
	if c.object == nil {
		return d
	}
	d.Object, d.Host, d.Organization, d.Credential = c.object, h.Host, h.Organization, h.SelfID
	d.OrganizationName = h.OrganizationName
	d.Ready, d.Callable, d.Deleting = h.Ready, h.Client != nil, h.Deleting
	d.Distrusts, d.Own = distrusts(h), c.own
	d.Reason, d.NeedsUser = h.Reason, h.Stuck()
	return d
}

// ownRoles are the roles of the connection's credential, as the last listing shows them; nil if it does not.
func ownRoles(h connection.Handle) []astro.Role {
	if h.Directory == nil {
		return nil
	}
	self, listed := h.Directory.Known(h.SelfID)
	if !listed || !self.RolesKnown {
		return nil
	}
	return self.Roles
}

// distrusts reports whether the connection's own status says that its listing is no evidence.
func distrusts(h connection.Handle) bool { return h.Directory != nil && h.Directory.Doubt() != "" }

// labelsOf are the labels of a namespace, as rules may speak of them.
func (c connections) labelsOf(ctx context.Context, namespace string) labels {
	if known, ok := c.labels[namespace]; ok {
		return known
	}
	found := labelsFrom(ctx, c.r.Client, namespace)
	c.labels[namespace] = found
	return found
}

// labelsFrom reads them from the cache, or from the API server.
func labelsFrom(ctx context.Context, from client.Reader, namespace string) labels {
	var object metav1.PartialObjectMetadata
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := from.Get(ctx, client.ObjectKey{Name: namespace}, &object); err != nil {
		return labels{err: fmt.Errorf("get namespace %s: %w", namespace, err)}
	}
	return labels{labels: object.Labels}
}

// credentialOf lists the connections that work with the token as their credential, even those that were not looked at since
// the operator started. The token is protected from everybody if one of them is a ClusterAstroConnection, or if nobody
// knows: not knowing is no reason to write.
func (r *Reconciler) credentialOf(ctx context.Context, key TokenKey) (all []string, protected bool) {
	for _, k := range r.Registry.CredentialOf(key.Host, key.Token) {
		all = append(all, k.String())
		protected = protected || k.Kind == v1alpha1.KindClusterAstroConnection
	}
	var own v1alpha1.AstroConnectionList
	var cluster v1alpha1.ClusterAstroConnectionList
	if r.Client.List(ctx, &own, client.UnsafeDisableDeepCopy) != nil || r.Client.List(ctx, &cluster, client.UnsafeDisableDeepCopy) != nil {
		return all, true
	}
	for i := range own.Items {
		if own.Items[i].Status.CredentialTokenID == key.Token {
			all = append(all, connection.KeyOf(&own.Items[i]).String())
		}
	}
	protected = protected || slices.ContainsFunc(cluster.Items, func(c v1alpha1.ClusterAstroConnection) bool { return c.Status.CredentialTokenID == key.Token })
	return all, protected
}

// binding is a binding as decisions are made on it.
func (c connections) binding(ctx context.Context, b *v1alpha1.ScopedTokenBinding, through connected) decision.Binding {
	d := decision.Binding{Object: b, Connection: through.decision(), Claim: pin.Claimed(b)}
	if through.object != nil {
		l := c.labelsOf(ctx, b.Namespace)
		d.Labels = l.labels
		if through.goesByRules() {
			d.LabelsErr = l.err
		}
	}
	asked := c.r.shares.requests.ask(&d, c.r.Clock())
	d.Postponed, d.Together, d.Asked = asked.wait > 0, asked.together, asked.since
	return d
}

func (r *Reconciler) add(ctx context.Context, g group, d decision.Binding) (group, error) {
	known := r.connections()
	c, err := known.of(ctx, d.Object)
	if err != nil {
		return g, err
	}
	if h, known := g.handles[c.id]; known {
		c.handle = h // as the group's other bindings see it, even if the connection has become ready meanwhile
	}
	full := known.binding(ctx, d.Object, c)
	full.Orphan, full.Undeclared, full.Journaled, full.Recovered = d.Orphan, d.Undeclared, d.Journaled, d.Recovered
	full = withoutNamespace(full)
	if d.Claim != nil {
		full.Claim = d.Claim
	}
	handles := maps.Clone(g.handles)
	handles[c.id] = c.handle
	g.bindings, g.handles = append(slices.Clone(g.bindings), full), handles
	return g, nil
}

// withoutNamespace is a binding whose namespace may have gone with it, if it is gone itself: rules that name it speak to it still,
// and those that ask for labels do not.
func withoutNamespace(b decision.Binding) decision.Binding {
	if b.Orphan && apierrors.IsNotFound(b.LabelsErr) {
		b.LabelsErr = nil
	}
	return b
}

// read reads a token by id. An answer without its roles is none: nothing must be taken for free because of it.
func read(ctx context.Context, h connection.Handle, id string) (astro.Token, error) {
	t, err := h.Client.GetToken(ctx, id)
	if err == nil && !t.RolesKnown {
		err = fault.ErrRolesUnknown
	}
	return t, err
}

func (r *Reconciler) reportUnauthorized(h connection.Handle, err error) {
	if errors.Is(err, astro.ErrUnauthorized) {
		r.Registry.ReportUnauthorized(h.Key)
	}
}

// named returns the tokens that have the name, as the listing of the connection shows them.
func named(ctx context.Context, ref pin.NameRef, h connection.Handle) ([]astro.Token, error) {
	return h.Directory.Named(ctx, pin.Scopes[ref.Scope], ref.Home, ref.Name)
}

// namedNow is named, and where that finds any, from a listing of the last seconds: a name is another token's too as soon as
// somebody makes one of that name, and a binding must not settle on one of the two.
func namedNow(ctx context.Context, ref pin.NameRef, h connection.Handle) ([]astro.Token, error) {
	found, err := named(ctx, ref, h)
	if err != nil || len(found) == 0 {
		return found, err
	}
	began, ago := h.Directory.LastListing()
	if err := h.Directory.RefreshIfBefore(ctx, began.Add(ago-freshEnough)); err != nil { // one that takes long may have begun long ago
		return nil, err
	}
	return named(ctx, ref, h)
}
