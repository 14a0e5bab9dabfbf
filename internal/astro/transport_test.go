package astro

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	a.certificate, a.key = sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true}, nil)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
	return a
}

// server is a certificate for loopback.
func (a *authority) server(t *testing.T) *tls.Certificate {
	t.Helper()
	certificate, key := sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, a)
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

// sign makes a certificate of the template, signed by the authority or, without one, by itself.
func sign(t *testing.T, template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// front is a server over TLS that says back what it is sent, and whose certificate can change.
type front struct {
	*httptest.Server

	shown atomic.Pointer[tls.Certificate]
}

func newFront(t *testing.T, a *authority) *front {
	t.Helper()
	f := &front{Server: httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}))}
	f.shown.Store(a.server(t))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*f.shown.Load()}}, nil
	}}
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

// post sends words and checks that the very words come back.
func post(t *testing.T, transport http.RoundTripper, url string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("a role set"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || string(got) != "a role set" {
		t.Errorf("the server was sent %q, %v", got, err)
	}
	return nil
}

// mounted replaces a file as the kubelet does with that of a ConfigMap: by a link to a new folder.
func mounted(t *testing.T, folder string, content []byte) {
	t.Helper()
	fresh := filepath.Join(folder, time.Now().Format("..2006_01_02_15_04_05.000000000"))
	data, next := filepath.Join(folder, "..data"), filepath.Join(folder, "..data_tmp")
	if err := errors.Join(
		os.Mkdir(fresh, 0o700), os.WriteFile(filepath.Join(fresh, "ca.crt"), content, 0o600), os.Symlink(filepath.Base(fresh), next), os.Rename(next, data),
	); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..data/ca.crt", filepath.Join(folder, "ca.crt")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// TestAuthoritiesAreReadAgain: a company renews its authority while the program runs.
func TestAuthoritiesAreReadAgain(t *testing.T) {
	a, b := newAuthority(t, "a"), newAuthority(t, "b")
	write := func(t *testing.T, folder string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, "ca.crt"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		reason   string
		variable string
		write    func(*testing.T, string, []byte)
		renewed  []byte
		works    bool
	}{
		"Added":     {"Both authorities for a while, as a careful company does it.", "SSL_CERT_DIR", write, bytes.Join([][]byte{a.pem, b.pem}, nil), true},
		"Replaced":  {"The new one in place of the old one.", "SSL_CERT_DIR", write, b.pem, true},
		"Mounted":   {"As the kubelet changes a ConfigMap that is mounted.", "SSL_CERT_DIR", mounted, b.pem, true},
		"Marked":    {"As an editor of Windows writes it.", "SSL_CERT_DIR", write, append([]byte("\xef\xbb\xbf"), b.pem...), true},
		"File":      {"A file that is named by itself.", "SSL_CERT_FILE", write, b.pem, true},
		"Unchanged": {"A server with a certificate of nobody's is not believed.", "SSL_CERT_DIR", write, a.pem, false},
		"Broken":    {"Nor after a file has become something else.", "SSL_CERT_DIR", write, []byte("-----BEGIN CERTIFICATE-----"), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			// The image's own authorities are beside the point here.
			t.Setenv("SSL_CERT_FILE", filepath.Join(folder, "none"))
			t.Setenv("SSL_CERT_DIR", filepath.Join(folder, "none"))
			t.Setenv(tc.variable, map[string]string{"SSL_CERT_DIR": folder, "SSL_CERT_FILE": filepath.Join(folder, "ca.crt")}[tc.variable])
			server, client := newFront(t, a), newTransport(systemClock{})
			var unverified *tls.CertificateVerificationError
			if err := post(t, client, server.URL); !errors.As(err, &unverified) {
				t.Fatalf("before the file is there: %v", err)
			}
			tc.write(t, folder, a.pem)
			if err := post(t, client, server.URL); err != nil {
				t.Fatalf("with the first authority: %v", err)
			}

			tc.write(t, folder, tc.renewed)
			server.shown.Store(b.server(t))
			client.reread(time.Hour).CloseIdleConnections()
			err := post(t, client, server.URL)
			if tc.works && err != nil {
				t.Errorf("%s\nthe renewed authority is not known: %v", tc.reason, err)
			}
			if !tc.works && !errors.As(err, &unverified) {
				t.Errorf("%s\nwant a certificate that is not verified, got %v", tc.reason, err)
			}
		})
	}
}

// TestProxyThatRefuses: it is said who refuses, without the proxy's password.
func TestProxyThatRefuses(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("user", "password")
	transport := httpTransport(nil)
	transport.Proxy = http.ProxyURL(address)
	c := NewClient(Options{BaseURL: "https://api.astronomer.io", Organization: "o", Credential: "secret", Transport: transport})
	_, err = c.GetOrganization(t.Context())
	if want := "the proxy " + address.Host + " does not let the request through: HTTP 403 Forbidden"; !errors.Is(err, ErrUnreachable) || !strings.Contains(ToOwner(err).Error(), want) || strings.Contains(ToOwner(err).Error(), "password") {
		t.Errorf("want %q, got %v", want, err)
	}
}

// TestAnAnswerToEverything: a login page of a network may answer in JSON, and is not Astro.
func TestAnAnswerToEverything(t *testing.T) {
	for _, answer := range []string{"{}", `{"message":"please log in"}`, "null"} {
		portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		c := NewClient(Options{BaseURL: portal.URL, Organization: "o", Credential: "secret"})
		if org, err := c.GetOrganization(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(ToOwner(err).Error(), "no Organization") {
			t.Errorf("%s: %+v, %v", answer, org, err)
		}
		portal.Close()
	}
}

// TestAPageForPeopleIsNamed: whoever reads the status is to see what answered in Astro's place, and none of the secrets in it.
func TestAPageForPeopleIsNamed(t *testing.T) {
	const secret = "secret-of-the-operator"
	page := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	to := func(address string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", address)
			w.WriteHeader(http.StatusFound)
		}
	}
	cases := map[string]struct {
		reason string
		answer http.HandlerFunc
		want   string
	}{
		"Title": {"A page is known by its title.", page("\n<!DOCTYPE html><html><head><meta charset=utf-8><TITLE>Example Corp -\n sign in</TITLE></head><body>Welcome</body></html>"),
			"HTTP 200 with a web page in Astro's place: «Example Corp - sign in»"},
		"NoTitle":  {"Or by how it begins.", page("<html><style>x{}</style><body><h1>Please log in</h1></body></html>"), "place: «Please log in»"},
		"Mark":     {"Some begin with a byte order mark.", page("\ufeff<html><title>Log in</title></html>"), "place: «Log in»"},
		"Long":     {"No more of it is told.", page("<title>" + strings.Repeat("Welcome ", 10000)), "Welcome Welco…»"},
		"Nothing":  {"There is nothing to tell of it.", page("<html></html>"), "HTTP 200 with a web page in Astro's place"},
		"Echo":     {"It may show the credential.", page("<title>Who is " + secret + "?</title>"), "place: «Who is [redacted]?»"},
		"Redirect": {"It leads to the page.", to("https://ada:pw@login.example.com:8443/sso?ticket=t0ps3cret#" + secret), "it redirects to login.example.com, and the credential does not follow"},
		"Path":     {"It leads to the same host.", to("/login?ticket=t0ps3cret"), "it redirects to 127.0.0.1, and"},
		"Broken":   {"An address that cannot be read is not told.", to("https://login.example.com/%zz?ticket=t0ps3cret"), "it redirects elsewhere, and"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := stub(t, tc.answer, func(o *Options) { o.Credential = secret })
			c.retries.left = 0
			_, err := c.GetOrganization(t.Context())
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(ToOwner(err).Error(), tc.want) || strings.Contains(ToOwner(err).Error(), "t0ps3cret") {
				t.Errorf("%s\nwant %q, got %v", tc.reason, tc.want, err)
			}
			if _, err = c.ListTokens(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(ToOwner(err).Error(), tc.want) {
				t.Errorf("%s\nof a listing, want %q, got %v", tc.reason, tc.want, err)
			}
		})
	}
}

// TestAnAuthorityIsDropped: what was taken out of the file is not trusted for ever, though nothing fails that would have
// the file read again.
func TestAnAuthorityIsDropped(t *testing.T) {
	folder, a, b := t.TempDir(), newAuthority(t, "a"), newAuthority(t, "b")
	file := filepath.Join(folder, "ca.crt")
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", filepath.Join(folder, "none"))
	clock := &setClock{now: time.Now()}
	server, client := newFront(t, a), newTransport(clock)
	if err := os.WriteFile(file, a.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := post(t, client, server.URL); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := post(t, client, server.URL); err != nil {
		t.Fatalf("the file is not read for each request: %v", err)
	}
	client.reread(time.Hour).CloseIdleConnections()
	clock.now = clock.now.Add(authoritiesAge)
	var unverified *tls.CertificateVerificationError
	if err := post(t, client, server.URL); !errors.As(err, &unverified) {
		t.Errorf("want no trust in what is not in the file any more, got %v", err)
	}
}

// setClock is a time that stands.
type setClock struct {
	systemClock

	now time.Time
}

func (c *setClock) Now() time.Time { return c.now }
