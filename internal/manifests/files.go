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

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

var suffixes = []string{".yaml", ".yml", ".json"}

// readInput reads standard input. That nothing comes is an error: what was to write the manifests has failed.
func readInput(stdin io.Reader) ([]Document, error) {
	text, err := io.ReadAll(stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if text, err = toUTF8(text); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("standard input is empty")
	}
	return parse("standard input", bytes.NewReader(text))
}

// toUTF8 goes by the byte order mark, as kubectl does: PowerShell's > writes UTF-16. The separators of documents are looked for
// in UTF-8, and the YAML parser, which would decode UTF-16 itself, reads one document only.
func toUTF8(text []byte) ([]byte, error) {
	decoded, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), text)
	return decoded, err
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
	if text, err = toUTF8(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return parse(path, bytes.NewReader(text))
}
