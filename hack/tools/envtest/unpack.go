package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// unpack puts those of the programs that the archive has into the folder, and returns their names. Of a name in the
// archive only the last part counts, so that nothing lands outside.
func unpack(archive, folder string, programs []string) (found []string, err error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("unpack the download: %w", err)
	}
	for entries := tar.NewReader(zipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("unpack the download: %w", err)
		}
		name := path.Base(entry.Name)
		if entry.Typeflag != tar.TypeReg || !slices.Contains(programs, name) || slices.Contains(found, name) {
			continue
		}
		if err := place(filepath.Join(folder, name), entries); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", name, err)
		}
		found = append(found, name)
	}
	if len(found) == 0 {
		return nil, errors.New("the download has none of the programs")
	}
	return found, nil
}

// place writes a program that appears when it is whole.
func place(program string, content io.Reader) error {
	part, err := os.CreateTemp(filepath.Dir(program), filepath.Base(program)+".*.part")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(part.Name()) }()
	_, err = io.Copy(part, content)
	if err := errors.Join(err, part.Chmod(0o755), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), program)
}
