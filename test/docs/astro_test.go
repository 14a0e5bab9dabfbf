package docs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// host is where the documents' connections go, since they name no other.
const host = "api.astronomer.io"

// astro is a simulated Astro that stands where the real one does: behind a proxy, which leads every host to it, with a
// certificate for its name. So what the documents say is run as it stands there.
type astro struct {
	*astrosim.Sim

	proxy, authority string
}

func serveAstro(t *testing.T, folder string) *astro {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "seed.yaml"))
	must(t, err)
	seed, err := astrosim.ReadSeed(text)
	must(t, err)
	a := &astro{Sim: astrosim.New(astrosim.Options{}), authority: filepath.Join(folder, "authority.pem")}
	planted, err := a.Plant(seed)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "astro-api-token"), []byte(a.Credential(planted.Secrets[0])+"\n"), 0o600))

	server := httptest.NewUnstartedServer(a.Sim)
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{selfSigned(t, a.authority)}}
	server.StartTLS()
	proxy := httptest.NewServer(tunnelTo(server.Listener.Addr().String()))
	t.Cleanup(func() {
		a.Close()
		proxy.Close()
		server.Close()
	})
	a.proxy = proxy.URL
	return a
}

// tunnelTo is a proxy that knows one address and leads everybody there.
func tunnelTo(address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host+":443" {
			http.Error(w, "nothing but "+host, http.StatusForbidden)
			return
		}
		there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = there.Close()
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go pipe(there, here)
		go pipe(here, there)
	})
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// selfSigned is a certificate for Astro's name, and writes what makes it trusted into a file.
func selfSigned(t *testing.T, file string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// eventually waits until the function says that nothing is amiss any more.
func eventually(ctx context.Context, amiss func() string) (last string) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		if last = amiss(); last == "" {
			return ""
		}
	}
	return last
}
