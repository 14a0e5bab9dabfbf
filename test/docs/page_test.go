package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is one document.
type page struct {
	path string // from the root of the repository
	text string
}

// block is what stands between two fences.
type block struct {
	language, text string
	line           int
}

var fence = regexp.MustCompile("^\\s*```([a-z]*)\\s*$")

// pages are README.md and everything under docs, but for what is generated.
func pages(t *testing.T) []page {
	t.Helper()
	all := []page{read(t, "README.md")}
	err := filepath.WalkDir(filepath.Join(env.Root, "docs"), func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "reference":
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			relative, err := filepath.Rel(env.Root, path)
			if err != nil {
				return err
			}
			all = append(all, read(t, relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(env.Root, path))
	if err != nil {
		t.Fatal(err)
	}
	return page{path: path, text: string(text)}
}

// split takes a page apart into its blocks and its prose.
func (p page) split() (blocks []block, prose string) {
	var text strings.Builder
	var open *block
	for number, line := range strings.Split(p.text, "\n") {
		found := fence.FindStringSubmatch(line)
		switch {
		case found != nil && open == nil:
			open = &block{language: found[1], line: number + 1}
		case found != nil:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		default:
			text.WriteString(line + "\n")
		}
	}
	return blocks, text.String()
}

// headings are the texts of the headings of a level, 0 for every level.
func (p page) headings(level int) []string {
	_, prose := p.split()
	var all []string
	for line := range strings.Lines(prose) {
		marks, text, found := strings.Cut(strings.TrimSpace(line), " ")
		if found && marks != "" && strings.Trim(marks, "#") == "" && (level == 0 || len(marks) == level) {
			all = append(all, text)
		}
	}
	return all
}
