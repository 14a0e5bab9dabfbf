package main

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// standing is how much say a binding has over its place.
type standing int

const (
	none  standing = iota // no say: it has never held a claim, or only looks
	want                  // its role has to be there
	hold                  // what is there stays as it is
	leave                 // its role has to go, and it with it
)

// claim is a binding as the checker judges it, from its spec, the rules and what there is in Astro.
type claim struct {
	binding  *v1alpha1.ScopedTokenBinding
	held     *v1alpha1.HeldClaim
	token    *entity
	target   *entity
	place    place
	standing standing
	faults   []string // what it may say of itself instead of Ready
	vague    bool     // its target is gone: Astro decides what becomes of the role
}

func (c *claim) id() string { return c.binding.Namespace + "/" + c.binding.Name }

func (c *claim) fault(reasons ...string) { c.faults = append(c.faults, reasons...) }

// snapshot is everything that counts at one moment.
type snapshot struct {
	world    *world
	bindings []v1alpha1.ScopedTokenBinding
	shared   v1alpha1.ClusterAstroConnection
	own      v1alpha1.AstroConnection
	away     map[v1alpha1.ConnectionKind]bool // connections that are not there
	marks    map[string]map[string]string     // of the namespaces
	claims   []*claim
	problems []problem
	unknown  int // roles that were left by bindings of which nobody can know any more
}

// brokenf notes what is not as it has to be at this moment. It counts only if it stays so.
func (s *snapshot) brokenf(kind promise, format string, args ...any) {
	s.problems = append(s.problems, problem{kind, s.world.history.words(fmt.Sprintf(format, args...))})
}

func (w *world) snapshot() (*snapshot, error) {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	s := &snapshot{world: w, marks: map[string]map[string]string{}, away: map[v1alpha1.ConnectionKind]bool{}}
	var err error
	if s.bindings, err = w.bindings(); err != nil {
		return nil, err
	}
	for own, c := range map[bool]v1alpha1.Connection{false: &s.shared, true: &s.own} {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(w.connection(own)), c)
		s.away[c.ConnectionKind()] = apierrors.IsNotFound(err)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	for name, value := range w.marks {
		s.marks[name] = map[string]string{label: value}
	}
	w.mu.Unlock()
	for i := range s.bindings {
		s.claims = append(s.claims, s.judge(&s.bindings[i]))
	}
	return s, nil
}

// judge works out what a binding has to say.
func (s *snapshot) judge(b *v1alpha1.ScopedTokenBinding) *claim {
	c := &claim{binding: b, held: heldOf(b)}
	s.findToken(c)
	s.findTarget(c)
	if c.token != nil && c.target != nil {
		c.place = place{c.token.id, c.target.kind, c.target.id}
	}
	if c.held != nil && placeOf(c.held) != c.place {
		s.brokenf(wrong, "%s holds %v and stands for %v", c.id(), placeOf(c.held), c.place)
	}
	if c.token != nil && c.target != nil && c.token.scope == astrosim.TypeWorkspace && c.target.workspace != c.token.home {
		c.fault(v1alpha1.ReasonTokenScopeMismatch)
	}
	s.findConnection(c)
	refused := s.refused(c)
	if refused != "" {
		c.fault(refused)
	}
	if b.Spec.Suspend {
		c.fault(v1alpha1.ReasonSuspended)
	}
	c.vague = c.target != nil && c.target.gone
	switch {
	case !b.DeletionTimestamp.IsZero():
		s.judgeLeaver(c, refused)
	case b.Spec.Mode == v1alpha1.ModeObserve:
	case len(c.faults) == 0:
		c.standing = want
	case c.held == nil:
	case refused != "" && !c.verified(): // anybody could have made it up
	case refused != "" && !b.Spec.Suspend && s.withdraws(c):
		c.standing = leave
	default:
		c.standing = hold
	}
	return c
}

// withdraws says whether what the rules no longer allow is taken away. A role that they allow stays, though the binding
// asks for another that they do not.
func (s *snapshot) withdraws(c *claim) bool {
	if s.shared.Spec.OnWithdrawal != v1alpha1.WithdrawalRevoke || c.held.Origin != v1alpha1.OriginCreated || !c.verified() ||
		c.token == nil || c.token.gone || c.target == nil || c.target.gone {
		return false
	}
	there := s.role(c.place)
	return there == "" || forbidden(s.shared.Spec.Allow, c.binding.Namespace, s.marks[c.binding.Namespace], c.token, c.target, there) != ""
}

// verified says whether status bears out the claim.
func (c *claim) verified() bool {
	s := c.binding.Status
	return s.Token.ID == c.held.Token && s.Target.ID == c.held.Target && s.Origin == c.held.Origin && s.OrganizationID == c.held.Organization
}

