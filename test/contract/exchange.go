package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// exchange is one recorded call and its answer, as internal/astrosim writes it.
type exchange struct {
	Method       string      `json:"method"`
	URL          string      `json:"url"`
	Header       http.Header `json:"header"`
	Body         string      `json:"body"`
	Status       int         `json:"status"`
	AnswerHeader http.Header `json:"answerHeader"`
	Answer       string      `json:"answer"`
	Fault        string      `json:"fault"`
}

// others begin the user agents of clients that are not the operator's: those of the tests themselves, and first-party ones.
var others = []string{"Go-http-client/", "curl/", "astro-cli", "Terraform", "terraform"}

// byOperator says whether the operator, or its client under test, sent the request.
func (e *exchange) byOperator() bool {
	agent := e.Header.Get("User-Agent")
	for _, other := range others {
		if strings.HasPrefix(agent, other) {
			return false
		}
	}
	return agent != ""
}

// accepted says whether the simulated Astro did what was asked.
func (e *exchange) accepted() bool { return e.Fault == "" && e.Status >= 200 && e.Status < 300 }

// readExchanges hands each exchange of a file to see, with the place where it stands.
func readExchanges(name string, see func(place string, e *exchange) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 1<<20), 64<<20)
	for n := 1; lines.Scan(); n++ {
		place := fmt.Sprintf("%s:%d", name, n)
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if err := see(place, &e); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	return lines.Err()
}

// fingerprint is the same for exchanges of which one need not be checked if the other was.
func (e *exchange) fingerprint() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%t\n%q\n%q\n%d\n%q\n%s\n%q", e.Method, e.URL, e.byOperator(), e.Header["Content-Type"], e.Body, e.Status,
		e.AnswerHeader, e.Fault, e.Answer)
	return string(h.Sum(nil))
}
