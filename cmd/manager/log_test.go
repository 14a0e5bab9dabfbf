package main

import (
	"io"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

func TestLoggerIsNeverMoreVerboseThanItMayBe(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   int // the highest level that is logged
	}{
		"Usual":    {"Told nothing, it says what is of interest.", nil, 0},
		"Debug":    {"It can be told to say more.", []string{"--zap-log-level=debug"}, 1},
		"Devel":    {"Another way of saying that.", []string{"--zap-devel"}, 1},
		"Three":    {"What it is told counts,", []string{"--zap-log-level=3"}, 3},
		"Limit":    {"up to the limit.", []string{"--zap-log-level=5"}, 5},
		"URLs":     {"From there on client-go dumps requests,", []string{"--zap-log-level=6"}, 5},
		"Bodies":   {"and their bodies,", []string{"--zap-log-level=8"}, 5},
		"Most":     {"to the end.", []string{"--zap-log-level=10"}, 5},
		"Beyond":   {"There is no end.", []string{"--zap-log-level=127"}, 5},
		"DevelAll": {"No other flag lifts the limit.", []string{"--zap-devel", "--zap-log-level=9", "--zap-encoder=json"}, 5},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(append(c.args, "--operator-namespace=operator"), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			logger := o.logger()
			for level := range 128 {
				if got := logger.V(level).Enabled(); got != (level <= c.want) {
					t.Errorf("%s\nlevel %d: %t", c.reason, level, got)
				}
			}
		})
	}
	if (limit{zapcore.ErrorLevel}).Enabled(zapcore.InfoLevel) {
		t.Error("the limit adds nothing to what is logged")
	}
}

func TestJudgeEnvironment(t *testing.T) {
	const secret = "hunter2"
	cases := map[string]struct {
		reason, name, value string
		refused             bool
	}{
		"Nothing":        {"The usual environment is empty.", "", "", false},
		"OtherDebug":     {"Most of what GODEBUG can say is harmless.", "GODEBUG", "madvdontneed=1", false},
		"HTTP2":          {"Go's dump of HTTP/2 shows headers.", "GODEBUG", "http2debug=1", true},
		"HTTP2Frames":    {"It shows bodies, too.", "GODEBUG", "gctrace=1,http2debug=2", true},
		"Proxy":          {"A proxy may be asked for.", "HTTPS_PROXY", "http://proxy.example:3128", false},
		"ProxyUser":      {"It may want a password.", "HTTPS_PROXY", "http://jo:" + secret + "@proxy.example:3128", false},
		"ProxyHost":      {"net/http takes a host and port alone.", "https_proxy", "proxy.example:3128", false},
		"ProxyHostOnly":  {"And a host.", "http_proxy", "proxy", false},
		"ProxyPlainUser": {"Or that with a password.", "HTTPS_PROXY", "jo:" + secret + "@proxy.example:3128", false},
		"Socks":          {"There are other proxies.", "HTTPS_PROXY", "socks5://jo:" + secret + "@proxy.example", false},
		"Space":          {"What cannot be read would be quoted by every error.", "HTTPS_PROXY", "http://jo:" + secret + " @proxy.example:3128", true},
		"Percent":        {"As where a password is not escaped.", "http_proxy", "http://jo:%zz" + secret + "@proxy.example:3128", true},
		"Slash":          {"Or ends the host.", "HTTP_PROXY", "http://jo:" + secret + "/x@proxy.example:3128", true},
		"NumberSlash":    {"Also where what stands before it would pass for a port.", "HTTPS_PROXY", "http://svc:1234/" + secret + "@proxy.example:3128", true},
		"NumberHash":     {"Or before a hash.", "HTTPS_PROXY", "http://svc:12#" + secret + "@proxy.example:3128", true},
		"NumberQuestion": {"Or before a question mark.", "https_proxy", "http://svc:1?" + secret + "@proxy.example:3128", true},
		"NoScheme":       {"With a scheme or without.", "HTTPS_PROXY", "svc:1234/" + secret + "@proxy.example:3128", true},
		"TrailingSlash":  {"A slash at the end is usual.", "HTTPS_PROXY", "http://proxy.example:3128/", false},
		"NoHost":         {"Or is no address.", "HTTPS_PROXY", "http://", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := judgeEnvironment(func(name string) string {
				if name == c.name {
					return c.value
				}
				return ""
			})
			if (err != nil) != c.refused {
				t.Errorf("%s\ngot %v", c.reason, err)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), c.name)) {
				t.Errorf("it names the variable and not its value: %v", err)
			}
		})
	}
}
