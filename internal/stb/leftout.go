package stb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/decision"
	"github.com/scopedtoken/scopedtoken-operator/internal/policy"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// exported is what export makes, and what it leaves out.
type exported struct {
	bindings []*v1alpha1.ScopedTokenBinding // by namespace and name
	grants   []Grant                        // of the bindings, in their order

	held, observed int      // a binding declares it already
	awaited        []string // what a binding is to enforce that has no claim to it yet, and which, a line each
	own, others    int      // roles of the own scope, and on what no binding can name
	misfits        []string // what else no binding can declare, and why, a line each
}

// bindingsFor makes the bindings. Nothing is decided here that depends on when it is asked, but which tokens have expired.
func (v *view) bindingsFor(o exportOptions, byWorkspace map[string]string, now time.Time) exported {
	var e exported
	names, existing, credentials := bindingNames(assignments(v.grants)), taken(v.bindings), v.credentials()
	toEnforce := enforcers(v.bindings)
	to := v1alpha1.ConnectionReference{Kind: v.connection.ConnectionKind(), Name: v.connection.GetName()}
	for _, g := range o.from(v.grants) {
		namespace := v.namespaceOf(&g, byWorkspace)
		name := names[g.at()]
		if has, is := existing[namespace+"/"+name]; is && has != (fixed{g.at(), ref.KeyFor(namespace, to)}) {
			name = g.hashedName()
		}
		if e.skips(&g, o, namespace+"/"+name) {
			continue
		}
		if others := inTheWay(toEnforce[g.at()], namespace+"/"+name); len(others) > 0 && !o.declared {
			e.awaited = append(e.awaited, g.roleWords()+": "+printable(strings.Join(others, ", ")))
			continue
		}
		if why := g.misfit(credentials, now); why != "" {
			e.misfits = append(e.misfits, g.roleWords()+": "+why)
			continue
		}
		e.bindings, e.grants = append(e.bindings, g.binding(namespace, name, to, o)), append(e.grants, g)
	}
	e.sort()
	return e
}

// roleWords say of which role there is something to tell.
func (g *Grant) roleWords() string {
	return fmt.Sprintf("%s (%s), %s on %s", printable(g.Token), printable(g.TokenID), printable(g.Role), g.targetWords())
}

// skips counts a grant for which no binding is made because of what it is, or because a binding declares it already.
func (e *exported) skips(g *Grant, o exportOptions, binding string) bool {
	switch {
	case g.OwnScope:
		e.own++
	case !g.isAssignment():
		e.others++
	case g.DeclaredBy != "" && !o.declared:
		e.held++
	case g.ObservedBy != "" && g.ObservedBy != binding && !o.declared:
		e.observed++
	default:
		return false
	}
	return true
}

func (e *exported) sort() {
	order := make([]int, len(e.bindings))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := e.bindings[i], e.bindings[j]
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	bindings, grants := make([]*v1alpha1.ScopedTokenBinding, 0, len(order)), make([]Grant, 0, len(order))
	for _, i := range order {
		bindings, grants = append(bindings, e.bindings[i]), append(grants, e.grants[i])
	}
	e.bindings, e.grants = bindings, grants
}

// credentials are the tokens whose roles the operator does not change through the connection, as far as they can be seen: the
// credentials of ClusterAstroConnections and its own. That with which Astro is read is taken for its own.
func (v *view) credentials() map[string]bool {
	all := map[string]bool{v.self: true, v.connection.ConnectionStatus().CredentialTokenID: true}
	for _, c := range v.connections {
		if c.ConnectionKind() == v1alpha1.KindClusterAstroConnection {
			all[c.ConnectionStatus().CredentialTokenID] = true
		}
	}
	return all
}

// tellLeftOut says what is exported and what is not.
func (s *session) tellLeftOut(e exported) {
	namespaces := map[string]bool{}
	for _, b := range e.bindings {
		namespaces[b.Namespace] = true
	}
	fmt.Fprintf(s.ErrOut, "%d binding(s) for %d namespace(s).\n", len(e.bindings), len(namespaces))
	for _, line := range []struct {
		n    int
		what string
		each []string
	}{
		{e.held, "roles that a binding holds already", nil},
		{len(e.awaited), "roles that a binding is to enforce and does not hold yet; see kubectl stb explain", e.awaited},
		{e.observed, "roles that a binding of another name observes already", nil},
		{e.own, "roles that tokens have where they were made, which no binding declares", nil},
		{e.others, "roles on what no binding can name, such as DAGs; see kubectl stb roles", nil},
		{len(e.misfits), "roles that cannot be declared:", e.misfits},
	} {
		if line.n == 0 {
			continue
		}
		fmt.Fprintf(s.ErrOut, "Left out: %d %s\n", line.n, line.what)
		for _, one := range line.each {
			fmt.Fprintln(s.ErrOut, "  "+one)
		}
	}
}

// tellRules says which of the bindings the rules of the connection would not allow.
func (s *session) tellRules(ctx context.Context, v view, e exported) {
	type refusal struct{ namespace, reason string }
	refused, example := map[refusal]int{}, map[refusal]string{}
	subjects := s.subjects(ctx, v, e)
	for i, b := range e.bindings {
		subject, known := subjects[b.Namespace]
		if !known {
			continue
		}
		ask := policy.Request{Subject: subject, Token: decision.FactsOfToken(*e.grants[i].token), Target: decision.FactsOf(e.grants[i].on), Role: b.Spec.Role}
		if d := policy.Check(v.connection, ask); !d.Allowed {
			key := refusal{b.Namespace, d.Reason}
			refused[key]++
			example[key] = cmp.Or(example[key], b.Name+": "+d.Message)
		}
	}
	keys := slices.SortedFunc(maps.Keys(refused), func(a, b refusal) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.reason, b.reason))
	})
	for _, k := range keys {
		fmt.Fprintf(s.ErrOut, "%d binding(s) of namespace %s will say %s; %s\n", refused[k], printable(k.namespace), k.reason, printable(example[k]))
	}
}

// subjects are the namespaces of the bindings as rules see them, but for those of which it says that it is not known.
func (s *session) subjects(ctx context.Context, v view, e exported) map[string]policy.Subject {
	of := map[string]int{}
	for _, b := range e.bindings {
		of[b.Namespace]++
	}
	subjects := map[string]policy.Subject{}
	for _, namespace := range slices.Sorted(maps.Keys(of)) {
		subject, err := v.cluster.subject(ctx, v.connection, namespace)
		if apierrors.IsNotFound(err) {
			fmt.Fprintf(s.ErrOut, "There is no namespace %s; make it before you apply the bindings.\n", printable(namespace))
			if !policy.GoesByLabels(v.connection) {
				err = nil
			}
		}
		if err != nil {
			fmt.Fprintf(s.ErrOut, "Whether the rules allow the %d binding(s) of namespace %s is not known: %s\n",
				of[namespace], printable(namespace), printable(err.Error()))
			continue
		}
		subjects[namespace] = subject
	}
	return subjects
}
