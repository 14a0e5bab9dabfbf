package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/url"
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
	ctx := t.Context()
	url, _, stop := start(t, o)
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
	stop()
}

// start runs the program, and returns the address it is at, what it says before it tells that, and what stops it.
func start(t *testing.T, o options) (at, said string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- run(ctx, o, writer) }()
	for lines := bufio.NewScanner(reader); at == "" && lines.Scan(); {
		said += lines.Text() + "\n"
		if _, rest, found := strings.Cut(lines.Text(), "listens at "); found {
			at, _, _ = strings.Cut(rest, " ")
		}
	}
	return at, said, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestStandsInForHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	o, err := parse([]string{"--listen", "127.0.0.1:0", "--ca-file", file, "--tls-listen", "127.0.0.1:0", "--stand-in-for", "astro.example.com"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	at, said, stop := start(t, o)
	defer stop()
	_, secure, _ := strings.Cut(said, "TLS at ")
	secure, _, _ = strings.Cut(secure, "\n")
	if !strings.Contains(said, "stands in for astro.example.com where HTTPS_PROXY="+at+" and SSL_CERT_FILE="+file) {
		t.Errorf("it says %s", said)
	}
	certificate, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	trust := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	proxy := func(*http.Request) (*url.URL, error) { return url.Parse(at) }
	for name, tc := range map[string]struct {
		transport *http.Transport
		base      string
	}{
		"through the proxy": {&http.Transport{TLSClientConfig: trust, Proxy: proxy}, "https://astro.example.com"},
		"with TLS":          {&http.Transport{TLSClientConfig: trust}, secure},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.base+"/v1/organizations", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Client{Transport: tc.transport}).Do(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %s", name, response.Status)
		}
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"--behaviour", "duplicates=Never"}, {"--no-such-flag"}, {"stray"}, {"--tls-listen", ":0"}, {"--stand-in-for", "a"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("%v are taken", args)
		}
	}
	for name, o := range map[string]options{
		"no such file":  {listen: "127.0.0.1:0", seedFile: "none.yaml"},
		"not a seed":    {listen: "127.0.0.1:0", seedFile: "main.go"},
		"not a address": {listen: "nowhere:x"},
		"nor a file":    {listen: "127.0.0.1:0", caFile: "none/ca.pem"},
		"nor for TLS":   {listen: "127.0.0.1:0", caFile: filepath.Join(t.TempDir(), "ca.pem"), tlsListen: "nowhere:x"},
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
