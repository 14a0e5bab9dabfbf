package astrosim_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

func TestSwitches(t *testing.T) {
	for _, sw := range astrosim.Switches() {
		for _, v := range sw.Values {
			t.Run(sw.Name+"="+string(v.Choice), func(t *testing.T) {
				tc, known := switchCases[sw.Name]
				want, told := tc.answers[v.Choice]
				if !known || !told {
					t.Fatal("no case asks for this value")
				}
				got := tc.ask(newWorld(t, astrosim.Options{Behaviour: withBehaviour(t, sw.Name+"="+string(v.Choice))}))
				prefix, open := strings.CutSuffix(want, "*")
				if open && !strings.HasPrefix(got, prefix) || !open && got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

func TestPartialNames(t *testing.T) {
	w := newWorld(t, astrosim.Options{Behaviour: withBehaviour(t, "names-filter=Partial")})
	if got := w.get("/workspaces?names=ata").page(t).names(); got != "data Data Science" {
		t.Errorf("got %q", got)
	}
}

func TestSwitchesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), astrosim.SwitchesMarkdown()) {
		t.Error("docs/simulator.md has another table of switches than bin/astrosim --list-behaviour prints")
	}
	for _, kind := range astrosim.FaultKinds() {
		if !strings.Contains(string(page), "`"+string(kind)+"`") {
			t.Errorf("docs/simulator.md does not tell of the fault %s", kind)
		}
	}
	for _, sw := range astrosim.Switches() {
		var values []string
		for _, v := range sw.Values {
			values = append(values, string(v.Choice))
		}
		if line := fmt.Sprintf("//\t%-29s %s\n", sw.Name, strings.Join(values, " | ")); !strings.Contains(string(doc), line) {
			t.Errorf("doc.go lacks the line %q", line)
		}
	}
}

func TestBehaviourRefusesWhatNoSwitchTakes(t *testing.T) {
	var b astrosim.Behaviour
	for setting, want := range map[string]string{
		"no-such-switch=Accept": "no switch is named",
		"duplicates=Maybe":      "takes Reject, Merge",
	} {
		name, value, _ := strings.Cut(setting, "=")
		if err := b.Set(name, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", setting, err, want)
		}
	}
	if err := b.Set("DUPLICATES", "merge"); err != nil {
		t.Error(err)
	}
	if got, err := b.Get("duplicates"); err != nil || got != astrosim.Merge {
		t.Errorf("got %v %v", got, err)
	}
}
