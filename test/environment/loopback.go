package environment

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

var given atomic.Uint32 // how many this process has got

// FreeAddress is a host and port on loopback that nobody listens on. Where every address of 127.0.0.0/8 is this machine's,
// as on Linux, each is of a host of its own, so that nobody takes the port either before a program listens on it. Without
// one, which a machine never lacks, it is an address that a program cannot be asked at.
func FreeAddress() string {
	process := os.Getpid()
	own := fmt.Sprintf("127.%d.%d.%d", 1+given.Add(1)%254, process>>8&255, process&255)
	for _, host := range []string{own, "127.0.0.1"} {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			continue
		}
		defer listener.Close()
		return listener.Addr().String()
	}
	return "127.0.0.1:0"
}

// Status is the HTTP status of a GET, with the bearer token unless it is empty; 0 if there was no answer. Certificates are
// not looked at.
func Status(url, token string) int {
	response, err := get(url, token)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// Text is the body of an answer to a GET, with the bearer token unless it is empty.
func Text(url, token string) (string, error) {
	response, err := get(url, token)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func get(url, token string) (*http.Response, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(request)
}
