package astrosim

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// standIn lets clients reach the simulated Astro by the names of the real one.
type standIn struct {
	authority *authority
	tunnels   chan net.Conn
	done      <-chan struct{}
}

// StandIn makes the simulated Astro a proxy for these hosts, APIHost if none is given: it answers a CONNECT to port 443 of
// any of them itself, over TLS. A client finds it with HTTPS_PROXY set to its URL, and trusts it with the certificate of an
// authority, in PEM, that StandIn returns. Every other host is refused. Call it once, before the first call.
func (s *Sim) StandIn(hosts ...string) (authorityPEM []byte, err error) {
	if len(hosts) == 0 {
		hosts = []string{APIHost}
	}
	a, err := newAuthority(hosts)
	if err != nil {
		return nil, err
	}
	in := &standIn{authority: a, tunnels: make(chan net.Conn), done: s.done}
	server := newServer(s)
	s.mu.Lock()
	s.standIn = in
	s.servers = append(s.servers, server)
	s.mu.Unlock()
	go func() { _ = server.Serve(tls.NewListener(in, a.config())) }()
	return a.pem, nil
}

// ListenTLS serves over TLS on an address, too, with the certificate of the same authority, and returns the base URL. It
// needs StandIn.
func (s *Sim) ListenTLS(addr string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.standIn == nil {
		return "", fmt.Errorf("listen on %s: there is no authority, as nothing calls StandIn", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	server := newServer(s)
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(tls.NewListener(listener, s.standIn.authority.config())) }()
	return "https://" + listener.Addr().String(), nil
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
}

// connect answers a CONNECT: what comes through the tunnel is served as if it had reached Astro.
func (s *Sim) connect(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	in := s.standIn
	s.mu.Unlock()
	host, port, _ := net.SplitHostPort(r.Host)
	switch {
	case in == nil:
		http.Error(w, "the simulated Astro stands in for no host", http.StatusForbidden)
		return
	case port != "443" || !slices.Contains(in.authority.hosts, host):
		http.Error(w, fmt.Sprintf("the simulated Astro stands in for %v, port 443, only", in.authority.hosts), http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusNotImplemented)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	select {
	case in.tunnels <- tunnel{conn, buffered.Reader}:
	case <-in.done:
		_ = conn.Close()
	}
}

// tunnel is a connection of which a part may have been read already.
type tunnel struct {
	net.Conn

	from *bufio.Reader
}

func (t tunnel) Read(into []byte) (int, error) { return t.from.Read(into) }

// Accept hands the next tunnel to the server; with Close and Addr it makes standIn a net.Listener.
func (in *standIn) Accept() (net.Conn, error) {
	select {
	case conn := <-in.tunnels:
		return conn, nil
	case <-in.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the tunnels end with the simulated Astro.
func (in *standIn) Close() error { return nil }

// Addr is the first of the hosts.
func (in *standIn) Addr() net.Addr { return hostAddr(in.authority.hosts[0]) }

type hostAddr string

func (hostAddr) Network() string  { return "tcp" }
func (a hostAddr) String() string { return string(a) + ":443" }
