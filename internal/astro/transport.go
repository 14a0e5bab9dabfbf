package astro

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// authoritiesAge is how old what was read of the files of authorities may be. An authority that was taken out of them is
// trusted no longer than that. One that was put in is found at the first certificate that cannot be verified without it.
const authoritiesAge = time.Minute

// sharedTransport keeps the connections of all clients, by host.
var sharedTransport = sync.OnceValue(func() http.RoundTripper { return newTransport(systemClock{}) })

// transport is http.Transport, with certificate authorities that are read again when their files change.
type transport struct {
	clock Clock

	mu      sync.Mutex
	current *http.Transport
	trusted authorities
	readAt  time.Time
}

// newTransport trusts what Go trusts, until the files change.
func newTransport(clock Clock) *transport {
	return &transport{clock: clock, current: httpTransport(nil), trusted: readAuthorities(), readAt: clock.Now()}
}

func httpTransport(roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    32,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// Pings notice a connection that a firewall has dropped, before calls hang on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// refusedByProxy says whose answer it is where a proxy does not let a request through. Its user info stays out of it.
func refusedByProxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy %s does not let the request through: HTTP %s", proxy.Host, answer.Status)
}

// RoundTrip sends a request. One whose server could not be verified was not sent: it is tried once more if the files
// have changed since they were read.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	used := t.reread(authoritiesAge)
	answer, err := used.RoundTrip(r)
	if !unverified(err) {
		return answer, err
	}
	if renewed := t.reread(0); renewed != used {
		again, bodyErr := rewound(r)
		if bodyErr != nil {
			return nil, err
		}
		answer, err = renewed.RoundTrip(again)
	}
	if !unverified(err) {
		return answer, err
	}
	if file := readAuthorities().useless(); file != "" {
		err = fmt.Errorf("%w; %s holds no certificate in PEM", err, file)
	}
	return nil, err
}

func unverified(err error) bool {
	_, is := errors.AsType[*tls.CertificateVerificationError](err)
	return is
}

// rewound is the request with its body from the start, since the first attempt has closed it.
func rewound(r *http.Request) (*http.Request, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	if r.GetBody == nil {
		return nil, errors.New("the body cannot be read again")
	}
	again := r.Clone(r.Context())
	var err error
	again.Body, err = r.GetBody()
	return again, err
}

// reread is the transport to use, after a look at the files unless the last one is younger than age. Files in which
// there is no certificate change nothing.
func (t *transport) reread(age time.Duration) *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock.Now()
	if now.Sub(t.readAt) < age {
		return t.current
	}
	t.readAt = now
	found := readAuthorities()
	roots := found.pool()
	if roots == nil || found.equal(t.trusted) {
		return t.current
	}
	t.current.CloseIdleConnections() // those in use end with their requests
	t.current, t.trusted = httpTransport(roots), found
	return t.current
}
