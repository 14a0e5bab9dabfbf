package token

import (
	"context"
	"fmt"

	"github.com/scopedtoken/scopedtoken-operator/internal/controller/connection"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// A name is looked up in what was listed a while ago. Where it stood for something that was deleted and made again since,
// the first look by id says so, and a claim that was taken a moment before is no claim on anything: it is let go, and the
// name is looked up anew. A claim that has outlived its reconcile is another matter; it is never moved unasked.

// recantToken lets go of the claims that were just taken by the name of a token which is not there.
func (r *Reconciler) recantToken(ctx context.Context, g *group) {
	for _, m := range g.members {
		if m.takes && m.binding.Spec.Token.Name != "" && m.binding.Status.Token.ID == "" {
			r.recant(ctx, g, m)
		}
	}
}

// recantTarget lets go of the claims that were just taken by the name of a target which is not there.
func (r *Reconciler) recantTarget(ctx context.Context, g *group, h connection.Handle, c roleset.Change) {
	for _, id := range c.Claims {
		m := g.member(id)
		if !m.takes || m.binding.Spec.Target.Name == "" || m.binding.Status.Target.ID != "" {
			continue
		}
		h.Directory.ExpireTargets()
		r.memory.taken(g.key, c.Target)
		r.recant(ctx, g, m)
	}
}

// startOver ends a reconcile in which the token turned out to have another name than the listing says. By the old one it
// was found, and the rules were asked: claims that were just taken are let go, nobody is told anything, and with the name
// that it has now all is looked at anew.
func (r *Reconciler) startOver(ctx context.Context, g *group) {
	g.postponed = true
	g.outcome.after(5 * echoDelay)
	for _, m := range g.members {
		switch spelled := m.binding.Spec.Token.Name != "" && m.binding.Status.Token.ID == ""; {
		case m.takes && !m.sent:
			r.recant(ctx, g, m)
		case m.held == nil && spelled:
			r.handOver(g, m, r.keyOf(m))
		}
		m.class, m.fault = roleset.None, &fault{silent: true}
	}
}

func (r *Reconciler) recant(ctx context.Context, g *group, m *member) {
	if err := r.letGo(ctx, g, m); err != nil {
		g.outcome.unwritten(fmt.Errorf("let go of %s: %w", m.id(), err))
		return
	}
	m.class, m.fault = roleset.None, &fault{silent: true}
	g.outcome.after(5 * echoDelay)
}
