package main

import (
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"
)

// throughProxy adds to an error that the API server is called through a proxy, if it is. HTTPS_PROXY is meant for Astro, and
// the words of a proxy that refuses the API server do not say whose they are.
func throughProxy(config *rest.Config, proxyOf func(*http.Request) (*url.URL, error), err error) error {
	if err == nil || config.Proxy != nil { // one that the kubeconfig names is meant
		return err
	}
	server, _, noServer := rest.DefaultServerUrlFor(config)
	if noServer != nil {
		return err
	}
	proxy, noProxy := proxyOf(&http.Request{URL: server})
	if noProxy != nil || proxy == nil {
		return err
	}
	return fmt.Errorf("%w; the API server is called through the proxy %s of HTTPS_PROXY: name %s in NO_PROXY", err, proxy.Host, server.Hostname())
}
