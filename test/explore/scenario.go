package main

import (
	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// scenario is where exploring begins, and how much of everything may happen.
type scenario struct {
	name     string
	reason   string
	bindings []template
	made     int // how many of the bindings are there at the beginning
	budget   budget

	otherTarget bool              // a binding that is made again is for another target
	on          [maxTargets]uint8 // roles that the token has at the beginning, nobody's
	denied      [2]bool           // connections whose credential may not write the token
	gathers     bool              // what the watch delivers may come between the steps of gathering
}

var scenarios = []scenario{
	{
		name: "one", reason: "One binding is granted, edited and revoked, and the operator crashes.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetEdit: 1, budgetDelete: 1, budgetCrash: 1, budgetLost: 1, budgetPass: 1},
	},
	{
		name: "failing", reason: "The same, and reads and writes of the journal fail.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetDelete: 1, budgetCrash: 1, budgetJournal: 1, budgetRead: 1, budgetUnconfirmed: 1},
	},
	{
		name: "modes", reason: "One binding is suspended, resumed, and observes for a while.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetEdit: 1, budgetSuspend: 2, budgetObserve: 2, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "conflict", reason: "Two bindings want different roles on one target; the first goes or changes its mind.",
		bindings: []template{{role: 1}, {role: 2}}, made: 1,
		budget: budget{budgetCreate: 1, budgetEdit: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "shared", reason: "Two bindings want the same role on one target, and go or observe.",
		bindings: []template{{role: 1}, {role: 1}}, made: 2,
		budget: budget{budgetDelete: 2, budgetObserve: 1, budgetSuspend: 1},
	},
	{
		name: "replaced", reason: "A binding is deleted and made again for another target, in a watch gap or not.",
		bindings: []template{{role: 1}}, made: 1, otherTarget: true,
		budget: budget{budgetCreate: 1, budgetDelete: 1, budgetStrip: 1, budgetGap: 1, budgetCrash: 1},
	},
	{
		name: "stale", reason: "A deletion is decided on before the finalizer is there, and carried out later.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetCreate: 1, budgetStale: 1, budgetGap: 1, budgetCrash: 1, budgetLost: 1},
	},
	{
		name: "released", reason: "A binding is let go without its role being revoked, and its finalizer is stripped.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetRelease: 1, budgetDelete: 1, budgetStrip: 1, budgetCreate: 1, budgetCrash: 1},
	},
	{
		name: "partial", reason: "A read shows the token without its roles while one is granted and revoked.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetPart: 1, budgetDelete: 1, budgetStrip: 1, budgetCrash: 1, budgetPass: 1},
	},
	{
		name: "edited", reason: "A role is edited while its binding goes without its finalizer, and a read shows the token without its roles.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetPart: 1, budgetEdit: 1, budgetDelete: 1, budgetStrip: 1, budgetCrash: 1},
	},
	{
		name: "writer", reason: "Another writer changes roles while one is granted and revoked, and reads lag.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetWriter: 1, budgetLag: 1, budgetLost: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "unsent", reason: "A binding vanishes before its role is sent, and another writer gives that very role.",
		bindings: []template{{role: 1}}, made: 1,
		budget: budget{budgetDeclare: 1, budgetStale: 1, budgetCreate: 1, budgetCrash: 1},
	},
	{
		name: "adopting", reason: "One binding may not adopt, and another takes over what is there.",
		bindings: []template{{role: 1, adopt: v1alpha1.AdoptNever}, {role: 1, target: 1}}, made: 2, on: [maxTargets]uint8{0, roleForeign},
		budget: budget{budgetWriter: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "broken", reason: "Astro refuses one of two roles; the other is given all the same.",
		bindings: []template{{role: 1, adopt: v1alpha1.AdoptNever}, {role: roleBroken, target: 1}}, made: 2,
		budget: budget{budgetWriter: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "denied", reason: "Of two connections that speak of one role, one may not write the token.",
		bindings: []template{{role: 1}, {role: 2, conn: 1}}, made: 2, denied: [2]bool{true, false},
		budget: budget{budgetEdit: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "heirs", reason: "What goes with its claim is inherited by another binding, which goes as well.",
		bindings: []template{{role: 1}, {role: 1, adopt: v1alpha1.AdoptNever}}, made: 1,
		budget: budget{budgetCreate: 1, budgetDelete: 2, budgetStrip: 1, budgetCrash: 1},
	},
	{
		name: "order", reason: "Two bindings share a role until one of them changes its mind.",
		bindings: []template{{role: 1}, {role: 1}}, made: 1,
		budget: budget{budgetCreate: 1, budgetEdit: 1, budgetDelete: 1},
	},
	{
		name: "copied", reason: "A binding is made from a copy of another one, with its status.",
		bindings: []template{{role: 1}, {role: 1}}, made: 1,
		budget: budget{budgetCopy: 1, budgetDelete: 2, budgetEdit: 1},
	},
	{
		name: "gathered", reason: "While a reconcile gathers, bindings are made, go and are made again for another target.",
		bindings: []template{{role: 1}, {role: 1}}, made: 1, otherTarget: true, gathers: true,
		budget: budget{budgetCreate: 1, budgetDelete: 1, budgetStrip: 1, budgetGap: 1},
	},
	{
		name: "named", reason: "Bindings name their token by its name, and are found under its id once a status says which it is.",
		bindings: []template{{role: 1, named: true}, {role: 1, named: true}}, made: 1, gathers: true,
		budget: budget{budgetCreate: 1, budgetDelete: 1, budgetCrash: 1},
	},
	{
		name: "three", reason: "Three bindings on two targets.",
		bindings: []template{{role: 1}, {role: 2}, {role: 1, target: 1}}, made: 2,
		budget: budget{budgetCreate: 1, budgetDelete: 1, budgetCrash: 1},
	},
}

// begin is the scenario's first state; bound multiplies how much may happen.
func (sc *scenario) begin(bound int) state {
	s := state{scenario: sc}
	s.astro.now = roleSet{on: sc.on, unknown: true}
	s.astro.before = s.astro.now
	s.proc.seen, s.proc.began = true, -1
	for i, n := range sc.budget {
		s.budget[i] = uint8(int(n) * bound)
	}
	for n := range sc.made {
		s.create(n)
	}
	return s
}
