package decision

import (
	"maps"
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/roleset"
)

// mayWrite reports whether the connection's credential may write the token, and whether that is known. Through a connection that
// observes nobody can ask: what Astro has refused to one credential of it stands, whichever it has now.
func (m Memory) mayWrite(c *Connection) (may, known bool) {
	if may, known = m.Writers[c.Credential]; known || !c.observes() {
		return may, known
	}
	return false, m.Forbidden[c.ID]
}

// writer remembers whether a credential may write the token, which the connections have.
func (m Memory) writer(credential string, may bool, connections ...string) Memory {
	next := m.clone()
	next.Writers[credential] = may
	delete(next.Again, credential)
	for _, id := range connections {
		if may {
			delete(next.Forbidden, id)
		} else {
			next.Forbidden[id] = true
		}
	}
	return next
}

// askAgain has a credential asked anew whether it may write the token. What Astro has refused to it stands until Astro has answered.
func (m Memory) askAgain(credential string) Memory {
	next := m.clone()
	if may, known := m.Writers[credential]; known && !may {
		next.Again[credential] = true
	} else {
		delete(next.Writers, credential)
	}
	delete(next.Undecided, credential)
	return next
}

// writerThrough is the memory once Astro has shown whether the credential of a connection may write the token.
func (s *Situation) writerThrough(through string, may bool) Memory {
	credential := s.credential(through)
	var connections []string
	for i := range s.Bindings {
		if c := &s.Bindings[i].Connection; c.Credential == credential && !slices.Contains(connections, c.ID) {
			connections = append(connections, c.ID)
		}
	}
	return s.Memory.writer(credential, may, connections...)
}

// wrote remembers the places in which the connection's credential was seen to write, as long as there is a role.
func (m Memory) wrote(c *Connection, changes []Change, at time.Time) Memory {
	if c.owns("") { // the Organization, which tells as much
		return m
	}
	next := m.clone()
	for _, change := range changes {
		writing := Writing{Credential: c.Credential, Target: change.Target}
		if change.To != "" {
			next.Wrote[writing] = Wrote{Rights: c.rights(), At: at}
		} else {
			delete(next.Wrote, writing)
		}
	}
	return next
}

// doubted forgets that a credential may write, since Astro has refused it a write in the places: it is asked again before it stands
// against another.
func (m Memory) doubted(credential string, places ...roleset.Target) Memory {
	if !m.Writers[credential] {
		return m
	}
	next := m.clone()
	delete(next.Writers, credential)
	for _, t := range places {
		delete(next.Wrote, Writing{Credential: credential, Target: t})
	}
	return next
}

// manyCredentials is from how many on those are forgotten that no binding of the token uses any more. Before, a connection may come
// back without its credential being asked about again.
const manyCredentials = 4

// ofCredentials forgets who may write of the credentials that no binding uses, if there are many.
func (m Memory) ofCredentials(bindings []Binding) Memory {
	if len(m.Writers)+len(m.Undecided) <= manyCredentials && len(m.Forbidden) <= manyCredentials {
		return m
	}
	used, connected := map[string]bool{}, map[string]bool{}
	for i := range bindings {
		used[bindings[i].Connection.Credential], connected[bindings[i].Connection.ID] = true, true
	}
	next := m.clone()
	maps.DeleteFunc(next.Writers, func(c string, _ bool) bool { return !used[c] })
	maps.DeleteFunc(next.Again, func(c string, _ bool) bool { return !used[c] })
	maps.DeleteFunc(next.Forbidden, func(id string, _ bool) bool { return !connected[id] })
	maps.DeleteFunc(next.Wrote, func(w Writing, _ Wrote) bool { return !used[w.Credential] })
	maps.DeleteFunc(next.Undecided, func(c string, _ time.Time) bool { return !used[c] })
	return next
}

// undecided remembers that the challenge of a credential told nothing.
func (m Memory) undecided(credential string, at time.Time) Memory {
	next := m.clone()
	next.Undecided[credential] = at
	return next
}

// proven reports whether the credential of a binding is known to be allowed to write the role that the binding speaks of. That it may
// write some role of the token does not tell: a Workspace's owner may write that of one Workspace and not that of another.
func (s *Situation) proven(b *Binding, found *astro.Target) bool {
	return s.Memory.Writers[b.Connection.Credential] && s.entitled(b, found)
}

// entitled reports whether the credential of a binding is to be allowed to write the role that the binding speaks of: by what it owns, or
// since it wrote it before, with the rights that it has now. What one wrote that does not see its rights counts until about the next sweep.
func (s *Situation) entitled(b *Binding, found *astro.Target) bool {
	c := &b.Connection
	last, wrote := s.Memory.Wrote[Writing{Credential: c.Credential, Target: b.entry(found)}]
	unseen := len(c.Own) == 0
	if wrote && (last.Rights != c.rights() || unseen && (c.Object == nil || s.Now.Sub(last.At) >= rest(c.Object))) {
		wrote = false
	}
	return wrote || c.owns(s.workspaceOf(b, found))
}

// workspaceOf is the Workspace of the place that a binding speaks of; empty if it is not known.
func (s *Situation) workspaceOf(b *Binding, found *astro.Target) string {
	if place := b.entry(found); place.Kind == astro.EntityWorkspace {
		return place.ID
	}
	return targetFacts(b, found).WorkspaceID
}
