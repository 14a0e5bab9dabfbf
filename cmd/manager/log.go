package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// mostVerbose is the highest level that anything in the process logs at, whatever --zap-log-level says. At higher ones
// client-go writes its requests to the API server into the log, from 8 on with their bodies: Secrets with the credentials in
// them, and reviews of the tokens of those who read the metrics. Nothing of the operator's own is said there.
const mostVerbose = 5

// logger is the one logger of the process. client-go asks it, or one made of it that a context carries, whether to dump
// what it sends and gets, so that the limit holds for every client there is.
func (o *options) logger() logr.Logger {
	limited := o.log
	if limited.Level != nil {
		limited.Level = limit{limited.Level}
	}
	return zap.New(zap.UseFlagOptions(&limited))
}

// limit enables what the level enables, but for what is more verbose than anything may be.
type limit struct{ zapcore.LevelEnabler }

// Enabled implements zapcore.LevelEnabler.
func (l limit) Enabled(level zapcore.Level) bool {
	return level >= -mostVerbose && l.LevelEnabler.Enabled(level)
}

// judgeEnvironment refuses what would have the libraries below write secrets down where no logger is asked: Go's dump of
// HTTP/2, with every header and the beginning of every body, and the address of a proxy that cannot be read, which would be
// in the error of every request, with the user and password in it. Neither value is repeated.
func judgeEnvironment(get func(string) string) error {
	if strings.Contains(get("GODEBUG"), "http2debug") {
		return errors.New("GODEBUG=http2debug would write every credential into the log; take it out of the environment")
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"} {
		if address := get(name); address != "" && !isProxy(address) {
			return fmt.Errorf("%s is not the address of a proxy, such as http://proxy.example:3128; a user and password in it are written as in a URL", name)
		}
	}
	return nil
}

// isProxy reports whether the address is one that net/http can use, which also takes one without a scheme. A proxy has neither
// path nor query: where there seems to be one, a slash, a question mark or a hash of the password is not written as in a URL,
// and what stands before it would pass for the host.
func isProxy(address string) bool {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == ""
}
