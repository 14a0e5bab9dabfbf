package astro

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Where Go finds certificate authorities on Linux, unless the environment names others: the first of the files that is
// there, and every file of the folders.
var (
	authorityFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem",
	}
	authorityFolders = []string{"/etc/ssl/certs", "/etc/pki/tls/certs"}
)

// authorities are the PEM files that Go takes its certificate authorities from. Go reads them once per process, so that
// a renewed authority of a company would be unknown until the next restart.
type authorities struct{ files [][]byte }

// readAuthorities reads what SSL_CERT_FILE and SSL_CERT_DIR name, or else what Go takes in their place.
func readAuthorities() authorities {
	files, folders := authorityFiles, authorityFolders
	if named := os.Getenv("SSL_CERT_FILE"); named != "" {
		files = []string{named}
	}
	if named := os.Getenv("SSL_CERT_DIR"); named != "" {
		folders = strings.Split(named, ":")
	}
	var a authorities
	for _, file := range files {
		if a.add(file) {
			break
		}
	}
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder) // one that is not there has none
		for _, entry := range entries {
			a.add(filepath.Join(folder, entry.Name()))
		}
	}
	return a
}

// add reads a file. A folder, such as those by which the kubelet changes a mounted ConfigMap at once, is none.
func (a *authorities) add(file string) bool {
	content, err := os.ReadFile(file) //nolint:gosec // the files that Go itself would read
	if err != nil {
		return false
	}
	a.files = append(a.files, bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))) // which an editor may have put in front
	return true
}

func (a authorities) equal(b authorities) bool {
	return slices.EqualFunc(a.files, b.files, bytes.Equal)
}

// pool is everything that is a certificate; nil if nothing is, as in a file that is being written.
func (a authorities) pool() *x509.CertPool {
	pool, found := x509.NewCertPool(), false
	for _, content := range a.files {
		found = pool.AppendCertsFromPEM(content) || found
	}
	if !found {
		return nil
	}
	return pool
}
