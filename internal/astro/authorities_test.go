package astro

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileWithoutACertificate: whoever names a file of authorities that counts for nothing reads so where a server cannot be verified.
func TestFileWithoutACertificate(t *testing.T) {
	a, other := newAuthority(t, "a"), newAuthority(t, "other")
	const words = " holds no certificate in PEM"
	cases := map[string]struct {
		reason, variable string
		content          []byte
		said             bool
	}{
		"DER":    {"Go reads PEM only.", "SSL_CERT_DIR", a.certificate.Raw, true},
		"File":   {"Nor does it where the file is named by itself.", "SSL_CERT_FILE", a.certificate.Raw, true},
		"Empty":  {"An empty file is none either.", "SSL_CERT_DIR", nil, true},
		"Other":  {"Of a certificate of another authority Go's words say enough.", "SSL_CERT_DIR", other.pem, false},
		"Unsaid": {"Nobody has to know what else is in the system's folders.", "", a.certificate.Raw, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "ca.crt")
			if err := os.WriteFile(file, tc.content, 0o600); err != nil {
				t.Fatal(err)
			}
			files, folders := authorityFiles, authorityFolders
			t.Cleanup(func() { authorityFiles, authorityFolders = files, folders })
			authorityFiles, authorityFolders = nil, []string{folder}
			t.Setenv("SSL_CERT_FILE", map[string]string{"SSL_CERT_FILE": file, "SSL_CERT_DIR": filepath.Join(folder, "none")}[tc.variable])
			t.Setenv("SSL_CERT_DIR", map[string]string{"SSL_CERT_DIR": folder, "SSL_CERT_FILE": filepath.Join(folder, "none")}[tc.variable])

			err := post(t, newTransport(systemClock{}), newFront(t, a).URL)
			if !unverified(err) {
				t.Fatalf("want a certificate that is not verified, got %v", err)
			}
			if said := strings.Contains(err.Error(), file+words); said != tc.said {
				t.Errorf("%s\nwant %q to be said: %v, got %v", tc.reason, words, tc.said, err)
			}
		})
	}
}
