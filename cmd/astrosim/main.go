package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/scopedtoken/scopedtoken-operator/internal/astrosim"
)

type options struct {
	listen, seedFile, credentialsDir string
	caFile, tlsListen                string
	standInFor                       []string
	latency                          time.Duration
	limits, listBehaviour            bool
	seed                             uint64
	behaviour                        astrosim.Behaviour
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "astrosim:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the handling of signals
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("astrosim", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8099", "address to listen on; port 0 takes a free one")
	flags.StringVar(&o.seedFile, "seed-file", "", "YAML file with the Organizations, Workspaces, Deployments and tokens to start with")
	flags.StringVar(&o.credentialsDir, "credentials-dir", "", "directory for a file with the credential of each seeded token marked secret")
	flags.StringVar(&o.caFile, "ca-file", "", "stand in for Astro's host to clients whose HTTPS_PROXY is this, and write the certificate to trust to this file")
	flags.StringVar(&o.tlsListen, "tls-listen", "", "with --ca-file: address to listen on with TLS, too")
	flags.Func("stand-in-for", "with --ca-file: a host to stand in for, any number of times; "+astrosim.APIHost+" if not given", func(host string) error {
		o.standInFor = append(o.standInFor, host)
		return nil
	})
	flags.DurationVar(&o.latency, "latency", 0, "how long each call takes, such as 80ms")
	flags.BoolVar(&o.limits, "limits", false, "enforce the published rate limits")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of ids, faults and shuffles")
	flags.BoolVar(&o.listBehaviour, "list-behaviour", false, "print the switches of --behaviour as a Markdown table, and end")
	flags.Func("behaviour", "NAME=VALUE, any number of times: how to answer where Astro's behaviour is not published", func(text string) error {
		name, value, _ := strings.Cut(text, "=")
		return o.behaviour.Set(name, value)
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.caFile == "" && (o.tlsListen != "" || len(o.standInFor) > 0) {
		return o, errors.New("--tls-listen and --stand-in-for need --ca-file")
	}
	return o, nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	if o.listBehaviour {
		_, err := io.WriteString(out, astrosim.SwitchesMarkdown())
		return err
	}
	settings := astrosim.Options{Latency: o.latency, Behaviour: o.behaviour, Seed: o.seed}
	if o.limits {
		settings.Limits = astrosim.PublishedLimits()
	}
	sim := astrosim.New(settings)
	defer sim.Close()
	if err := plant(sim, o, out); err != nil {
		return err
	}
	url, err := sim.Listen(o.listen) //nolint:contextcheck // the simulator ends by Close
	if err != nil {
		return err
	}
	if err := standIn(sim, o, url, out); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "simulated Astro listens at %s (API under /v1, administration under /_sim)\n", url); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// standIn makes the simulator answer for Astro's own host, if it is to.
func standIn(sim *astrosim.Sim, o options, url string, out io.Writer) error {
	if o.caFile == "" {
		return nil
	}
	certificate, err := sim.StandIn(o.standInFor...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.caFile, certificate, 0o600); err != nil {
		return err
	}
	hosts := o.standInFor
	if len(hosts) == 0 {
		hosts = []string{astrosim.APIHost}
	}
	if _, err := fmt.Fprintf(out, "it stands in for %s where HTTPS_PROXY=%s and SSL_CERT_FILE=%s\n", strings.Join(hosts, ", "), url, o.caFile); err != nil {
		return err
	}
	if o.tlsListen == "" {
		return nil
	}
	secure, err := sim.ListenTLS(o.tlsListen) //nolint:contextcheck // the simulator ends by Close
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "it listens with TLS at %s\n", secure)
	return err
}

// plant reads the seed file and hands out the credentials that it asks for.
func plant(sim *astrosim.Sim, o options, out io.Writer) error {
	if o.seedFile == "" {
		return nil
	}
	data, err := os.ReadFile(o.seedFile)
	if err != nil {
		return err
	}
	seed, err := astrosim.ReadSeed(data)
	if err != nil {
		return fmt.Errorf("%s: %w", o.seedFile, err)
	}
	planted, err := sim.Plant(seed)
	if err != nil {
		return fmt.Errorf("%s: %w", o.seedFile, err)
	}
	for _, id := range planted.Secrets {
		if err := handOut(sim, id, o.credentialsDir, out); err != nil {
			return err
		}
	}
	return nil
}

func handOut(sim *astrosim.Sim, id, dir string, out io.Writer) error {
	token, _ := sim.Token(id)
	if dir == "" {
		_, err := fmt.Fprintf(out, "credential of %s (%s): %s\n", token.Name, id, sim.Credential(id))
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, strings.Map(fileRune, token.Name))
	if err := os.WriteFile(file, []byte(sim.Credential(id)), 0o600); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "credential of %s (%s): in %s\n", token.Name, id, file)
	return err
}

// fileRune keeps a token's name within one portable file name.
func fileRune(r rune) rune {
	if strings.ContainsRune(`/\ :`, r) {
		return '-'
	}
	return r
}
