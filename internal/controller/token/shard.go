package token

import (
	"context"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/shard"
)

// whileOurs is a context that ends when the group's Organization becomes another instance's, however long something waits
// for a place or for the rate limit by then. It has ended already if the Organization is another's, or may have been one's
// until a moment ago; left is for how long that has to be reckoned with.
func (r *Reconciler) whileOurs(ctx context.Context, g *group) (work context.Context, done context.CancelFunc, left time.Duration) {
	work, done, turn := r.Registry.Turn(ctx, g.key.Host, g.key.Organization)
	if turn.Stage == shard.Foreign || turn.Stage == shard.Waiting {
		work, done = context.WithCancel(ctx)
		done()
	}
	return work, done, turn.Left
}

// ours reports whether the group's Organization is this instance's to work on. If it is not, the group has no members.
func (r *Reconciler) ours(ctx context.Context, g *group) bool {
	work, done, left := r.whileOurs(ctx, g)
	defer done()
	g.outcome.after(left)
	return work.Err() == nil
}

// speaksTo reports whether it is this instance that tells the member of the group how it stands.
func (r *Reconciler) speaksTo(g *group, m *member) bool {
	return r.Registry.Speaks(g.key.Host, g.key.Organization, connection.KeyFor(m.binding.Namespace, m.binding.Spec.ConnectionRef))
}

// disown drops what was found out, since whoever serves the Organization now finds it out anew. If that is this instance,
// it looks again when it may.
func (g *group) disown(left time.Duration) {
	g.members = nil
	g.outcome.errs, g.outcome.again = nil, 0
	g.outcome.after(left)
}
