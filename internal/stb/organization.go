package stb

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/internal/astro"
	"github.com/scopedtoken/scopedtoken-operator/internal/ref"
)

// organization is what Astro shows of one Organization, read once.
type organization struct {
	id, host string
	tokens   []astro.Token
	targets  map[astro.RoleKey]astro.Target
}

// target is what Astro shows of a Workspace or Deployment; false if it shows none with that id.
func (o organization) target(kind astro.EntityType, id string) (astro.Target, bool) {
	t, shown := o.targets[astro.RoleKey{EntityType: kind, EntityID: id}]
	return t, shown
}

// readOrganization reads every token, Workspace and Deployment that the credential may see: a page of each, as a rule.
func readOrganization(ctx context.Context, c *astro.Client, spec *v1alpha1.ConnectionSpec) (organization, error) {
	o := organization{id: string(spec.OrganizationID), host: ref.Host(spec), targets: map[astro.RoleKey]astro.Target{}}
	var workspaces, deployments []astro.Target
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() (err error) { o.tokens, err = c.ListTokens(ctx); return err })
	work.Go(func() (err error) { workspaces, err = c.ListWorkspaces(ctx, astro.Filter{}); return err })
	work.Go(func() (err error) { deployments, err = c.ListDeployments(ctx, astro.Filter{}); return err })
	if err := work.Wait(); err != nil {
		return organization{}, fmt.Errorf("read Astro: %w", err)
	}
	for _, t := range append(workspaces, deployments...) {
		o.targets[astro.RoleKey{EntityType: t.Kind, EntityID: t.ID}] = t
	}
	return o, nil
}

// patience is how long something may take before a terminal is told that it goes on.
const patience = 2 * time.Second

// progress counts calls to Astro, and tells a terminal of them while they take long.
type progress struct {
	calls atomic.Int64
	stop  func()
}

func newProgress(to io.Writer) *progress {
	p := &progress{stop: func() {}}
	file, is := to.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return p
	}
	tick, done := time.NewTicker(patience), make(chan struct{})
	p.stop = func() {
		tick.Stop()
		close(done)
	}
	go func() {
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(to, "reading Astro, %d calls so far\n", p.calls.Load())
			case <-done:
				return
			}
		}
	}()
	return p
}

// observe counts a call.
func (p *progress) observe(string, string, string, int, time.Duration) { p.calls.Add(1) }
