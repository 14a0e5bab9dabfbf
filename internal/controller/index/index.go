package index

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/pin"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// Fields of the cache.
const (
	// BindingConnection finds bindings by the connection they refer to; see ref.Key.
	BindingConnection = "binding.connection"
	// BindingNotReady finds bindings that are not Ready by the connection they refer to; see pin.UpToDate. Of thousands
	// that are in place, a sweep then looks at none.
	BindingNotReady = "binding.notReady"
	// BindingToken finds bindings by the token they stand for, or, while they only name one, by that name; see
	// pin.IDValue and pin.NameValue.
	BindingToken = "binding.token"
	// BindingTarget finds bindings by the target they stand for; see TargetValue. One that only spells a target is
	// not found.
	BindingTarget = "binding.target"
	// InventoryConnection finds inventories by the connection they refer to; see ref.Key.
	InventoryConnection = "inventory.connection"
	// InventoryTarget finds inventories by the target they declare or have found; see TargetValue.
	InventoryTarget = "inventory.target"
	// ConnectionSecret finds connections of either kind by the name of the Secret they refer to. Its namespace is the
	// connection's, or the operator's.
	ConnectionSecret = "connection.secret"
)

// Register adds every field to the cache. It is called once, before the cache is started.
func Register(ctx context.Context, fields client.FieldIndexer) error {
	for _, f := range []struct {
		object client.Object
		name   string
		values client.IndexerFunc
	}{
		{&v1alpha1.ScopedTokenBinding{}, BindingConnection, of(bindingConnection)},
		{&v1alpha1.ScopedTokenBinding{}, BindingNotReady, of(bindingNotReady)},
		{&v1alpha1.ScopedTokenBinding{}, BindingToken, of(pin.TokenValue)},
		{&v1alpha1.ScopedTokenBinding{}, BindingTarget, of(bindingTarget)},
		{&v1alpha1.TargetInventory{}, InventoryConnection, of(inventoryConnection)},
		{&v1alpha1.TargetInventory{}, InventoryTarget, of(inventoryTarget)},
		{&v1alpha1.AstroConnection{}, ConnectionSecret, of(connectionSecret)},
		{&v1alpha1.ClusterAstroConnection{}, ConnectionSecret, of(connectionSecret)},
	} {
		if err := fields.IndexField(ctx, f.object, f.name, f.values); err != nil {
			return fmt.Errorf("index %s: %w", f.name, err)
		}
	}
	return nil
}

// of makes an indexer of a function of the typed object. An object without a value is not found under "".
func of[T any](value func(T) string) client.IndexerFunc {
	return func(o client.Object) []string {
		typed, ok := o.(T)
		if !ok {
			return nil
		}
		if v := value(typed); v != "" {
			return []string{v}
		}
		return nil
	}
}

func bindingConnection(b *v1alpha1.ScopedTokenBinding) string {
	return ref.KeyFor(b.Namespace, b.Spec.ConnectionRef).String()
}

func bindingNotReady(b *v1alpha1.ScopedTokenBinding) string {
	if pin.UpToDate(b) {
		return ""
	}
	return bindingConnection(b)
}

func bindingTarget(b *v1alpha1.ScopedTokenBinding) string {
	return TargetValue(b.Spec.Target.Kind, pin.TargetID(b))
}

func inventoryConnection(i *v1alpha1.TargetInventory) string {
	return ref.KeyFor(i.Namespace, i.Spec.ConnectionRef).String()
}

func inventoryTarget(i *v1alpha1.TargetInventory) string {
	if i.Spec.Target.ID != "" {
		return TargetValue(i.Spec.Target.Kind, string(i.Spec.Target.ID))
	}
	return TargetValue(i.Spec.Target.Kind, i.Status.Target.ID)
}

func connectionSecret(c v1alpha1.Connection) string {
	return c.ConnectionSpec().CredentialsSecretRef.Name
}
