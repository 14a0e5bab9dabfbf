package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options are what the program is told.
type options struct {
	root      string // folder of the module whose binary goes into the image
	program   string // its package
	name      string // the image's, with its tag
	version   string
	revision  string
	out       string // the archive
	bom       string // the bill of materials, "" for none
	push      bool   // to the registry that the name tells, rather than into an archive
	platforms []v1.Platform
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the handling of signals
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.root, "root", "../..", "folder of the module")
	flags.StringVar(&o.program, "program", "./cmd/manager", "package of the program")
	flags.StringVar(&o.name, "name", "scopedtoken-operator:latest", "name of the image with its tag")
	flags.StringVar(&o.version, "version", "", "version that the program tells and a label says")
	flags.StringVar(&o.revision, "revision", "", "commit that a label says")
	flags.StringVar(&o.out, "out", "image.tar", "the archive to write")
	flags.StringVar(&o.bom, "bom", "", "file for the bill of materials, as CycloneDX JSON; none if empty")
	flags.BoolVar(&o.push, "push", false, "push to the registry of the name instead of writing an archive; credentials are those of `docker login`")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "platforms, comma-separated")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for text := range strings.SplitSeq(*platforms, ",") {
		p, err := v1.ParsePlatform(strings.TrimSpace(text))
		if err != nil || p.OS == "" || p.Architecture == "" {
			return o, fmt.Errorf("--platforms: %q is not os/architecture", text)
		}
		o.platforms = append(o.platforms, *p)
	}
	return o, nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	reference, err := parseName(o.name)
	if err != nil {
		return err
	}
	index, err := build(ctx, o, out)
	if err != nil {
		return err
	}
	if o.push {
		return push(ctx, reference, index, out)
	}
	return archive(o.out, reference, index, out)
}
