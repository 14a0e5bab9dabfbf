package astro

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// Whoever writes an error down writes it again when it reads otherwise.
func TestAnOutageThatLastsReadsTheSame(t *testing.T) {
	w := newWorld(t, astrosim.Options{})
	throttled := w.client
	throttled.limiter.reads.throttled(time.Now(), time.Minute)
	for what, c := range map[string]*Client{
		"connections that are reset": NewClient(Options{BaseURL: resetting(t), Organization: "o", Credential: "secret"}),
		"a wait that Astro asks for": throttled,
	} {
		_, first := c.GetToken(t.Context(), w.ci)
		_, second := c.GetToken(t.Context(), w.ci)
		if first == nil || second == nil || first.Error() != second.Error() {
			t.Errorf("%s:\n%v\n%v", what, first, second)
		}
	}
	if text := withoutLocalAddress(errors.New("dial tcp: lookup astro on [fd00::a]:53: read udp [fd00::7]:51234->[fd00::a]:53: i/o timeout")); text !=
		"dial tcp: lookup astro on [fd00::a]:53: read udp [fd00::a]:53: i/o timeout" {
		t.Error(text)
	}
}

// resetting is the address of a server that resets every connection once it was written to.
func resetting(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1))
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}
