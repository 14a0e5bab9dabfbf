package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// options are what the program is told.
type options struct {
	root      string // folder of the module
	program   string // its package
	version   string
	out       string // folder for archives and manifest
	platforms []platform
}

type platform struct{ os, arch string }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = run(ctx, o)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the handling of signals
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("plugin", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.root, "root", ".", "folder of the module")
	flags.StringVar(&o.program, "program", "./cmd/kubectl-stb", "package of the program")
	flags.StringVar(&o.version, "version", "", "version of the release, such as v0.1.0")
	flags.StringVar(&o.out, "out", "dist", "folder for the archives and the manifest")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64", "platforms, comma-separated")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if !strings.HasPrefix(o.version, "v") {
		return o, fmt.Errorf("-version=%q: it takes the version of a release, such as v0.1.0", o.version)
	}
	for text := range strings.SplitSeq(*platforms, ",") {
		system, arch, found := strings.Cut(text, "/")
		if !found || system == "" || arch == "" {
			return o, fmt.Errorf("-platforms: %q is not a platform, such as linux/amd64", text)
		}
		o.platforms = append(o.platforms, platform{system, arch})
	}
	return o, nil
}

// run makes an archive for each platform, and the manifest of them.
func run(ctx context.Context, o options) error {
	license, err := os.ReadFile(filepath.Join(o.root, "LICENSE"))
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "plugin-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	var made []archive
	for _, p := range o.platforms {
		program, err := compile(ctx, o, p, filepath.Join(scratch, p.os+"-"+p.arch))
		if err != nil {
			return err
		}
		content, err := pack(file{p.program(), 0o755, program}, file{"LICENSE", 0o644, license})
		if err != nil {
			return err
		}
		a := archive{platform: p, name: fmt.Sprintf("kubectl-stb-%s-%s-%s.tar.gz", o.version, p.os, p.arch), sum: sha256.Sum256(content)}
		if err := write(filepath.Join(o.out, a.name), content); err != nil {
			return err
		}
		made = append(made, a)
	}
	manifest, err := manifestOf(o.version, made)
	if err != nil {
		return err
	}
	return write(filepath.Join(o.out, "stb.yaml"), manifest)
}

// program is what the program is called on the platform.
func (p platform) program() string {
	if p.os == "windows" {
		return "kubectl-stb.exe"
	}
	return "kubectl-stb"
}

// settings are the variables that would make go build something else on one machine than on another; hack/image has the same.
var settings = []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off", "GOFIPS140=off"}

// compile builds the program for a platform and returns it.
func compile(ctx context.Context, o options, p platform, out string) ([]byte, error) {
	//nolint:gosec // what is built is what the caller names
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.release="+o.version, "-o", out, o.program)
	command.Dir = o.root
	command.Env = append(os.Environ(), append(settings, "GOOS="+p.os, "GOARCH="+p.arch)...)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s for %s/%s: %w\n%s", o.program, p.os, p.arch, err, strings.TrimSpace(string(text)))
	}
	return os.ReadFile(out)
}
