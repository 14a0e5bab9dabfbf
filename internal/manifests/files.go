package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var suffixes = []string{".yaml", ".yml", ".json"}

// readInput reads standard input. That nothing comes is an error: what was to write the manifests has failed.
func readInput(stdin io.Reader) ([]Document, error) {
	text, err := io.ReadAll(stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("standard input is empty")
	}
	return parse("standard input", bytes.NewReader(text))
}

// filesOf are the manifests in a folder, in the order of their names, or the one file that the path is.
func filesOf(path string, recursive bool) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	err = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && at != path && !recursive:
			return fs.SkipDir
		case !entry.IsDir() && slices.Contains(suffixes, filepath.Ext(at)):
			files = append(files, at)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s holds no file that ends in %s", path, strings.Join(suffixes, ", "))
	}
	return files, err
}

func readFile(path string) ([]Document, error) {
	if base := filepath.Base(path); strings.TrimSuffix(base, filepath.Ext(base)) == "kustomization" {
		return nil, nil // it may do without a kind, and is for kustomize
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user says which
	if err != nil {
		return nil, err
	}
	return parse(path, bytes.NewReader(text))
}
