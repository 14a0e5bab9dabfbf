package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	o, err := parse([]string{
		"--listen", "127.0.0.1:0", "--seed-file", "../../internal/astrosim/testdata/seed.yaml", "--latency=1ms", "--limits=true",
		"--behaviour", "duplicates=Merge", "--behaviour", "retry-after=Seconds", "--credentials-dir", dir,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, o, writer) }()

	lines := bufio.NewScanner(reader)
	var url string
	for url == "" && lines.Scan() {
		if _, rest, found := strings.Cut(lines.Text(), "listens at "); found {
			url, _, _ = strings.Cut(rest, " ")
		}
	}
	file := filepath.Join(dir, "operator")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("credential: %v %v", info, err)
	}
	credential, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/organizations", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+string(credential))
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", response, err)
	}
	_ = response.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"--behaviour", "duplicates=Never"}, {"--no-such-flag"}, {"stray"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v are taken", args)
		}
	}
	for name, o := range map[string]options{
		"no such file":  {listen: "127.0.0.1:0", seedFile: "none.yaml"},
		"not a seed":    {listen: "127.0.0.1:0", seedFile: "main.go"},
		"not a address": {listen: "nowhere:x"},
	} {
		if err := run(t.Context(), o, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestListBehaviour(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), options{listBehaviour: true}, &out); err != nil || !strings.Contains(out.String(), "| `duplicates` |") {
		t.Errorf("%v %s", err, out.String())
	}
}
