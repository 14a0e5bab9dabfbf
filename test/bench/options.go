package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the run is told.
type options struct {
	parts         []string
	sizes         []size
	atOnce        []size
	liveSizes     []size
	latency       time.Duration
	seed          uint64
	repeat        int
	singles       int
	sweeps        int
	flood         int
	manager       string
	plugin        string
	takeoverSizes []size
	patience      time.Duration
	profile       bool
}

// The parts of a run, in their order.
const (
	partCLI      = "cli"
	partAtOnce   = "at-once"
	partLive     = "live"
	partSizes    = "sizes"
	partFairness = "fairness"
	partFloods   = "floods"
	partTakeover = "takeover"
	partMemory   = "memory"
)

var allParts = []string{partCLI, partAtOnce, partLive, partSizes, partFairness, partFloods, partMemory, partTakeover}

func (o options) has(part string) bool { return slices.Contains(o.parts, part) }

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
	o := options{
		parts: allParts, atOnce: []size{{50, 5}, {750, 1}, {3000, 1}}, liveSizes: []size{{500, 100}}, sizes: []size{{100, 10}, {1000, 50}, {10000, 500}}, takeoverSizes: []size{{10000, 500}}, profile: os.Getenv("PROFILE") == "1",
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Func("parts", "what to measure, comma-separated, of "+strings.Join(allParts, ",")+" (default all)", o.chooseParts)
	flags.Func("sizes", "BINDINGS/TOKENS, comma-separated, that go through every scenario (default 100/10,1000/50,10000/500)", sizesInto(&o.sizes))
	flags.Func("at-once", "BINDINGS/TOKENS, comma-separated, applied at once while the operator runs (default 50/5,750/1,3000/1)", sizesInto(&o.atOnce))
	flags.Func("live", "BINDINGS/TOKENS, comma-separated, that clients apply, edit and delete while the operator runs (default 500/100)", sizesInto(&o.liveSizes))
	flags.Func("takeover", "BINDINGS/TOKENS, comma-separated, that were given by hand and are taken over (default 10000/500)", sizesInto(&o.takeoverSizes))
	flags.DurationVar(&o.latency, "latency", 80*time.Millisecond, "how long each call to Astro takes")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of ids, of the order in which bindings are applied and of pauses")
	flags.IntVar(&o.repeat, "repeat", 3, "how often a size of up to 100 bindings is applied at once; the figure is the median")
	flags.IntVar(&o.singles, "singles", 100, "how many new bindings to apply one after another at rest")
	flags.IntVar(&o.flood, "flood", 5000, "how many bindings that no rule allows one tenant applies while another works")
	flags.IntVar(&o.sweeps, "sweeps", 4, "how many sweeps to idle through")
	flags.DurationVar(&o.patience, "patience", 8*time.Minute, "how long bindings may take to become Ready before the run counts as not finished")
	flags.StringVar(&o.manager, "manager", "bin/manager", "the operator")
	flags.StringVar(&o.plugin, "plugin", "bin/kubectl-stb", "the plugin for kubectl")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.repeat < 1 || o.singles < 0 || o.sweeps < 1 {
		return o, errors.New("there are no arguments but flags, and no negative counts; see --help")
	}
	return o, nil
}

func (o *options) chooseParts(text string) error {
	o.parts = strings.Split(text, ",")
	for _, part := range o.parts {
		if !slices.Contains(allParts, part) {
			return fmt.Errorf("%q is no part", part)
		}
	}
	return nil
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
