package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

func TestThroughProxy(t *testing.T) {
	refused := errors.New("Forbidden by corporate policy")
	proxy := func(*http.Request) (*url.URL, error) {
		return &url.URL{Scheme: "http", Host: "proxy:3128", User: url.UserPassword("user", "secret")}, nil
	}
	none := func(*http.Request) (*url.URL, error) { return nil, nil }
	server := rest.Config{Host: "https://10.96.0.1:443"}
	own := rest.Config{Host: "https://10.96.0.1:443", Proxy: proxy}
	cases := map[string]struct {
		reason string
		config rest.Config
		proxy  func(*http.Request) (*url.URL, error)
		err    error
		want   string
	}{
		"Through": {"Whose words they are is said, and what to do.", server, proxy, refused,
			"Forbidden by corporate policy; the API server is called through the proxy proxy:3128 of HTTPS_PROXY: name 10.96.0.1 in NO_PROXY"},
		"Direct":     {"Without a proxy there is nothing to add.", server, none, refused, "Forbidden by corporate policy"},
		"Kubeconfig": {"A proxy that the kubeconfig names is meant.", own, proxy, refused, "Forbidden by corporate policy"},
		"Fine":       {"Nor where nothing is wrong.", server, proxy, nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			err := throughProxy(&tc.config, tc.proxy, tc.err)
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || strings.Contains(got, "secret") || !errors.Is(err, tc.err) {
				t.Errorf("%s\nwant %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}
