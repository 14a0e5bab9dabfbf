package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRunbookHasEveryReason compares the constants and the alerts with the headings, in both directions: a reason that a user
// sees and finds nowhere is as bad as one that no code says.
func TestRunbookHasEveryReason(t *testing.T) {
	want := reasons(t)
	if len(want) < 40 {
		t.Fatalf("only %d reasons were found; where have they gone?", len(want))
	}
	for alert := range alerts(t) {
		want = append(want, alert)
	}
	slices.Sort(want)
	got := read(t, filepath.Join("docs", "runbook.md")).headings(3)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons with alerts, and the runbook's headings (-reasons +runbook)\n%s", diff)
	}
}

// reasons are the values of the constants whose name begins with Reason.
func reasons(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(env.Root, "api", "v1alpha1", "conditions.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return false
	})
	slices.Sort(values)
	return values
}
