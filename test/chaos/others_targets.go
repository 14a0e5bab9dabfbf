package main

import (
	"slices"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// What becomes of Workspaces and Deployments: they are renamed, moved, deleted, and made again under their names.

func drawRenameEntity(d draw) func(*world) {
	n, name := d.IntN(60), pick(d, "etl", "renamed", "ws-0")
	return func(w *world) {
		e := w.entity(n)
		w.mu.Lock()
		defer w.mu.Unlock()
		if e.gone {
			return
		}
		e.name, e.names = name, append(e.names, name)
		if e.kind == astrosim.TypeWorkspace {
			w.sim.RenameWorkspace(e.id, name)
		} else {
			w.sim.RenameDeployment(e.id, name)
		}
		w.history.notef("other", "renames %s to %s", e.id, name)
	}
}

// drawMove transfers a Deployment to another Workspace.
func drawMove(d draw) func(*world) {
	n, to := d.number(), d.IntN(60)
	return func(w *world) {
		e := w.deploymentOf(n)
		w.mu.Lock()
		defer w.mu.Unlock()
		there := w.workspacesBut(e.workspace)
		if e.gone || len(there) == 0 {
			return
		}
		e.workspace = there[to%len(there)].id
		w.sim.MoveDeployment(e.id, e.workspace)
		w.history.notef("other", "moves %s to %s", e.id, e.workspace)
		w.tally.add("others_moved", 1)
	}
}

// workspacesBut are the Workspaces that there are, but for one. The caller holds the lock.
func (w *world) workspacesBut(id string) (there []*entity) {
	for _, e := range w.entities {
		if e.kind == astrosim.TypeWorkspace && !e.gone && e.id != id {
			there = append(there, e)
		}
	}
	return there
}

// drawDeleteDeployment deletes a Deployment, and may make another of its name, as Terraform does.
func drawDeleteDeployment(d draw) func(*world) {
	n, again, during := d.IntN(60), d.chance(0.6), pick(d, 0, d.upTo(100*time.Millisecond))
	return func(w *world) {
		e := w.deploymentOf(n)
		if !w.deleteDeployment(e) || !again {
			return
		}
		time.Sleep(during)
		w.makeAgain(e)
	}
}

func (w *world) deleteDeployment(e *entity) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.gone {
		return false
	}
	e.gone = true
	w.sim.DeleteDeployment(e.id)
	w.history.notef("other", "deletes %s", e.id)
	return true
}

// makeAgain makes another target of the name of one that is gone, if its Workspace is still there.
func (w *world) makeAgain(e *entity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.kind == astrosim.TypeWorkspace {
		w.addWorkspace(e.name)
	} else if home := w.entityByID(e.workspace); home != nil && !home.gone {
		w.addDeployment(home, e.name)
	}
	w.history.notef("other", "makes %s again", e.name)
	w.tally.add("others_remade", 1)
}

// drawDeleteWorkspace deletes a Workspace with all that is in it, if it is not the last, and may make another of its name.
func drawDeleteWorkspace(d draw) func(*world) {
	n, again := d.IntN(60), d.chance(0.5)
	return func(w *world) {
		if gone := w.deleteWorkspace(n); gone != nil && again {
			w.makeAgain(gone)
		}
	}
}

func (w *world) deleteWorkspace(n int) *entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := w.workspacesBut("")
	if len(there) < 2 {
		return nil
	}
	gone := there[n%len(there)]
	for _, e := range slices.Concat(w.entities, w.tokens) {
		e.gone = e.gone || e == gone || e.workspace == gone.id || e.home == gone.id
	}
	w.sim.DeleteWorkspace(gone.id)
	w.history.notef("other", "deletes %s with all that is in it", gone.id)
	return gone
}

func drawNewDeployment(d draw) func(*world) {
	n, name := d.IntN(60), pick(d, "etl", "models", "fresh")
	return func(w *world) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if e := w.entities[n%len(w.entities)]; e.kind == astrosim.TypeWorkspace && !e.gone {
			w.addDeployment(e, name)
			w.history.notef("other", "makes Deployment %s in %s", name, e.id)
		}
	}
}
