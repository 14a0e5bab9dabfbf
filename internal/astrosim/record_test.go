package astrosim_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// recorded are the exchanges in the only file of a folder.
func recorded(t *testing.T, folder string) (all []astrosim.Exchange, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var e astrosim.Exchange
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all, string(data)
}

func TestExchangesAreRecorded(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "exchanges")
	w := newWorld(t, astrosim.Options{Record: folder})
	w.get("/workspaces?names=data")
	w.setRoles(w.ci, w.orgRole())
	w.do(http.MethodDelete, "/tokens/"+w.ci, "")
	w.Inject(astrosim.Fault{Kind: astrosim.FaultServerError, Times: 1})
	w.get("/tokens")
	w.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Times: 1})
	w.get("/tokens")
	w.send(http.MethodGet, "/_sim/state", "", "")

	all, text := recorded(t, folder)
	want := []struct {
		method, path, answer string
		status               int
		fault                astrosim.FaultKind
	}{
		{"GET", "/workspaces?names=data", `"totalCount":1`, 200, ""},
		{"POST", "/tokens/" + w.ci + "/roles", `"organizationRole"`, 200, ""},
		{"DELETE", "/tokens/" + w.ci, "", 204, ""},
		{"GET", "/tokens", "Internal", 500, "server-error"},
		{"GET", "/tokens", "", 0, "drop"},
	}
	if len(all) != len(want) {
		t.Fatalf("got %d exchanges: %s", len(all), text)
	}
	for i, e := range all {
		if e.Method != want[i].method || e.URL != w.path(want[i].path) || e.Status != want[i].status || e.Fault != want[i].fault ||
			!strings.Contains(e.Answer, want[i].answer) || e.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %+v, want %+v", e, want[i])
		}
	}
	if !strings.Contains(all[1].Body, "ORGANIZATION_MEMBER") || all[2].AnswerHeader.Get("Content-Type") != "" {
		t.Errorf("got %+v", all[1:3])
	}
	if strings.Contains(text, w.credential) {
		t.Error("the credential is recorded")
	}
}

func TestRecordingIsAskedForByTheEnvironment(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(astrosim.RecordVariable, folder)
	w := newWorld(t, astrosim.Options{})
	w.get("/tokens")
	w.Close()
	if all, text := recorded(t, folder); len(all) != 1 {
		t.Errorf("got %s", text)
	}
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(astrosim.RecordVariable, filepath.Join(file, "folder"))
	defer func() {
		if recover() == nil {
			t.Error("made although it cannot record")
		}
	}()
	astrosim.New(astrosim.Options{})
}
