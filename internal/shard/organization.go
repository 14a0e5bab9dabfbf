package shard

import (
	"context"
	"time"
)

// Stage is what an instance has to do with a connection.
type Stage int

const (
	// Foreign: it is left alone.
	Foreign Stage = iota
	// Proving: no credential is proven for its Organization yet, so every connection speaks for itself. Its credential is
	// proven, and nothing else is done.
	Proving
	// Waiting: its Organization is this instance's, as soon as nobody else can be at work on it any more.
	Waiting
	// Serving: its Organization is this instance's.
	Serving
)

// organization is what is known of one that has connections.
type organization struct {
	connections map[Key]connection
	stages      map[Key]Stage // as the listeners were last told, to whom Waiting is Serving

	proven bool      // a credential is proven for it
	ours   bool      // this instance is to serve it
	free   time.Time // when nobody else can be at work on it any more

	turn context.Context //nolint:containedctx // it lasts as long as the Organization is this instance's
	end  context.CancelFunc
}

func newOrganization() *organization {
	return &organization{connections: map[Key]connection{}, stages: map[Key]Stage{}}
}

// assess decides anew, and returns the connections whose stage is another. One that is seen for the first time is
// among them, since somebody may have asked for it in vain already.
func (o *organization) assess(t *Tracker) (changed []Key) {
	first, proven := deciding(o.connections)
	o.proven = proven
	o.give(proven && t.Selector.Matches(first.labels), t)
	for key, c := range o.connections {
		is := o.stage(t, c)
		if was, told := o.stages[key]; !told || was != is {
			changed = append(changed, key)
		}
		o.stages[key] = is
	}
	return changed
}

// give makes the Organization this instance's, or takes it away. Who served it before, and whether anybody did, is not
// asked: that would have to be known for sure.
func (o *organization) give(ours bool, t *Tracker) {
	switch {
	case ours && !o.ours:
		o.free = t.Clock().Add(t.Handover)
		o.turn, o.end = context.WithCancel(context.Background())
	case !ours && o.ours:
		o.end()
	}
	o.ours = ours
}

// stage of a connection, but for the time.
func (o *organization) stage(t *Tracker, c connection) Stage {
	switch {
	case o.ours:
		return Serving
	case !o.proven && t.Selector.Matches(c.labels):
		return Proving
	default:
		return Foreign
	}
}
