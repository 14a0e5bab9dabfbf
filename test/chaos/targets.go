package main

import (
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// What the rules are asked about is where a target is now. The operator may lag behind by one sweep, and a quiet point asks
// for one. During a round nothing that hangs on where a target is counts.

// findTarget finds the Workspace or Deployment that a binding stands for, as findToken does.
func (s *snapshot) findTarget(c *claim) {
	spec, id := c.binding.Spec.Target, string(c.binding.Spec.Target.ID)
	if id == "" {
		id = c.binding.Status.Target.ID
		if c.held != nil {
			id = c.held.target
		}
	}
	if id == "" {
		s.findTargetByName(c)
		return
	}
	c.target = s.world.find(id)
	switch t := c.target; {
	case t == nil || spec.Name != "" && !slices.Contains(t.names, spec.Name):
		s.violationf(wrong, "%s stands for a target %s that never had its name", c.id(), id)
	case t.gone:
		c.undecided = true
		s.targetGone(c)
	case spec.ID != "" && spec.WorkspaceID != "" && string(spec.WorkspaceID) != t.workspace:
		c.fault(v1alpha1.ReasonTargetNotFound) // by its id, but elsewhere than the user says
	}
}

// targetGone says what a binding may say whose target is gone. If exactly one other has its name, that may be told, and has to
// be followed once the user has confirmed it.
func (s *snapshot) targetGone(c *claim) {
	c.fault(append(refusals[:], v1alpha1.ReasonTargetNotFound)...)
	if c.binding.Spec.Target.Name == "" {
		return
	}
	heirs := s.world.namedTargets(c.binding.Spec.Target)
	if len(heirs) != 1 {
		return
	}
	c.fault(v1alpha1.ReasonTargetReplaced)
	confirmed := c.binding.Annotations[v1alpha1.AnnotationConfirmTarget] == heirs[0].id
	if confirmed && readyOf(c.binding).Reason == v1alpha1.ReasonTargetReplaced && c.token != nil && !s.world.oracle.refuses(place{c.token.id, c.target.kind, c.target.id}, "") {
		s.violationf(wrong, "%s does not follow %s, although that is confirmed: %s", c.id(), heirs[0].id, readyWords(c.binding))
	}
}

func (s *snapshot) findTargetByName(c *claim) {
	switch found := s.world.namedTargets(c.binding.Spec.Target); len(found) {
	case 0:
		c.fault(append(refusals[:], v1alpha1.ReasonTargetNotFound)...)
	case 1:
		c.target = found[0]
	default:
		c.fault(append(refusals[:], v1alpha1.ReasonTargetAmbiguous)...)
	}
}

// namedTargets are the Workspaces or Deployments that there are of a name.
func (w *world) namedTargets(r v1alpha1.TargetReference) (found []*entity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entities {
		if !e.gone && e.kind == kinds[r.Kind] && e.name == r.Name && (r.WorkspaceID == "" || string(r.WorkspaceID) == e.workspace) {
			found = append(found, e)
		}
	}
	return found
}

// checkTarget checks what a status that is Ready says of the target: what it is called, and where it is, may be a sweep old.
func (s *snapshot) checkTarget(c *claim) {
	said := c.binding.Status.Target
	if said.Name != c.target.name || c.target.kind == kinds[v1alpha1.TargetDeployment] && said.WorkspaceID != c.target.workspace {
		s.violationf(wrong, "%s says that %s is %q in Workspace %q, and it is %q in %q",
			c.id(), c.target.id, said.Name, said.WorkspaceID, c.target.name, c.target.workspace)
	}
}
