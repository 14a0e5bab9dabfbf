package flux

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// repository does what source-controller does: it serves artifacts, and tells of them in the status of sources.
type repository struct {
	server    *httptest.Server
	mu        sync.Mutex
	artifacts map[string][]byte
}

func serve() *repository {
	r := &repository{artifacts: map[string][]byte{}}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if artifact, found := r.artifacts[strings.TrimPrefix(q.URL.Path, "/")]; found {
			_, _ = w.Write(artifact)
			return
		}
		http.NotFound(w, q)
	}))
	return r
}

// publish makes an artifact the newest of a source.
func (r *repository) publish(t *testing.T, of *unstructured.Unstructured, artifact []byte, revision string) {
	t.Helper()
	sum := fmt.Sprintf("%x", sha256.Sum256(artifact))
	name := of.GetKind() + "-" + sum[:12] + ".tar.gz"
	r.mu.Lock()
	r.artifacts[name] = artifact
	r.mu.Unlock()
	now := &unstructured.Unstructured{}
	now.SetGroupVersionKind(of.GroupVersionKind())
	eventually(t, time.Minute, func() error { return kube.Get(context.Background(), client.ObjectKeyFromObject(of), now) })
	before := now.DeepCopy()
	at := time.Now().UTC().Format(time.RFC3339)
	now.Object["status"] = map[string]any{
		"observedGeneration": now.GetGeneration(),
		"artifact": map[string]any{
			"url": r.server.URL + "/" + name, "path": name, "revision": revision, "digest": "sha256:" + sum, "lastUpdateTime": at,
		},
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "lastTransitionTime": at,
			"observedGeneration": now.GetGeneration(),
		}},
	}
	if err := kube.Status().Patch(context.Background(), now, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// here writes into a manifest where Astro is in this test.
func here(manifest []byte) []byte {
	const organization = "organizationId: clp0a1b2c3d4e5f6g7h8i9j0k"
	return bytes.ReplaceAll(manifest, []byte(organization), []byte(organization+"\n  apiURL: "+astro+"\n  sweepInterval: 5s"))
}

// archive packs a folder of the repository as Flux does, with what differs here written into each file, and whatever else
// is to be replaced.
func archive(t *testing.T, folder string, replace ...string) []byte {
	t.Helper()
	words := strings.NewReplacer(replace...)
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	packed := tar.NewWriter(zipped)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		content := words.Replace(string(here(text)))
		if err := packed.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = packed.Write([]byte(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
