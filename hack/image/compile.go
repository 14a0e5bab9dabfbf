package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// settings are the variables that would make go build something else on one machine than on another. GOFLAGS goes too:
// where one wants vendoring or tags, another would not have the same bytes.
var settings = []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off", "GOFIPS140=off"}

// compile builds the program for a platform and returns it.
func compile(ctx context.Context, o options, p v1.Platform, scratch string) ([]byte, error) {
	out := filepath.Join(scratch, p.OS+"-"+p.Architecture)
	flags := "-s -w"
	if o.version != "" {
		flags += " -X main.release=" + o.version
	}
	// -buildvcs=false: whether there is a .git, and what state it is in, is no part of the program.
	//nolint:gosec // what is built is what the caller names
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", out, o.program)
	command.Dir = o.root
	command.Env = append(os.Environ(), append(settings, "GOOS="+p.OS, "GOARCH="+p.Architecture)...)
	if text, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s for %s: %w\n%s", o.program, p, err, strings.TrimSpace(string(text)))
	}
	return os.ReadFile(out)
}

// entrypoint is the program's place in the image.
func entrypoint(o options) string { return "/" + path.Base(filepath.ToSlash(o.program)) }
