package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/tools/setup-envtest/remote"
	"sigs.k8s.io/controller-runtime/tools/setup-envtest/versions"
)

// release is an archive of the index.
type release struct {
	Version versions.Concrete
	versions.PlatformItem
}

// client reads the index. It logs nothing: what matters is in its errors.
func (o options) client() *remote.HTTPClient {
	return &remote.HTTPClient{Log: logr.Discard(), IndexURL: o.index}
}

// find asks the index, which has to answer soon: without a network nobody should wait for it.
func find(ctx context.Context, o options) (release, error) {
	var wanted versions.Concrete
	if _, err := fmt.Sscanf(o.version, "v%d.%d.%d", &wanted.Major, &wanted.Minor, &wanted.Patch); err != nil {
		return release{}, fmt.Errorf("-version: %q is not a version such as v1.37.2", o.version)
	}
	ctx, cancel := context.WithTimeout(ctx, o.reach)
	defer cancel()
	sets, err := o.client().ListVersions(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return release{}, fmt.Errorf("the release index %s has not answered within %s", o.index, o.reach)
	}
	if err != nil {
		return release{}, fmt.Errorf("the release index cannot be read: %w", err)
	}
	found, ok := choose(sets, wanted, o.platform)
	if !ok {
		return release{}, fmt.Errorf("the release index %s has no Kubernetes %d.%d for %s", o.index, wanted.Major, wanted.Minor, o.platform)
	}
	return found, nil
}

// choose is the release of the wanted version, or the newest patch of its minor version: an index does not have them all.
func choose(sets []versions.Set, wanted versions.Concrete, platform versions.Platform) (best release, found bool) {
	for _, set := range sets {
		if set.Version.Major != wanted.Major || set.Version.Minor != wanted.Minor {
			continue
		}
		for _, item := range set.Platforms {
			better := !found || set.Version == wanted || best.Version != wanted && set.Version.Compare(best.Version) > 0
			if item.Platform == platform && better {
				best, found = release{set.Version, item}, true
			}
		}
	}
	return best, found
}

// download writes the archive to a file whose checksum is that of the index.
func download(ctx context.Context, o options, r release, log io.Writer) (path string, err error) {
	file, err := os.CreateTemp(o.out, "envtest-*.part")
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &meter{Writer: file, log: log, every: o.progress, began: time.Now(), told: time.Now(), stall: o.stall}
	w.watch = time.AfterFunc(o.stall, func() { cancel(fmt.Errorf("nothing has arrived for %s", o.stall)) })
	defer w.watch.Stop()
	if err := o.client().GetVersion(ctx, r.Version, r.PlatformItem, w); err != nil {
		return "", fmt.Errorf("the download failed: %w", errors.Join(err, context.Cause(ctx)))
	}
	return file.Name(), nil
}

// meter tells how far a download is, and keeps the watch for one that stands still from going off.
type meter struct {
	io.Writer
	log          io.Writer
	every, stall time.Duration
	began, told  time.Time
	bytes        int64
	watch        *time.Timer
}

func (m *meter) Write(data []byte) (int, error) {
	m.watch.Reset(m.stall)
	m.bytes += int64(len(data))
	if now := time.Now(); now.Sub(m.told) >= m.every {
		m.told = now
		fmt.Fprintf(m.log, "  ... %d MB in %d s\n", m.bytes/1e6, int(now.Sub(m.began).Seconds()))
	}
	return m.Writer.Write(data)
}
