package astro

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// sharedTransport keeps the connections of all clients, by host.
var sharedTransport = sync.OnceValue(func() http.RoundTripper {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    32,
		MaxConnsPerHost:        64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// A connection that a firewall has forgotten is noticed by pings, not by the calls that hang on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
})

// refuseRedirect stops at the redirect itself: the credential goes nowhere but to the host it is for.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// drain reads what little is left of a body, without which its connection could not be used again, and closes it.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}
