package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder holds the exchanges, in a folder below it.
func folder(t *testing.T, exchanges ...*exchange) string {
	t.Helper()
	dir := t.TempDir()
	var text []byte
	for _, e := range exchanges {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	if err := os.Mkdir(filepath.Join(dir, "stories"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stories", "exchanges-1.jsonl"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRun(t *testing.T) {
	good, bad := list(func(*exchange) {}), list(func(e *exchange) { e.Answer = cut(page, `"id":"t",`) })
	others := list(func(e *exchange) { e.by("curl/8") })
	cases := map[string]struct {
		exchanges []*exchange
		want      string // part of the error
		printed   string
	}{
		"all well":                {[]*exchange{good, good, others}, "", "3 exchanges, 2 of them the operator's, 2 distinct; 4 operations"},
		"a deviation":             {[]*exchange{bad, good, bad}, "1 deviations", "DEVIATION, 1 times: GET /organizations/{organizationId}/tokens, answer: /tokens/*/id"},
		"where it was found":      {[]*exchange{good, bad}, "1 deviations", "exchanges-1.jsonl:2"},
		"nothing of the operator": {[]*exchange{others}, "not one exchange of the operator", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run("testdata/things.yaml", folder(t, tc.exchanges...), &out)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || !strings.Contains(out.String(), tc.printed) {
				t.Errorf("got %v and\n%s", err, out.String())
			}
		})
	}
}

func TestRunNeedsItsInput(t *testing.T) {
	recorded := folder(t, list(func(*exchange) {}))
	for name, tc := range map[string]struct{ spec, folder, want string }{
		"no document":      {"testdata/none.yaml", recorded, "none.yaml"},
		"another document": {"testdata/other.yaml", recorded, "no schema Error"},
		"no folder":        {"testdata/things.yaml", filepath.Join(recorded, "none"), "none"},
		"nothing in it":    {"testdata/things.yaml", t.TempDir(), "no exchanges in"},
		"not a record":     {"testdata/things.yaml", "testdata/broken", "line.jsonl:1"},
	} {
		if err := run(tc.spec, tc.folder, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
