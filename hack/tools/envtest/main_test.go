package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

// archive is what an index offers: programs that say their name, in the folder that those of Kubebuilder have.
func archive(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, name := range names {
		text := "#!/bin/sh\necho " + filepath.Base(name) + "\n"
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var whole = []string{"controller-tools/envtest/etcd", "controller-tools/envtest/kube-apiserver", "controller-tools/envtest/kubectl"}

// serve offers an archive as the releases of the versions, and returns the URL of the index.
func serve(t *testing.T, content []byte, hash string, released ...string) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/archive", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) })
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "releases:")
		for _, version := range released {
			fmt.Fprintf(w, "  %s:\n    envtest-%s-%s-%s.tar.gz: {hash: %q, selfLink: %q}\n",
				version, version, runtime.GOOS, runtime.GOARCH, hash, server.URL+"/archive")
		}
	})
	return server.URL + "/index.yaml"
}

func sum(content []byte) string {
	hash := sha512.Sum512(content)
	return hex.EncodeToString(hash[:])
}

func TestRun(t *testing.T) {
	good := archive(t, whole...)
	cases := map[string]struct {
		reason string
		index  string
		args   []string
		found  string // names that are printed
		err    string
	}{
		"Whole": {
			reason: "What is asked for and released comes; what no archive has is left to be built.",
			index:  serve(t, good, sum(good), "v1.36.0", "v1.36.2"),
			args:   []string{"etcd", "kube-apiserver", "kubectl", "kube-controller-manager"},
			found:  "etcd\nkube-apiserver\nkubectl\n",
		},
		"Part": {
			reason: "Nothing comes that nobody has asked for.",
			index:  serve(t, good, sum(good), "v1.36.2"),
			args:   []string{"etcd"},
			found:  "etcd\n",
		},
		"Tampered": {
			reason: "An archive with another checksum than that of the index is refused.",
			index:  serve(t, good, sum([]byte("other")), "v1.36.2"),
			args:   []string{"etcd"},
			err:    "checksum mismatch",
		},
		"Unsigned": {
			reason: "An archive without a checksum is refused.",
			index:  serve(t, good, "", "v1.36.2"),
			args:   []string{"etcd"},
			err:    "checksum mismatch",
		},
		"OtherMinor": {
			reason: "Another minor version is another Kubernetes.",
			index:  serve(t, good, sum(good), "v1.35.9", "v1.37.0"),
			args:   []string{"etcd"},
			err:    "has no Kubernetes 1.36 for " + runtime.GOOS + "/" + runtime.GOARCH,
		},
		"Cut": {
			reason: "An archive that ends early leaves no program behind.",
			index:  serve(t, good[:len(good)/2], sum(good[:len(good)/2]), "v1.36.2"),
			args:   []string{"etcd", "kubectl"},
			err:    "unpack the download",
		},
		"Unreachable": {
			reason: "Where nothing listens, the index is named.",
			index:  "http://127.0.0.1:1/index.yaml",
			args:   []string{"etcd"},
			err:    "http://127.0.0.1:1/index.yaml",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			o, err := parse(append([]string{"-index", tc.index, "-version", "v1.36.3", "-out", folder}, tc.args...), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			var out, log bytes.Buffer
			err = run(t.Context(), o, &out, &log)
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Fatalf("%s\nwant %q, got %v", tc.reason, tc.err, err)
			}
			if out.String() != tc.found {
				t.Errorf("%s\nwant %q, got %q", tc.reason, tc.found, out.String())
			}
			left := files(t, folder)
			if want := strings.Fields(tc.found); !slices.Equal(left, want) {
				t.Errorf("%s\nwant the files %v, got %v", tc.reason, want, left)
			}
			for _, program := range left {
				said, err := exec.Command(filepath.Join(folder, program)).Output()
				if err != nil || strings.TrimSpace(string(said)) != program {
					t.Errorf("%s says %q (%v)", program, said, err)
				}
			}
		})
	}
}

