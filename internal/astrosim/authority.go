package astrosim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// APIHost is where Astro's API really is. Clients that cannot be told another address find the simulated Astro there by
// way of a proxy, see StandIn.
const APIHost = "api.astronomer.io"

// authority signs the simulator's own certificate. Its key never leaves the process, and it can sign for the hosts that the
// simulator stands in for only, so that trusting it opens nothing else.
type authority struct {
	hosts       []string
	pem         []byte
	certificate tls.Certificate
}

// loopback is what a client on this machine may call the simulator, besides the hosts that it stands in for.
var loopback = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

func newAuthority(hosts []string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	names := append([]string{"localhost"}, hosts...)
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: "simulated Astro"}, SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: names, PermittedIPRanges: single(loopback),
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	a := &authority{hosts: slices.Clone(hosts), pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	a.certificate, err = issue(root, key, names)
	return a, err
}

// issue makes the certificate of a server of these names.
func issue(root *x509.Certificate, signer *ecdsa.PrivateKey, names []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[len(names)-1]}, SerialNumber: big.NewInt(2), DNSNames: names, IPAddresses: loopback,
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign a certificate for %v: %w", names, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func single(addresses []net.IP) (ranges []*net.IPNet) {
	for _, ip := range addresses {
		if four := ip.To4(); four != nil {
			ip = four
		}
		ranges = append(ranges, &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))})
	}
	return ranges
}

func (a *authority) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{a.certificate}}
}
