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

// class is what a binding has to say about its place.
type class int

const (
	none  class = iota // no say: it has never held a claim, or only looks
	want               // its role has to be there
	hold               // what is there stays as it is
	leave              // its role has to go, and it with it
)

// claim is a binding as the checker judges it, from its spec, the rules and what there is in Astro.
type claim struct {
	binding   *v1alpha1.ScopedTokenBinding
	held      *heldClaim
	token     *entity
	target    *entity
	place     place
	class     class
	faults    []string // what it may say of itself instead of Ready
	undecided bool     // its target is gone: Astro decides what becomes of the role
}

func (c *claim) id() string { return c.binding.Namespace + "/" + c.binding.Name }

func (c *claim) fault(reasons ...string) { c.faults = append(c.faults, reasons...) }

// snapshot is everything that counts at one moment.
type snapshot struct {
	world           *world
	bindings        []v1alpha1.ScopedTokenBinding
	shared          v1alpha1.ClusterAstroConnection
	own             v1alpha1.AstroConnection
	missing         map[v1alpha1.ConnectionKind]bool // connections that are not there
	namespaceLabels map[string]map[string]string     // of the namespaces
	claims          []*claim
	problems        []problem
	unseenOld       int // roles left after an old read that nothing told
	unseen          int // roles left by bindings that vanished and that the operator cannot know of
}

// violationf notes what is not as it has to be at this moment. It counts only if it stays so.
func (s *snapshot) violationf(kind promise, format string, args ...any) {
	s.problems = append(s.problems, problem{kind, s.world.history.withAliases(fmt.Sprintf(format, args...))})
}

func (w *world) snapshot() (*snapshot, error) {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	s := &snapshot{world: w, namespaceLabels: map[string]map[string]string{}, missing: map[v1alpha1.ConnectionKind]bool{}}
	var err error
	if s.bindings, err = w.bindings(); err != nil {
		return nil, err
	}
	for own, c := range map[bool]v1alpha1.Connection{false: &s.shared, true: &s.own} {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(w.connection(own)), c)
		s.missing[c.ConnectionKind()] = apierrors.IsNotFound(err)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	for name, value := range w.namespaceLabels {
		s.namespaceLabels[name] = map[string]string{label: value}
	}
	w.mu.Unlock()
	for i := range s.bindings {
		s.claims = append(s.claims, s.judge(&s.bindings[i]))
	}
	return s, nil
}

// judge works out what a binding has to say.
func (s *snapshot) judge(b *v1alpha1.ScopedTokenBinding) *claim {
	c := &claim{binding: b, held: s.world.claimOf(b)}
	s.findToken(c)
	s.findTarget(c)
	if c.token != nil && c.target != nil {
		c.place = place{c.token.id, c.target.kind, c.target.id}
	}
	if c.held != nil && c.held.place != c.place {
		s.violationf(wrong, "%s holds %v and stands for %v", c.id(), c.held.place, c.place)
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
	switch {
	case !b.DeletionTimestamp.IsZero():
		s.judgeDeleting(c, refused)
	case hasExpired(b):
		s.judgeExpired(c, refused)
	case b.Spec.Mode == v1alpha1.ModeObserve:
	case len(c.faults) == 0:
		c.class = want
	case c.held == nil:
	case refused != "" && !b.Spec.Suspend && s.withdraws(c):
		c.class = leave
	default:
		c.class = hold
	}
	return c
}

// withdraws says whether what the rules no longer allow is taken missing. A role that they allow stays, though the binding
// asks for another that they do not.
func (s *snapshot) withdraws(c *claim) bool {
	if s.shared.Spec.OnWithdrawal != v1alpha1.WithdrawalRevoke || c.held.origin != v1alpha1.OriginCreated || c.token == nil || c.token.gone || c.target == nil || c.target.gone {
		return false
	}
	there := s.role(c.place)
	return there == "" || forbidden(s.shared.Spec.Allow, c.binding.Namespace, s.namespaceLabels[c.binding.Namespace], c.token, c.target, there) != ""
}

func (s *snapshot) judgeDeleting(c *claim, refused string) {
	c.class = leave
	if !leavesRole(c.binding) && c.held != nil && refused != "" && c.held.origin == v1alpha1.OriginAdopted && !c.token.gone {
		c.class = hold // the rules have the last word on a role that the operator did not give
	}
}

// refused is how the rules refuse a binding, "" if they do not, or if token or target are not known.
func (s *snapshot) refused(c *claim) string { return s.refusedRole(c, roleOf(c.binding)) }

// refusedRole is how they refuse it the role.
func (s *snapshot) refusedRole(c *claim, role string) string {
	if c.binding.Spec.ConnectionRef.Kind == v1alpha1.KindAstroConnection || c.token == nil || c.target == nil || c.token.gone || s.connectionMissing(c.binding) {
		return ""
	}
	return forbidden(s.shared.Spec.Allow, c.binding.Namespace, s.namespaceLabels[c.binding.Namespace], c.token, c.target, role)
}

// findConnection sees whether the connection of a binding is there, and takes new bindings.
func (s *snapshot) findConnection(c *claim) {
	kind := c.binding.Spec.ConnectionRef.Kind
	deleted := s.shared.DeletionTimestamp
	if kind == v1alpha1.KindAstroConnection {
		deleted = s.own.DeletionTimestamp
	}
	switch {
	case s.connectionMissing(c.binding):
		c.fault(v1alpha1.ReasonConnectionNotFound)
	case !deleted.IsZero() && c.held == nil:
		c.fault(v1alpha1.ReasonConnectionNotReady)
	}
}

// connectionMissing says whether the connection that a binding names is not there. The AstroConnection is in one namespace
// only, and copies of its bindings may be in others.
func (s *snapshot) connectionMissing(b *v1alpha1.ScopedTokenBinding) bool {
	kind := b.Spec.ConnectionRef.Kind
	return s.missing[kind] || kind == v1alpha1.KindAstroConnection && b.Namespace != namespaces[0]
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
			id = c.held.token
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
		s.violationf(wrong, "%s stands for a token %s that never was", c.id(), id)
		c.fault(v1alpha1.ReasonTokenNotFound)
	case spec.Name != "" && !slices.Contains(t.names, spec.Name):
		s.violationf(wrong, "%s stands for token %s, which never had the name %s", c.id(), id, spec.Name)
	case t.gone && spec.Name != "":
		c.fault(append(refusals[:], v1alpha1.ReasonTokenReplaced, v1alpha1.ReasonTokenNotFound)...)
	case t.gone:
		c.fault(append(refusals[:], v1alpha1.ReasonTokenNotFound)...)
	}
}