func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestWaits: neither an index that does not answer nor a download that stands still is waited for long.
func TestWaits(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	stuck := httptest.NewServer(nil)
	t.Cleanup(stuck.Close)
	stuck.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index" {
			fmt.Fprintf(w, "releases: {v1.36.3: {envtest-v1.36.3-%s-%s.tar.gz: {hash: x, selfLink: %q}}}", runtime.GOOS, runtime.GOARCH, stuck.URL+"/archive")
			return
		}
		_, _ = w.Write([]byte("some"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for index, want := range map[string]string{silent.URL: "has not answered within 200ms", stuck.URL + "/index": "nothing has arrived for 300ms"} {
		folder := t.TempDir()
		o, err := parse([]string{"-index", index, "-version", "v1.36.3", "-out", folder, "etcd"}, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		if o.reach > 5*time.Second {
			t.Errorf("an index is waited for %s", o.reach)
		}
		o.reach, o.stall = 200*time.Millisecond, 300*time.Millisecond
		if err := run(t.Context(), o, &bytes.Buffer{}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if left := files(t, folder); len(left) > 0 {
			t.Errorf("these are left: %v", left)
		}
	}
}

func TestChoose(t *testing.T) {
	linux, other := versions.Platform{OS: "linux", Arch: "amd64"}, versions.Platform{OS: "darwin", Arch: "arm64"}
	set := func(patch int, platforms ...versions.Platform) versions.Set {
		s := versions.Set{Version: versions.Concrete{Major: 1, Minor: 36, Patch: patch}}
		for _, p := range platforms {
			s.Platforms = append(s.Platforms, versions.PlatformItem{Platform: p})
		}
		return s
	}
	cases := map[string]struct {
		reason string
		sets   []versions.Set
		want   int // the patch, -1 for none
	}{
		"Exact":    {"The pinned version goes before a newer one.", []versions.Set{set(5, linux), set(3, linux), set(1, linux)}, 3},
		"Newest":   {"Else the newest patch is taken.", []versions.Set{set(0, linux), set(2, linux), set(1, linux)}, 2},
		"Platform": {"A version for another machine is none.", []versions.Set{set(3, other), set(2, other, linux)}, 2},
		"None":     {"There may be none.", []versions.Set{set(3, other)}, -1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, found := choose(tc.sets, versions.Concrete{Major: 1, Minor: 36, Patch: 3}, linux)
			if found != (tc.want >= 0) || found && (got.Version.Patch != tc.want || got.Platform != linux) {
				t.Errorf("%s\nwant patch %d, got %v (%t)", tc.reason, tc.want, got.Version, found)
			}
		})
	}
}

// TestBuildScript: what the index has is not built, and is not asked for twice.
func TestBuildScript(t *testing.T) {
	good, folder := archive(t, whole...), t.TempDir()
	index := serve(t, good, sum(good), "v1.33.0", kubernetes(t))
	first := buildScript(t, index, folder)
	if !strings.Contains(first, "downloading Kubernetes") || strings.Contains(first, "building") {
		t.Errorf("want a download and no build, got\n%s", first)
	}
	if again := buildScript(t, "http://127.0.0.1:1", folder); again != "" {
		t.Errorf("want nothing to do, got\n%s", again)
	}
	said, err := exec.Command(filepath.Join(folder, "kube-apiserver")).Output()
	if err != nil || string(said) != "kube-apiserver\n" {
		t.Errorf("kube-apiserver says %q (%v)", said, err)
	}
}

// kubernetes is the version that is pinned.
func kubernetes(t *testing.T) string {
	t.Helper()
	command := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	command.Dir = filepath.Join("..", "..", "controlplane")
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func buildScript(t *testing.T, index, folder string) string {
	t.Helper()
	command := exec.Command(filepath.Join("..", "..", "controlplane", "build.sh"), folder, "etcd", "kube-apiserver", "kubectl")
	command.Env = append(os.Environ(), "ENVTEST_INDEX="+index, "KUBEBUILDER_ASSETS=")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
