package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// options are what the run is told.
type options struct {
	seed     uint64
	span     time.Duration
	acts     int
	patience time.Duration
	verbose  bool
	scrapes  string
}

func main() {
	runtime.MemProfileRate = 256 // a leak is a few hundred bytes a round
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Uint64Var(&o.seed, "seed", 1, "what all that happens is drawn from")
	flags.DurationVar(&o.span, "span", time.Hour, "how much of the operator's time is to pass; at least 10m")
	flags.IntVar(&o.acts, "acts", 10, "how many things happen in each round")
	flags.DurationVar(&o.patience, "patience", 30*time.Second, "how long the operator may take to reach the declared state at the end of a round")
	flags.BoolVar(&o.verbose, "v", false, "print what happens")
	flags.StringVar(&o.scrapes, "scrapes", "", "a folder for what Prometheus would read of the operator, twice a round")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.span < 10*time.Minute || o.acts < 1 {
		return o, errors.New("there are no arguments but flags, at least 10 minutes and 1 act; see --help")
	}
	return o, nil
}

// run lives through the rounds. What is there after the first quarter is the measure for what is there at the end.
func run(ctx context.Context, args []string) error {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	w, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	defer w.close()
	started, begun := time.Now(), w.now()
	if err := w.home(ctx); err != nil {
		return err
	}
	if err := w.live(ctx, o.span/4); err != nil {
		return err
	}
	before, err := w.measure(ctx)
	if err != nil {
		return err
	}
	if err := w.live(ctx, o.span-o.span/4); err != nil {
		return err
	}
	after, err := w.measure(ctx)
	if err != nil {
		return err
	}
	w.printf("# seed %d, %d rounds, %d acts: %s", o.seed, w.round, w.acted, w.happened())
	w.printf("figure soak-operator-time %.0f s real=%.0f", w.now().Sub(begun).Seconds(), time.Since(started).Seconds())
	w.printf("figure soak-role-writes %d writes needless=%d overtaken=%d", w.ledger.writes, len(w.ledger.needless), w.ledger.raced)
	return errors.Join(w.ledger.verdict(), compare(before, after, w.printf, o.verbose))
}

// live lets so much of the operator's time pass.
func (w *world) live(ctx context.Context, span time.Duration) error {
	for until := w.now().Add(span); w.now().Before(until); {
		w.round++
		if err := w.pass(ctx); err != nil {
			return fmt.Errorf("round %d: %w", w.round, err)
		}
	}
	return nil
}
