package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// readyPatience is how long --check-ready asks. The address of a Service that was just made leads somewhere after seconds.
const readyPatience = 30 * time.Second

// readyURL refuses what cannot be asked.
func readyURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("--check-ready=%q: it takes the URL of a manager's /readyz, such as http://localhost:8081/readyz", text)
	}
	return nil
}

// checkReady asks a manager that runs elsewhere until it says that it is ready. `helm test` runs it: the image has no other program.
func checkReady(ctx context.Context, address string, patience time.Duration) error {
	// Without the proxy of the environment, which is for Astro.
	to := &http.Client{Transport: &http.Transport{}, Timeout: patience / 6}
	last := errors.New("no answer")
	err := wait.PollUntilContextTimeout(ctx, patience/30, patience, true, func(ctx context.Context) (bool, error) {
		err := askReady(ctx, to, address)
		if ctx.Err() == nil { // that the time is over says nothing
			last = err
		}
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("no manager is ready at %s: %w", address, last)
	}
	return nil
}

func askReady(ctx context.Context, to *http.Client, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := to.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // words for whoever reads the log; the status is what counts
		return fmt.Errorf("it answers %s: %q", response.Status, body)
	}
	return nil
}
