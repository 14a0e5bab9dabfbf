package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// cliWorkers is how many commands run side by side.
const cliWorkers = 8

// baselineSize is what the commands are to grant.
var baselineSize = size{50, 5}

// cli does what a command of the Astro CLI does to grant one role: it reads the Organization and the token, adds the role to
// what it read and writes the whole set. It tries nothing twice.
type cli struct {
	org            *organization
	client         *http.Client
	failed, exited atomic.Int64 // with an error, and with none
}

// baseline runs the commands side by side with and without Astro's limits, and one after another.
func (b *bench) baseline(ctx context.Context) error {
	fmt.Fprintf(b.figures.out, "# what the Astro CLI does, without retries: %s\n", baselineSize)
	for _, run := range []struct {
		name    string
		workers int
		limits  astrosim.Limits
	}{
		{"parallel", cliWorkers, astrosim.PublishedLimits()},
		{"parallel_unlimited", cliWorkers, astrosim.Limits{}},
		{"sequence", 1, astrosim.PublishedLimits()},
	} {
		options := b.astro()
		options.Limits = run.limits
		org, err := newOrganization(options, baselineSize)
		if err != nil {
			return err
		}
		c := &cli{org: org, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: cliWorkers}}}
		start := time.Now()
		err = parallel(ctx, org.grants, run.workers, c.grant)
		took := time.Since(start)
		org.sim.Close()
		if err != nil {
			return err
		}
		b.printBaseline(run.name, run.workers, c, took)
		b.cli = took // the last is the one that loses nothing
	}
	return nil
}

func (b *bench) printBaseline(name string, workers int, c *cli, took time.Duration) {
	failed := int(c.failed.Load())
	spent := c.org.calls()
	b.figures.print(figure{name: "cli_" + name + "_lost", value: float64(c.org.lost(c.org.grants) - failed), unit: "roles", notes: []string{
		fmt.Sprintf("of=%d", len(c.org.grants)), fmt.Sprintf("workers=%d", workers), fmt.Sprintf("exited_0=%d", c.exited.Load()),
	}})
	b.figures.print(figure{name: "cli_" + name + "_failed", value: float64(failed), unit: "commands", notes: []string{fmt.Sprintf("status429=%d", spent.throttled)}})
	b.figures.print(figure{name: "cli_" + name + "_s", value: took.Seconds(), unit: "s"})
	b.figures.print(figure{name: "cli_" + name + "_calls", value: float64(spent.total()), unit: "calls", notes: []string{
		fmt.Sprintf("get=%d", spent.gets), fmt.Sprintf("post=%d", spent.posts),
	}})
}

// errRefused is an answer other than 200, upon which a command ends.
var errRefused = errors.New("refused")

func (c *cli) grant(ctx context.Context, g grant) error {
	err := c.command(ctx, g)
	if errors.Is(err, errRefused) {
		c.failed.Add(1)
		return nil
	}
	c.exited.Add(1)
	return err
}

func (c *cli) command(ctx context.Context, g grant) error {
	if err := c.call(ctx, http.MethodGet, "", nil, nil); err != nil {
		return err
	}
	var token struct {
		Roles []json.RawMessage `json:"roles"`
	}
	if err := c.call(ctx, http.MethodGet, "/tokens/"+g.token.id, nil, &token); err != nil {
		return err
	}
	added, err := json.Marshal(astrosim.DeploymentRole(g.target.id, role))
	if err != nil {
		return err
	}
	token.Roles = append(token.Roles, added)
	return c.call(ctx, http.MethodPost, "/tokens/"+g.token.id+"/roles", token, nil)
}

func (c *cli) call(ctx context.Context, method, path string, body, answer any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.org.sim.URL()+"/v1/organizations/"+c.org.id+path, &content)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.org.secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %s", errRefused, response.Status)
	case answer != nil:
		return json.Unmarshal(data, answer)
	}
	return nil
}
