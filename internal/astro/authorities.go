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
type authorities struct{ files []authorityFile }

type authorityFile struct {
	path    string
	content []byte
	named   bool // by somebody, who expects that it counts
}

// readAuthorities reads what SSL_CERT_FILE and SSL_CERT_DIR name, or else what Go takes in their place.
func readAuthorities() authorities {
	files, folders := authorityFiles, authorityFolders
	namedFile, namedFolders := os.Getenv("SSL_CERT_FILE"), os.Getenv("SSL_CERT_DIR")
	if namedFile != "" {
		files = []string{namedFile}
	}
	if namedFolders != "" {
		folders = strings.Split(namedFolders, ":")
	}
	var a authorities
	for _, file := range files {
		if a.add(file, namedFile != "") {
			break
		}
	}
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder) // one that is not there has none
		for _, entry := range entries {
			a.add(filepath.Join(folder, entry.Name()), namedFolders != "")
		}
	}
	return a
}

// add reads a file. A folder, such as those by which the kubelet changes a mounted ConfigMap at once, is none.
func (a *authorities) add(file string, named bool) bool {
	content, err := os.ReadFile(file) //nolint:gosec // the files that Go itself would read
	if err != nil {
		return false
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")) // which an editor may have put in front
	a.files = append(a.files, authorityFile{path: file, content: content, named: named})
	return true
}

func (a authorities) equal(b authorities) bool {
	return slices.EqualFunc(a.files, b.files, func(a, b authorityFile) bool { return bytes.Equal(a.content, b.content) })
}

// pool is everything that is a certificate; nil if nothing is, as in a file that is being written.
func (a authorities) pool() *x509.CertPool {
	pool, found := x509.NewCertPool(), false
	for _, file := range a.files {
		found = pool.AppendCertsFromPEM(file.content) || found
	}
	if !found {
		return nil
	}
	return pool
}

// useless is a file that somebody has named and that holds no certificate as Go reads them, such as one in DER; "" if there is none.
func (a authorities) useless() string {
	for _, file := range a.files {
		if file.named && !x509.NewCertPool().AppendCertsFromPEM(file.content) {
			return file.path
		}
	}
	return ""
}
