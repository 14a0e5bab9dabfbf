package token

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// limited reports whether a change has to wait since it would revoke more roles than the connection allows within a
// sweep. It is asked right before the write, and what it lets through is counted.
func (r *Reconciler) limited(g *group, h connection.Handle, c roleset.Change) bool {
	if c.To != "" || r.Registry.MayRevoke(h.Key, g.key.Token+"/"+string(c.Target.Kind)+"/"+c.Target.ID) {
		return false
	}
	g.failures[c.Target] = not(v1alpha1.ConditionSynced, v1alpha1.ReasonRevocationLimited, "%s", connection.RevocationLimited(h))
	return true
}
