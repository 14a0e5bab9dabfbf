package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// The ids of config/samples, which the seed file of the demo has too.
const (
	acme           = "clp0a1b2c3d4e5f6g7h8i9j0k"
	dataPlatform   = "clp1qz7xw000108l41cxq2s8v"
	prodETL        = "clp2rf9tb000308l7g5hd3e6m"
	ciDeployer     = "clp3vk4jy000508l9a8nw7u2c"
	operatorToken  = "operator"
	airflowMetrics = "airflow-metrics"
)

// astro is the simulated Astro, which listens over TLS where Pods reach it, with a certificate that only this test knows.
type astro struct {
	*astrosim.Sim

	host      string // as in --allowed-api-hosts
	authority string // PEM
	ids       map[string]string
}

// serveAstro serves Astro on an address of this machine that lies in the network of the cluster's nodes.
func serveAstro(ctx context.Context, kube client.Client, root string) *astro {
	GinkgoHelper()
	seed, err := os.ReadFile(filepath.Join(root, "hack", "demo", "seed.yaml"))
	Expect(err).NotTo(HaveOccurred())
	read, err := astrosim.ReadSeed(seed)
	Expect(err).NotTo(HaveOccurred())
	a := &astro{Sim: astrosim.New(astrosim.Options{Limits: astrosim.PublishedLimits()}), ids: map[string]string{}}
	_, err = a.Plant(read)
	Expect(err).NotTo(HaveOccurred())
	for _, t := range a.Tokens(acme) {
		a.ids[t.Name] = t.ID
	}

	address := hostAddress(ctx, kube)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	Expect(err).NotTo(HaveOccurred())
	certificate, authority := selfSigned(address)
	server := httptest.NewUnstartedServer(a.Sim)
	Expect(server.Listener.Close()).To(Succeed())
	server.Listener, server.TLS = listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	server.EnableHTTP2 = true
	server.StartTLS()
	DeferCleanup(func() {
		a.Close()
		server.Close()
	})
	a.host, a.authority = listener.Addr().String(), authority
	return a
}

// hostAddress is this machine's address that Pods reach: E2E_HOST, or the one whose network has the address of a node.
// That is so for a node that is this machine, and for nodes that are containers or virtual machines of it.
func hostAddress(ctx context.Context, kube client.Client) string {
	GinkgoHelper()
	if host := os.Getenv("E2E_HOST"); host != "" {
		return host
	}
	var nodes corev1.NodeList
	Expect(kube.List(ctx, &nodes)).To(Succeed())
	own, err := net.InterfaceAddrs()
	Expect(err).NotTo(HaveOccurred())
	for _, node := range nodes.Items {
		for _, address := range node.Status.Addresses {
			for _, a := range own {
				if network, ok := a.(*net.IPNet); ok && address.Type == corev1.NodeInternalIP && network.Contains(net.ParseIP(address.Address)) {
					return network.IP.String()
				}
			}
		}
	}
	Fail("no address of this machine lies in the network of a node: say with E2E_HOST at which one Pods reach it")
	return ""
}

// selfSigned is a certificate for an address, and the same as PEM for whom should trust it.
func selfSigned(address string) (tls.Certificate, string) {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simulated Astro"}, IPAddresses: []net.IP{net.ParseIP(address)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	Expect(err).NotTo(HaveOccurred())
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// credential is the operator's API token as it is now.
func (a *astro) credential() string { return a.Credential(a.ids[operatorToken]) }

// holds are the roles that the samples declare, as Astro holds them, by what is declared.
func (a *astro) holds() map[string]string {
	return map[string]string{
		"ci-deployer-on-data":         a.RoleOn(ciDeployer, "WORKSPACE", dataPlatform),
		"ci-deployer-on-prod-etl":     a.RoleOn(ciDeployer, "DEPLOYMENT", prodETL),
		"airflow-metrics-on-prod-etl": a.RoleOn(a.ids[airflowMetrics], "DEPLOYMENT", prodETL),
	}
}

// declared is what the samples declare.
func declared() map[string]string {
	return map[string]string{
		"ci-deployer-on-data": "WORKSPACE_MEMBER", "ci-deployer-on-prod-etl": "Deploy Only", "airflow-metrics-on-prod-etl": "DEPLOYMENT_ADMIN",
	}
}
