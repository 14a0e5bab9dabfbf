package astro

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
)

const (
	maxErrorBody = 64 << 10
	maxSnippet   = 120
	maxFields    = 10
	maxRequestID = 80
)

// pageError is the answer of a portal, or of a proxy, that shows a page for people in Astro's place and calls it a success. It
// is the beginning of the page.
type pageError []byte

// Error implements error.
func (pageError) Error() string { return "a web page" }

// exposing is a transport that tells pages and places of others for what they are.
type exposing struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t exposing) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return answer, err
	}
	if to := answer.Header.Get("Location"); to != "" {
		if _, err := url.Parse(to); err != nil {
			answer.Header.Del("Location") // http.Client would tell all of it in an error
		}
	}
	if answer.StatusCode == http.StatusOK {
		answer.Body = &unlessPage{ReadCloser: answer.Body}
	}
	return answer, nil
}

// unlessPage is the body of an answer. Reading a page fails with a pageError.
type unlessPage struct {
	io.ReadCloser

	begun bool // something other than space was read
}

// Read implements io.Reader.
func (b *unlessPage) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.begun || len(bytes.TrimSpace(p[:n])) == 0 {
		return n, err
	}
	b.begun = true
	if !isPage(p[:n]) {
		return n, err
	}
	rest, _ := io.ReadAll(io.LimitReader(b.ReadCloser, maxErrorBody)) // what there is of it says enough
	return 0, pageError(append(bytes.Clone(p[:n]), rest...))
}

// isPage reports whether a body is a page for people, as proxies show it. What checks credentials before Astro answers has other
// words, or none, and nobody knows which: a 401 with those is about the credential.
func isPage(raw []byte) bool {
	const byteOrderMark = "\ufeff"
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(raw, []byte(byteOrderMark))), []byte("<"))
}

// title matches the title of a page.
var title = regexp.MustCompile(`(?is)<title\b[^>]*>(.*?)</title>`)
