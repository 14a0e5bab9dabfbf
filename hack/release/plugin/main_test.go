package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// small is a module with a program that is compiled in no time.
func small(t *testing.T, program string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/program\n\ngo 1.26.0\n", "LICENSE": "whoever likes\n", "cmd/kubectl-stb/main.go": program} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const program = "package main\n\nvar release string\n\nfunc main() { println(\"it runs\", release) }\n"

// TestRun: what the manifest says of each archive is so, what krew takes out of it runs, and a second time gives the same bytes.
func TestRun(t *testing.T) {
	o, err := parse([]string{"-root", small(t, program), "-version=v1.2.3", "-out", t.TempDir(), "-platforms", runtime.GOOS + "/" + runtime.GOARCH + ",windows/amd64"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalStrict(read(t, o.out, "stb.yaml"), &m); err != nil {
		t.Fatal(err)
	}
	if m.Metadata["name"] != "stb" || m.Spec.Version != "v1.2.3" || len(m.Spec.Platforms) != len(o.platforms) || len(m.Spec.ShortDescription) > 50 {
		t.Errorf("the manifest is %+v", m)
	}
	for i, p := range m.Spec.Platforms {
		wanted := o.platforms[i]
		if diff := cmp.Diff(map[string]string{"os": wanted.os, "arch": wanted.arch}, p.Selector.MatchLabels); diff != "" {
			t.Errorf("the platform (-want +got)\n%s", diff)
		}
		content := read(t, o.out, path.Base(p.URI))
		if sum := sha256.Sum256(content); p.SHA256 != hex.EncodeToString(sum[:]) || !strings.HasPrefix(p.URI, home+"/releases/download/v1.2.3/kubectl-stb-v1.2.3-") {
			t.Errorf("the archive is %x, the manifest says %+v", sum, p)
		}
		files := unpack(t, content)
		if string(files["LICENSE"].content) != "whoever likes\n" || len(files) != 2 {
			t.Errorf("krew wants the licence beside the program alone; there are %d files", len(files))
		}
		if i == 0 {
			runs(t, files[p.Bin])
		} else if !bytes.HasPrefix(files["kubectl-stb.exe"].content, []byte("MZ")) || p.Bin != "kubectl-stb.exe" {
			t.Errorf("%s is no program of Windows", p.Bin)
		}
	}
	again := o
	again.root, again.out = small(t, program), t.TempDir()
	if err := run(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, o.out, "stb.yaml"), read(t, again.out, "stb.yaml")) {
		t.Error("made in another folder, it has other bytes")
	}
}

// runs runs a program out of an archive.
func runs(t *testing.T, f file) {
	t.Helper()
	place := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(place, f.content, os.FileMode(f.mode)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), place).CombinedOutput(); err != nil || string(out) != "it runs v1.2.3\n" {
		t.Errorf("the program: %v, %s", err, out)
	}
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func unpack(t *testing.T, content []byte) map[string]file {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	files, packed := map[string]file{}, tar.NewReader(plain)
	for {
		header, err := packed.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		inside, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = file{header.Name, header.Mode, inside}
	}
}

func TestRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"-version":            {"-version=1.2.3"},
		"-platforms":          {"-version=v1.2.3", "-platforms=linux"},
		"unexpected argument": {"-version=v1.2.3", "dist"},
	} {
		if _, err := parse(args, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want an error with %q, got %v", args, want, err)
		}
	}
	o := options{root: small(t, "package main\n\nfunc main() { nonsense }\n"), program: "./cmd/kubectl-stb", version: "v1.2.3", out: t.TempDir(), platforms: []platform{{"linux", "amd64"}}}
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "build ./cmd/kubectl-stb for linux/amd64") {
		t.Errorf("what does not compile: %v", err)
	}
}
