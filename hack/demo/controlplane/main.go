package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := flag.String("out", "", "folder for the files admin.kubeconfig and operator.kubeconfig")
	operator := flag.String("operator", "", "user that operator.kubeconfig stands for")
	flag.Parse()
	if err := run(ctx, *out, *operator); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the handling of signals
	}
}

// run keeps the API server until the context ends. The administrator's file comes last: once it is there, the rest is.
func run(ctx context.Context, out, operator string) (err error) {
	env, err := environment.StartWith(environment.Options{WithoutCRDs: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.Stop()) }()
	for _, file := range []struct{ name, user string }{{"operator.kubeconfig", operator}, {"admin.kubeconfig", ""}} {
		if err := write(env.Kubeconfig, filepath.Join(out, file.name), file.user); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(os.Stdout, "API server at", env.Config.Host)
	<-ctx.Done()
	return nil
}

// write makes a kubeconfig that acts as the user, if there is one, so that the API server grants what that user may. It
// is renamed into its place, so that nobody reads half of it.
func write(from, to, user string) error {
	config, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return err
	}
	for _, auth := range config.AuthInfos {
		auth.Impersonate = user
	}
	if err := clientcmd.WriteToFile(*config, to+".part"); err != nil {
		return err
	}
	return os.Rename(to+".part", to)
}
