package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// options are what the run is told.
type options struct {
	seed      uint64
	schedules int
	first     int
	schedule  int // the only one to run, -1 for all
	repeat    int
	lanes     int
	manager   string
	folder    string
	patience  time.Duration
	giveUp    int // after so many failing schedules
	verbose   bool
	restarts  int
	limit     time.Duration
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Uint64Var(&o.seed, "seed", 1, "what all schedules are drawn from")
	flags.IntVar(&o.schedules, "schedules", 500, "how many schedules to run")
	flags.IntVar(&o.first, "first", 0, "the number of the first schedule")
	flags.IntVar(&o.schedule, "schedule", -1, "run only the schedule of this number, and print its history")
	flags.IntVar(&o.repeat, "repeat", 1, "with -schedule: how often to run it, as what happens at once has no fixed order")
	flags.IntVar(&o.lanes, "lanes", 2*runtime.NumCPU(), "how many schedules to run side by side, each lane with an API server of its own")
	flags.StringVar(&o.manager, "manager", "bin/manager", "the operator")
	flags.StringVar(&o.folder, "folder", filepath.Join(os.TempDir(), "chaos"), "where the histories of failing schedules are put")
	flags.DurationVar(&o.patience, "patience", 75*time.Second, "how long the operator may take to reach the declared state once all is quiet")
	flags.IntVar(&o.giveUp, "give-up", 5, "how many schedules may fail before the run ends early")
	flags.BoolVar(&o.verbose, "v", false, "print a line for each schedule")
	flags.IntVar(&o.restarts, "api-restarts", 100, "one of how many schedules restarts the API server; 0 for none")
	flags.DurationVar(&o.limit, "limit", 0, "begin no schedule after so long; 0 for no limit")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.lanes < 1 || o.schedules < 1 || o.repeat < 1 {
		return o, errors.New("there are no arguments but flags, and no negative counts; see --help")
	}
	if o.schedule >= 0 {
		o.lanes, o.first, o.schedules = 1, o.schedule, 1
	}
	return o, nil
}
