package ref

import (
	"fmt"
	"net"
	"net/url"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
)

// Host is the host of Astro's API to which the connection leads, with its port if the URL has one; "" if it has none.
// Hosts are compared as they are spelled, so that one Astro is never known under two names.
func Host(spec *v1alpha1.ConnectionSpec) string {
	u, err := ParseURL(spec.APIURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// ParseURL reads the URL of Astro's API. One without a host is an error.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q names no host", text)
	}
	return u, nil
}

// Loopback reports whether the host is this machine, the only one to which a credential may go in the clear.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
