package connection

import (
	"net"
	"slices"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/controller/ref"
)

// judgeHost says what is wrong with sending a credential to the connection's URL.
func judgeHost(apiURL string, allowed []string) (host string, wrong *fault) {
	u, err := ref.ParseURL(apiURL)
	if err != nil {
		return "", newFault(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is not the URL of a host; make another connection, with a URL such as https://api.astronomer.io")
	}
	switch {
	case !slices.Contains(allowed, u.Host):
		return u.Host, newFault(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is %s, and the operator was not started with that host; start it with --allowed-api-hosts=%s, or make a connection to a host that is allowed",
			apiURL, u.Host)
	case u.Scheme != "https" && !loopback(u.Hostname()):
		return u.Host, newFault(v1alpha1.ReasonHostNotAllowed,
			"spec.apiURL is %s, which would send the API token in the clear; make a connection to the https URL", apiURL)
	default:
		return u.Host, nil
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
