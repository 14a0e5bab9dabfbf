package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// options are what the run is told.
type options struct {
	sizes, cold  []size
	skipBaseline bool
	latency      time.Duration
	seed         uint64
	repeat       int
	singles      int
	sweeps       int
	manager      string
	patience     time.Duration
	profile      bool
}

// size is so many bindings on so many tokens.
type size struct{ bindings, tokens int }

// small sizes are over in seconds, so that they are run several times.
const small = 100

// String is the size in words.
func (s size) String() string { return fmt.Sprintf("%d bindings on %d tokens", s.bindings, s.tokens) }

// runs is how often the size is measured.
func (s size) runs(repeat int) int {
	if s.bindings <= small {
		return repeat
	}
	return 1
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{sizes: []size{{50, 5}, {1000, 100}}, profile: os.Getenv("PROFILE") == "1"}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Func("sizes", "BINDINGS/TOKENS, comma-separated, to apply at once; the last stays for idling, drift and restart (default 50/5,1000/100)",
		sizesInto(&o.sizes))
	flags.Func("cold", "BINDINGS/TOKENS, comma-separated, to apply before the operator starts, such as 10000/500 (default none)", sizesInto(&o.cold))
	flags.BoolVar(&o.skipBaseline, "skip-baseline", false, "leave out how the Astro CLI fares")
	flags.DurationVar(&o.latency, "latency", 80*time.Millisecond, "how long each call to Astro takes")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of ids and of the order in which bindings are applied")
	flags.IntVar(&o.repeat, "repeat", 3, "how often a size of up to 100 bindings is measured; the figure is the median")
	flags.IntVar(&o.singles, "singles", 100, "how many bindings to apply one after another")
	flags.IntVar(&o.sweeps, "sweeps", 4, "how many sweeps to idle through")
	flags.DurationVar(&o.patience, "patience", 4*time.Minute, "how long bindings may take to become Ready before the run counts as not finished")
	flags.StringVar(&o.manager, "manager", "bin/manager", "the operator")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.repeat < 1 || o.singles < 0 || o.sweeps < 1 {
		return o, errors.New("there are no arguments but flags, and no negative counts; see --help")
	}
	return o, nil
}

func sizesInto(sizes *[]size) func(string) error {
	return func(text string) error {
		*sizes = nil
		if text == "" {
			return nil
		}
		for item := range strings.SplitSeq(text, ",") {
			s, err := parseSize(item)
			if err != nil {
				return err
			}
			*sizes = append(*sizes, s)
		}
		return nil
	}
}

func parseSize(text string) (size, error) {
	bindings, tokens, _ := strings.Cut(text, "/")
	b, err := strconv.Atoi(bindings)
	t, err2 := strconv.Atoi(tokens)
	if err != nil || err2 != nil || t < 1 || b < t {
		return size{}, fmt.Errorf("%q is no size: write BINDINGS/TOKENS, such as 50/5", text)
	}
	return size{b, t}, nil
}
