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
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/controller-runtime/tools/setup-envtest/remote"
	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

// options are what the program is told.
type options struct {
	index    string
	version  string // of Kubernetes, such as v1.37.2
	out      string // folder for the programs
	programs []string
	platform versions.Platform

	reach    time.Duration // how long the index may take to answer
	stall    time.Duration // how long a download may stand still
	progress time.Duration // how often a download tells how far it is
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "control plane: nothing is downloaded:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1) //nolint:gocritic // stop only restores the handling of signals
	}
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{
		platform: versions.Platform{OS: runtime.GOOS, Arch: runtime.GOARCH},
		reach:    4 * time.Second, stall: 30 * time.Second, progress: 10 * time.Second,
	}
	flags := flag.NewFlagSet("envtest", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.index, "index", "", "URL of the index of releases; that of setup-envtest if empty")
	flags.StringVar(&o.version, "version", "", "version of Kubernetes, such as v1.37.2; another patch of its minor version does")
	flags.StringVar(&o.out, "out", "", "folder for the programs")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.index == "" {
		o.index = remote.DefaultIndexURL
	}
	o.programs = flags.Args()
	if o.out == "" || len(o.programs) == 0 {
		return o, errors.New("it wants -version VERSION -out FOLDER and the names of programs")
	}
	return o, nil
}

// run puts the programs into the folder and prints the name of each that it put there, one a line, to out. Progress goes
// to log.
func run(ctx context.Context, o options, out, log io.Writer) error {
	began := time.Now()
	release, err := find(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "control plane: downloading Kubernetes %s from the index %s\n", release.Version, o.index)
	archive, err := download(ctx, o, release, log)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(archive) }()
	found, err := unpack(archive, o.out, o.programs)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "control plane: %s of Kubernetes %s in %d s\n", strings.Join(found, ", "), release.Version, int(time.Since(began).Seconds()))
	for _, program := range found {
		fmt.Fprintln(out, program)
	}
	return nil
}
