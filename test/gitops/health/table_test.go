package health

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// key is what a line of the table is found by.
type key struct{ reason, beside string }

func (k key) String() string {
	return strings.TrimSuffix(k.reason+" beside "+k.beside, " beside ")
}

// verdict is what a line of the table says: what Flux and Argo CD make of the state, and what Argo CD does in the end if
// it lasts.
type verdict struct{ kstatus, argo, lasting string }

var link = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)

// table reads the tables of docs/health.md: | reason | beside | kstatus | Argo CD | Argo CD if it lasts |.
func table(t *testing.T) map[key]verdict {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "health.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[key]verdict{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[0], "---") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(link.ReplaceAllString(cells[i], "$1"))
		}
		k := key{cells[0], cells[1]}
		if _, twice := all[k]; twice {
			t.Errorf("docs/health.md has two lines for %s", k)
		}
		all[k] = verdict{cells[2], cells[3], cells[4]}
	}
	delete(all, key{"Reason of Ready", "Beside it"})
	delete(all, key{"The object is", "Beside it"})
	if len(all) < 40 {
		t.Fatalf("docs/health.md has only %d lines", len(all))
	}
	return all
}

// reasons are the values of the reason constants of the API.
func reasons(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, found[1])
	}
	if len(all) < 40 {
		t.Fatalf("only %d reasons were found; where have they gone?", len(all))
	}
	return all
}
