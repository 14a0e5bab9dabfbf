package connection

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/ref"
)

// Key names one connection of either kind; see package ref, where it is for those whom this package must not know.
type Key = ref.Key

// KeyFor is the connection that a reference of an object in the namespace names.
func KeyFor(namespace string, to v1alpha1.ConnectionReference) Key { return ref.KeyFor(namespace, to) }

// KeyOf is the key of the connection.
func KeyOf(c v1alpha1.Connection) Key { return ref.KeyOf(c) }
