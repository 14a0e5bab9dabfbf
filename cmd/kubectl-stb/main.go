package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/internal/buildinfo"
	"github.com/scopedtoken/scopedtoken-operator/internal/stb"
)

// release is the version of a released build, which the linker puts in: -ldflags '-X main.release=v1.2.3'.
var release string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetLogger(logr.Discard()) // else controller-runtime complains after a while that it has none
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	os.Exit(stb.Run(ctx, buildinfo.Version(release), os.Args[1:], streams)) //nolint:gocritic // stop only restores the handling of signals
}
