package health

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// state is one object as the API server told of it, and what matters about it.
type state struct {
	file   string
	object *unstructured.Unstructured
	reason string // of the Ready condition, "" without one
	beside string // Reconciling or Stalled, "" for neither
}

// states are all that the stories kept.
func states(t *testing.T) []state {
	t.Helper()
	folder := os.Getenv("STATES")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "bin", "states")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no states in %s (%v): `make states` runs the stories and keeps them", folder, err)
	}
	all := make([]state, 0, len(files))
	for _, file := range files {
		all = append(all, readState(t, file))
	}
	return all
}

func readState(t *testing.T, file string) state {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(text); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	s := state{file: filepath.Base(file), object: o}
	for _, c := range conditions(o) {
		switch c["type"] {
		case "Ready":
			s.reason, _ = c["reason"].(string)
		case "Reconciling", "Stalled":
			s.beside, _ = c["type"].(string)
		}
	}
	return s
}

// conditions are those of an object, to be read and changed.
func conditions(o *unstructured.Unstructured) (all []map[string]any) {
	status, _ := o.Object["status"].(map[string]any)
	list, _ := status["conditions"].([]any)
	for _, c := range list {
		if c, ok := c.(map[string]any); ok {
			all = append(all, c)
		}
	}
	return all
}

// row is the line of the table that speaks of the state.
func (s state) row() key {
	observed, _, _ := unstructured.NestedInt64(s.object.Object, "status", "observedGeneration")
	switch {
	case s.object.GetDeletionTimestamp() != nil:
		return key{reason: "being deleted"}
	case observed == -1:
		return key{reason: "not looked at yet"}
	case observed != s.object.GetGeneration():
		return key{reason: "edited since"}
	default:
		return key{reason: s.reason, beside: s.beside}
	}
}

// at is the object with every time in it moved, so that the last thing that happened to it did so then.
func (s state) at(then string) *unstructured.Unstructured {
	o := s.object.DeepCopy()
	_ = unstructured.SetNestedField(o.Object, then, "metadata", "creationTimestamp")
	if o.GetDeletionTimestamp() != nil {
		_ = unstructured.SetNestedField(o.Object, then, "metadata", "deletionTimestamp")
	}
	for _, c := range conditions(o) {
		c["lastTransitionTime"] = then
	}
	return o
}
