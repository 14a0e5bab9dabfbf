package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestIndependence sees that the checker shares no planning code with the operator: of the repository's own packages the
// program may import the kinds, the simulator and test helpers.
func TestIndependence(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if path, own := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "github.com/scopedtoken/scopedtoken-operator/"); own && !allowed[path] {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

var allowed = map[string]bool{"api/v1alpha1": true, "internal/astrosim": true, "test/builders": true, "test/environment": true}
