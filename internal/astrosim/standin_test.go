package astrosim_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// through is a client that goes by way of the simulated Astro and trusts what is in the PEM.
func (w *world) through(authority []byte) *http.Client {
	proxy, err := url.Parse(w.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 15 * time.Second}
}

// ask reads an Organization at an address, and says what came of it.
func (w *world) ask(client *http.Client, base string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, base+w.path(""), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.credential)
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	return response.Status
}

func TestStandsInForAstro(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	authority, err := w.StandIn()
	if err != nil {
		t.Fatal(err)
	}
	own, err := w.ListenTLS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	trusting, wary := w.through(authority), w.through(nil)
	direct := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting.Transport.(*http.Transport).TLSClientConfig.Clone()}}
	for name, tc := range map[string]struct {
		client *http.Client
		base   string
		want   string
	}{
		"Astro's name":            {trusting, "https://api.astronomer.io", "200 OK"},
		"again":                   {trusting, "https://api.astronomer.io:443", "200 OK"},
		"who does not trust it":   {wary, "https://api.astronomer.io", "unknown authority"},
		"another host":            {trusting, "https://registry.example.com", "Forbidden"},
		"another port":            {trusting, "https://api.astronomer.io:8443", "Forbidden"},
		"over TLS, at an address": {direct, own, "200 OK"},
		"without TLS":             {w.client, w.URL(), "200 OK"},
	} {
		if got := w.ask(tc.client, tc.base); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
	w.Inject(astrosim.Fault{Kind: astrosim.FaultDrop, Times: 1})
	if got := w.ask(trusting, "https://api.astronomer.io"); got == "200 OK" {
		t.Error("a fault does not reach through the tunnel")
	}
}

func TestStandsInForNobodyUnlessTold(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	if got := w.ask(w.through(nil), "https://api.astronomer.io"); !strings.Contains(got, "Forbidden") {
		t.Errorf("got %q", got)
	}
	if url, err := w.ListenTLS("127.0.0.1:0"); err == nil {
		t.Errorf("listens at %s without a certificate", url)
	}
}

// TestAuthorityIsGoodForNothingElse sees to it that a leaked key could not stand for another host.
func TestAuthorityIsGoodForNothingElse(t *testing.T) {
	text, err := astrosim.New(astrosim.Options{}).StandIn("astro.example.com")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(root.PermittedDNSDomains, " "); got != "localhost astro.example.com" || !root.PermittedDNSDomainsCritical || len(root.PermittedIPRanges) != 2 {
		t.Errorf("it may sign for %q and %v", got, root.PermittedIPRanges)
	}
	if strings.Contains(string(text), "PRIVATE KEY") {
		t.Error("the key is handed out")
	}
}
