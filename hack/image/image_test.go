package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// program stands for the manager: whether its own build is the same each time is for `make release` to show.
const program = `package main

import "fmt"

var release string

func main() { fmt.Println("program", release) }
`

// source is a folder with a module whose program tells its version.
func source(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for path, text := range map[string]string{"go.mod": "module example.com/program\n\ngo 1.26.0\n", "cmd/manager/main.go": program} {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// made runs the program and returns the archive.
func made(t *testing.T, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	o, err := parse(append([]string{"-root", source(t), "-out", out}, args...), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := run(t.Context(), o, &said); err != nil {
		t.Fatal(err)
	}
	for _, p := range o.platforms {
		if !strings.Contains(said.String(), p.String()) {
			t.Errorf("the size of %s is not told:\n%s", p, said.String())
		}
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// unpack reads an archive as a runtime does.
func unpack(t *testing.T, data []byte) v1.ImageIndex {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files(t, bytes.NewReader(data)) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// files are the files of a tar stream. Whatever depends on when or by whom it was made is a fault.
func files(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s tells when or by whom it was made: %+v", h.Name, h)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = content
	}
}

func TestSameBytes(t *testing.T) {
	one, two := made(t, "-version=v1.2.3"), made(t, "-version=v1.2.3")
	if !bytes.Equal(one, two) {
		t.Error("two builds in two folders differ")
	}
	if other := made(t, "-version=v1.2.4"); bytes.Equal(one, other) {
		t.Error("the version makes no difference")
	}
}

func TestArchive(t *testing.T) {
	top, err := unpack(t, made(t, "-name=scopedtoken-operator:v1.2.3", "-version=v1.2.3", "-revision=abc")).IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 {
		t.Fatalf("want one image in the archive, got %d", len(top.Manifests))
	}
	want := map[string]string{
		"io.containerd.image.name": "docker.io/library/scopedtoken-operator:v1.2.3", "org.opencontainers.image.ref.name": "v1.2.3",
	}
	for key, value := range want {
		if got := top.Manifests[0].Annotations[key]; got != value {
			t.Errorf("%s: want %q, got %q", key, value, got)
		}
	}
}

func TestImages(t *testing.T) {
	top := unpack(t, made(t, "-version=v1.2.3"))
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	images, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(images.Manifests) != 2 {
		t.Fatalf("want two platforms, got %d", len(images.Manifests))
	}
	for _, d := range images.Manifests {
		t.Run(d.Platform.String(), func(t *testing.T) { checkImage(t, index, d) })
	}
}

func checkImage(t *testing.T, index v1.ImageIndex, d v1.Descriptor) {
	t.Helper()
	image, err := index.Image(d.Digest)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS+"/"+config.Architecture != d.Platform.String() {
		t.Errorf("the image is for %s/%s", config.OS, config.Architecture)
	}
	if c := config.Config; c.User != "65532:65532" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/manager" {
		t.Errorf("want /manager run by 65532:65532, got %+v", c)
	}
	if v := config.Config.Labels["org.opencontainers.image.version"]; v != "v1.2.3" {
		t.Errorf("the label says version %q", v)
	}
	content := contentOf(t, image)
	if magic := content["manager"][:4]; string(magic) != "\x7fELF" {
		t.Errorf("/manager is no program: %q", magic)
	}
	if machine := content["manager"][18]; machine != map[string]byte{"amd64": 62, "arm64": 183}[d.Platform.Architecture] {
		t.Errorf("/manager is for machine %d", machine)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(content["etc/ssl/certs/ca-certificates.crt"]) {
		t.Error("there are no authorities")
	}
	if !bytes.Contains(content["manager"], []byte("v1.2.3")) {
		t.Error("the program does not know its version")
	}
}

// contentOf are the files of an image.
func contentOf(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, l := range layers {
		stream, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, files(t, stream))
		_ = stream.Close()
	}
	return all
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	image := strings.TrimPrefix(server.URL, "http://") + "/team/operator:v1.2.3"
	o, err := parse([]string{"-root", source(t), "-name", image, "-push", "-platforms=linux/amd64"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, io.Discard); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(image)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	var read v1.IndexManifest
	if err := json.Unmarshal(manifest, &read); err != nil || len(read.Manifests) != 1 {
		t.Errorf("want one platform in the registry, got %s (%v)", manifest, err)
	}
}

func TestRefuses(t *testing.T) {
	for _, arg := range []string{"-platforms=linux", "-platforms=", "-nonsense", "stray"} {
		if _, err := parse([]string{arg}, io.Discard); err == nil {
			t.Errorf("%s is taken", arg)
		}
	}
	o, err := parse([]string{"-name=UPPER:case"}, io.Discard)
	if err == nil {
		err = run(t.Context(), o, io.Discard)
	}
	if err == nil {
		t.Error("a name that no image can have is taken")
	}
}

func TestBrokenProgram(t *testing.T) {
	folder := source(t)
	if err := os.WriteFile(filepath.Join(folder, "cmd/manager/main.go"), []byte("package main\n\nfunc main() { nonsense }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "image.tar")
	o, err := parse([]string{"-root", folder, "-out", out}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, io.Discard); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("want what the compiler says, got %v", err)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("an archive was left: %v", err)
	}
}
