package stb

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/plan"
)

// planColumns are those of the table of a plan.
var planColumns = []column{
	{name: "Action"}, {name: "Binding"}, {name: "Token"}, {name: "Target"}, {name: "Role"}, {name: "Object"}, {name: "Ready"},
	{name: "Connection", wide: true}, {name: "Token ID", wide: true}, {name: "Target ID", wide: true}, {name: "Source", wide: true},
}

// printPlan prints a plan: as a table what changes and what stands in the way, and with -o wide every binding.
func (s *session) printPlan(format string, p *planned) error {
	if format == asJSON || format == asYAML {
		return printData(s.Out, format, p)
	}
	var rows [][]string
	var notes []string
	for i := range p.Bindings {
		item := &p.Bindings[i]
		if format != asWide && !item.Changes() && item.Action == plan.Nothing {
			continue
		}
		rows = append(rows, planRow(item))
		if note := noteOn(item); note != "" {
			notes = append(notes, note)
		}
	}
	if len(rows) > 0 {
		if err := printTable(s.Out, format == asWide, planColumns, rows); err != nil {
			return err
		}
		fmt.Fprintln(s.Out)
	}
	for _, note := range notes {
		fmt.Fprintln(s.Out, note)
	}
	for _, c := range p.Connections {
		fmt.Fprintf(s.Out, "%s: %s (%s)\n", printable(c.Connection), c.Operation, printable(c.Source))
	}
	fmt.Fprintln(s.Out, p.words())
	return nil
}

func planRow(i *plan.Item) []string {
	action := string(i.Action)
	if i.Pending {
		action += " (pending)"
	}
	ready := "<none>"
	if i.Then != nil {
		ready = fmt.Sprintf("%s/%s", i.Then.Status, i.Then.Reason)
	}
	target := i.Target.Kind + "/" + cmp.Or(i.Target.Name, i.Target.ID)
	return []string{
		action, printable(i.Namespace + "/" + i.Name), orNone(cmp.Or(i.Token.Name, i.Token.ID)), printable(target), roleWords(i.From, i.To),
		string(i.Operation), ready, printable(i.Connection), orNone(i.Token.ID), orNone(i.Target.ID), orNone(i.Source),
	}
}

// roleWords are the role before and after, once where they are the same.
func roleWords(from, to string) string {
	if from == to {
		return orNone(from)
	}
	return orNone(from) + " -> " + orNone(to)
}

// noteOn is what the condition says of a binding that is blocked, or that would change something if it were enforced.
func noteOn(i *plan.Item) string {
	if i.Then == nil || i.Action != plan.Blocked && i.Then.Reason != v1alpha1.ReasonWouldChange {
		return ""
	}
	return fmt.Sprintf("%s: %s: %s", printable(i.Namespace+"/"+i.Name), printable(i.Then.Reason), printable(i.Then.Message))
}

// words sum the plan up.
func (p *planned) words() string {
	if !p.changes() && p.Summary[string(plan.Blocked)] == 0 {
		return fmt.Sprintf("Nothing changes: %d bindings are as declared.", len(p.Bindings))
	}
	counts := make([]string, 0, len(plan.Actions()))
	for _, action := range plan.Actions() {
		counts = append(counts, fmt.Sprintf("%d %s", p.Summary[string(action)], summaryWords[action]))
	}
	return fmt.Sprintf("Plan: %s. %d roles change in Astro.", strings.Join(counts, ", "), len(p.Changes))
}

var summaryWords = map[plan.Action]string{
	plan.Grant: "to grant", plan.Alter: "to change", plan.Revoke: "to revoke", plan.Adopt: "to adopt",
	plan.Release: "to release", plan.Blocked: "blocked", plan.Nothing: "without a change in Astro",
}