func (s *snapshot) judgeLeaver(c *claim, refused string) {
	stays := c.binding.Spec.DeletionPolicy == v1alpha1.DeletionRetain || c.binding.Spec.Mode == v1alpha1.ModeObserve ||
		c.binding.Annotations[v1alpha1.AnnotationRelease] == "true"
	c.standing = leave
	if _, stripped := s.world.facts.strippedFrom(c.binding.UID); stripped && c.held == nil && !stays {
		c.standing = none // nobody knows any more what to revoke
	}
	if !stays && c.held != nil && refused != "" && (c.held.Origin == v1alpha1.OriginAdopted || !c.verified()) && !c.token.gone {
		c.standing = hold // the rules have the last word on a role that the operator did not give by its own word
	}
}

// refused is how the rules refuse a binding, "" if they do not, or if token or target are not known.
func (s *snapshot) refused(c *claim) string {
	if c.binding.Spec.ConnectionRef.Kind == v1alpha1.KindAstroConnection || c.token == nil || c.target == nil || c.token.gone || s.away[c.binding.Spec.ConnectionRef.Kind] {
		return ""
	}
	return forbidden(s.shared.Spec.Allow, c.binding.Namespace, s.marks[c.binding.Namespace], c.token, c.target, roleOf(c.binding))
}

// findConnection sees whether the connection of a binding is there, and takes new bindings.
func (s *snapshot) findConnection(c *claim) {
	kind := c.binding.Spec.ConnectionRef.Kind
	deleted := s.shared.DeletionTimestamp
	if kind == v1alpha1.KindAstroConnection {
		deleted = s.own.DeletionTimestamp
	}
	switch {
	case s.away[kind]:
		c.fault(v1alpha1.ReasonConnectionNotFound)
	case !deleted.IsZero() && c.held == nil:
		c.fault(v1alpha1.ReasonConnectionNotReady)
	}
}

// named are the tokens that there are of a name.
func (w *world) named(r v1alpha1.TokenReference) []*entity {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []*entity
	for _, t := range w.tokens {
		if !t.gone && t.name == r.Name && t.scope == scopeWord(r.Scope) && (r.WorkspaceID == "" || string(r.WorkspaceID) == t.home) {
			found = append(found, t)
		}
	}
	return found
}

func scopeWord(s v1alpha1.Scope) string {
	if s == v1alpha1.ScopeWorkspace {
		return astrosim.TypeWorkspace
	}
	return astrosim.TypeOrganization
}

// findToken finds the token that a binding stands for: by id, or the one its name was resolved to, or the one that has
// its name now.
func (s *snapshot) findToken(c *claim) {
	spec, id := c.binding.Spec.Token, string(c.binding.Spec.Token.ID)
	if id == "" {
		id = c.binding.Status.Token.ID
		if c.held != nil {
			id = c.held.Token
		}
	}
	if id == "" {
		found := s.world.named(spec)
		switch len(found) {
		case 0:
			c.fault(append(refusals[:], v1alpha1.ReasonTokenNotFound)...)
		case 1:
			c.token = found[0]
		default:
			c.fault(append(refusals[:], v1alpha1.ReasonTokenAmbiguous)...)
		}
		return
	}
	c.token = s.world.find(id)
	switch t := c.token; {
	case t == nil:
		s.brokenf(wrong, "%s stands for a token %s that never was", c.id(), id)
		c.fault(v1alpha1.ReasonTokenNotFound)
	case spec.Name != "" && !slices.Contains(t.names, spec.Name):
		s.brokenf(wrong, "%s stands for token %s, which never had the name %s", c.id(), id, spec.Name)
	case t.gone && spec.Name != "":
		c.fault(append(refusals[:], v1alpha1.ReasonTokenReplaced, v1alpha1.ReasonTokenNotFound)...)
	case t.gone:
		c.fault(append(refusals[:], v1alpha1.ReasonTokenNotFound)...)
	}
}

// findTarget finds the Workspace or Deployment in the same way.
func (s *snapshot) findTarget(c *claim) {
	spec, id := c.binding.Spec.Target, string(c.binding.Spec.Target.ID)
	if id == "" {
		id = c.binding.Status.Target.ID
		if c.held != nil {
			id = c.held.Target
		}
	}
	if id == "" {
		s.findTargetByName(c)
		return
	}
	c.target = s.world.find(id)
	if t := c.target; t == nil || spec.Name != "" && !slices.Contains(t.names, spec.Name) {
		s.brokenf(wrong, "%s stands for a target %s that never had its name", c.id(), id)
	}
}

func (s *snapshot) findTargetByName(c *claim) {
	spec := c.binding.Spec.Target
	var found []*entity
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, e := range s.world.entities {
		if !e.gone && e.kind == kinds[spec.Kind] && e.name == spec.Name && (spec.WorkspaceID == "" || string(spec.WorkspaceID) == e.workspace) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		c.fault(append(refusals[:], v1alpha1.ReasonTargetNotFound)...)
	case 1:
		c.target = found[0]
	default:
		c.fault(append(refusals[:], v1alpha1.ReasonTargetAmbiguous)...)
	}
}
