package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctrl.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what the command line asks for, from what needs least to what needs most.
func run(ctx context.Context, args []string) error {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.figures.failed()
}

func (b *bench) measure(ctx context.Context) error {
	b.printConditions()
	if !b.skipBaseline {
		if err := b.baseline(ctx); err != nil {
			return fmt.Errorf("baseline: %w", err)
		}
	}
	for _, s := range b.sizes {
		if err := b.applyAtOnce(ctx, s); err != nil {
			return fmt.Errorf("%s applied at once: %w", s, err)
		}
	}
	if err := b.oneByOne(ctx); err != nil {
		return fmt.Errorf("one new binding: %w", err)
	}
	for _, s := range b.cold {
		if err := b.coldStart(ctx, s); err != nil {
			return fmt.Errorf("cold start with %s: %w", s, err)
		}
	}
	fmt.Println("#", loadLine())
	return nil
}
