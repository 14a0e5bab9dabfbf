package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestBillOfMaterials(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one.json"), filepath.Join(t.TempDir(), "two.json")
	made(t, "-version=v1.2.3", "-bom", one)
	made(t, "-version=v1.2.3", "-bom", two)
	text, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := os.ReadFile(two); err != nil || string(other) != string(text) {
		t.Errorf("the same image has another bill of materials (%v)", err)
	}
	var b bom
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	if c := b.Metadata.Component; c.Name != "scopedtoken-operator" || c.Version != "v1.2.3" {
		t.Errorf("the bill is of %+v", c)
	}
	names := map[string]int{}
	for _, c := range b.Components {
		names[c.Name]++
	}
	for name, want := range map[string]int{"std": 1, authoritiesModule: 1, "example.com/program/cmd/manager": 2} {
		if names[name] != want {
			t.Errorf("%s stands there %d times, want %d", name, names[name], want)
		}
	}
	for _, d := range b.Dependencies {
		for _, ref := range d.On {
			if !slices.ContainsFunc(b.Components, func(c component) bool { return c.Ref == ref }) {
				t.Errorf("%s depends on %s, which is not there", d.Ref, ref)
			}
		}
	}
}
