package token

import (
	"context"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/shard"
)

// ours reports whether the group's Organization is this instance's to work on. What another serves has no members here;
// what that one may have served a moment ago has none yet.
func (r *Reconciler) ours(ctx context.Context, g *group) bool {
	_, done, turn := r.Registry.Turn(ctx, g.key.Host, g.key.Organization)
	defer done()
	g.outcome.after(turn.Left)
	return turn.Stage == shard.Serving || turn.Stage == shard.Proving
}

// speaksTo reports whether it is this instance that tells the member of the group how it stands.
func (r *Reconciler) speaksTo(g *group, m *member) bool {
	return r.Registry.Speaks(g.key.Host, g.key.Organization, connection.KeyFor(m.binding.Namespace, m.binding.Spec.ConnectionRef))
}

// whileOurs is a context that ends when the group's Organization becomes another instance's, however long something waits
// for a place or for the rate limit by then.
func (r *Reconciler) whileOurs(ctx context.Context, g *group) (context.Context, context.CancelFunc) {
	work, done, turn := r.Registry.Turn(ctx, g.key.Host, g.key.Organization)
	if turn.Stage == shard.Foreign || turn.Stage == shard.Waiting {
		done()
		work, done = context.WithCancel(ctx)
		done()
	}
	return work, done
}

// disown drops what was found out, since whoever serves the Organization now finds it out anew.
func (g *group) disown() {
	g.members = nil
	g.outcome.errs, g.outcome.again = nil, 0
}
