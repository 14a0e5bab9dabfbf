package environment

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// FreeAddress is a host and port on loopback that nobody listens on at the moment. Without one, which a machine never
// lacks, it is an address that a program cannot be asked at.
func FreeAddress() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Status is the HTTP status of a GET, with the bearer token unless it is empty; 0 if there was no answer. Certificates are
// not looked at.
func Status(url, token string) int {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Client{Transport: transport, Timeout: 5 * time.Second}).Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}
