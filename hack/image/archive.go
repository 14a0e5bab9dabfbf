package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// archive writes an OCI image layout as a tar file: what `ctr images import` and `kind load image-archive` take.
func archive(path string, tag name.Tag, index v1.ImageIndex, out io.Writer) error {
	scratch, err := os.MkdirTemp("", "layout-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	l, err := layout.Write(scratch, empty.Index)
	if err != nil {
		return err
	}
	// containerd takes the name from the first, others the tag from the second.
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name": full(tag), "org.opencontainers.image.ref.name": tag.TagStr(),
	})); err != nil {
		return err
	}
	size, err := pack(scratch, path)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%-12s %5.1f MB, %s\n%s\n", "archive", megabytes(size), path, full(tag)+"@"+digest.String())
	return err
}

// pack makes a tar file of a folder, in the order of names, without times and owners. The file appears when it is whole.
func pack(folder, path string) (int64, error) {
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(part.Name()) }()
	w := tar.NewWriter(part)
	err = filepath.WalkDir(folder, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || at == folder {
			return err
		}
		relative, err := filepath.Rel(folder, at)
		if err != nil {
			return err
		}
		return packEntry(w, at, filepath.ToSlash(relative), entry)
	})
	err = errors.Join(err, w.Close())
	size, sizeErr := part.Seek(0, io.SeekEnd)
	if err := errors.Join(err, sizeErr, part.Chmod(0o644), part.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(part.Name(), path)
}

func packEntry(w *tar.Writer, at, name string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: epoch})
	}
	data, err := os.ReadFile(at)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), ModTime: epoch}); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// push sends the image, all platforms of it, to its registry.
func push(ctx context.Context, tag name.Tag, index v1.ImageIndex, out io.Writer) error {
	if err := remote.WriteIndex(tag, index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)); err != nil {
		return fmt.Errorf("push %s: %w", tag, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, tag.Name()+"@"+digest.String())
	return err
}
