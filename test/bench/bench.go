package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

// workers is how many requests the bench itself has under way at the API server.
const workers = 16

// operatorNamespace is where an operator looks for what belongs to it.
const operatorNamespace = "bench-operator"

// bench is one run.
type bench struct {
	options

	figures *figures
	table   table
	folder  string // of logs and profiles
	worlds  int
	cli     time.Duration // that the Astro CLI takes for baselineSize in sequence; zero if not measured
}

func newBench(o options) (*bench, error) {
	if _, err := os.Stat(o.manager); err != nil {
		return nil, fmt.Errorf("the operator is not built (run `make build`): %w", err)
	}
	b := &bench{options: o, figures: &figures{out: os.Stdout}, folder: filepath.Join("bin", "bench")}
	return b, os.MkdirAll(b.folder, 0o755)
}

// measure goes from what needs least to what needs most. What one part cannot do keeps no other from being measured.
func (b *bench) measure(ctx context.Context) error {
	b.printConditions()
	var faults []error
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{partCLI, b.baseline}, {partAtOnce, b.applyAtOnce}, {partLive, b.live}, {partSizes, b.measureSizes}, {partFairness, b.fairness},
		{partFloods, b.floods}, {partMemory, b.attackedMemory}, {partTakeover, b.takeOver},
	} {
		if !b.has(part.name) || ctx.Err() != nil {
			continue
		}
		if err := part.measure(ctx); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	b.table.print(b.figures)
	b.figures.printGoals()
	fmt.Fprintln(b.figures.out, "#", loadLine())
	return errors.Join(faults...)
}

// astro is how the simulated Astro is to be.
func (b *bench) astro() astrosim.Options {
	return astrosim.Options{Latency: b.latency, Limits: astrosim.PublishedLimits(), Seed: b.seed}
}
