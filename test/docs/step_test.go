package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is what a reader does with a block.
type step struct {
	page    string
	line    int
	section string   // the heading of the second level that it stands under
	file    string   // save the text as this file
	apply   string   // apply the text
	run     []string // run these commands, one after the other
	output  string   // what the only command prints
}

var (
	named = regexp.MustCompile(`^# ([\w/.-]+\.(?:yaml|tmpl))\n`) // a block that begins with its file's name
	saved = regexp.MustCompile("[Ss]ave it as `([^`]+)`")
	// told is a command of kubectl in the midst of prose, with what it is to do and to what.
	told = regexp.MustCompile("`(kubectl (?:get|annotate|apply|create|describe) [^`]+)`")
)

// steps are the blocks of a page that a reader does something with, in their order.
func (p page) steps() (all []step) {
	blocks, _ := p.split()
	lines := strings.Split(p.text, "\n")
	for _, b := range blocks {
		text := dedent(b.text)
		s := step{page: p.path, line: b.line, section: section(lines[:b.line])}
		switch {
		case b.fileName(lines) != "":
			s.file, s.apply = b.fileName(lines), text
			all = append(all, s)
		case b.language == "yaml" && !notKubernetes[p.path]:
			s.apply = text
			all = append(all, s)
		case b.language == "sh":
			s.run = commands(text)
			all = append(all, s)
		case b.language == "console":
			all = append(all, s.typed(text)...)
		}
	}
	all = append(all, p.told(lines)...)
	slices.SortStableFunc(all, func(a, b step) int { return a.line - b.line })
	return all
}

// told are the commands that stand in prose and in tables.
func (p page) told(lines []string) (all []step) {
	fenced := false
	for number, line := range lines {
		if fence.MatchString(line) {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		for _, found := range told.FindAllStringSubmatch(line, -1) {
			if strings.Count(found[1], " ") > 2 { // or it only names the command
				all = append(all, step{page: p.path, line: number + 1, section: section(lines[:number]), run: []string{found[1]}})
			}
		}
	}
	return all
}

// fileName is the file that a block is to be saved as, "" if it is not.
func (b block) fileName(lines []string) string {
	if found := named.FindStringSubmatch(dedent(b.text)); b.language == "yaml" && found != nil {
		return found[1]
	}
	before := strings.Join(lines[max(0, b.line-4):b.line-1], " ")
	if found := saved.FindStringSubmatch(before); b.language == "text" && found != nil {
		return found[1]
	}
	return ""
}

// typed are the commands of a block that shows what they print as well.
func (s step) typed(text string) (all []step) {
	for part := range strings.SplitSeq("\n"+text, "\n$ ") {
		command, output, _ := strings.Cut(part, "\n")
		if command != "" {
			s.run, s.output = []string{command}, output
			all = append(all, s)
		}
	}
	return all
}

// section is the last heading of the second level.
func section(lines []string) string {
	last, fenced := "", false
	for _, line := range lines {
		if fence.MatchString(line) {
			fenced = !fenced
		}
		if heading, found := strings.CutPrefix(line, "## "); found && !fenced {
			last = heading
		}
	}
	return last
}

// commands takes a script apart: a line that ends with a backslash or a bar goes on in the next one.
func commands(text string) (all []string) {
	var open []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if len(open) == 0 && (strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#")) {
			continue
		}
		open = append(open, line)
		if !strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, "|") {
			all, open = append(all, strings.Join(open, "\n")), nil
		}
	}
	return all
}

// dedent takes the indentation of a list off a block.
func dedent(text string) string {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	return strings.ReplaceAll("\n"+text, "\n"+indent, "\n")[1:]
}

func TestSteps(t *testing.T) {
	p := page{path: "p.md", text: "# P\n```yaml\n# a/b.yaml\nx: 1\n```\n## S\n1. do\n   ```sh\n   one --x \\\n     --y\n   two |\n     three # why\n   ```\n" +
		"```console\n$ four\nout\n\n$ five\n```\nor `kubectl get stb -A`, unlike `kubectl apply`. Save it as `t.tmpl`:\n\n```text\n## no heading\n```\n```hcl\nx\n```\n"}
	want := []step{
		{page: "p.md", line: 2, file: "a/b.yaml", apply: "# a/b.yaml\nx: 1\n"},
		{page: "p.md", line: 8, section: "S", run: []string{"one --x \\\n  --y", "two |\n  three # why"}},
		{page: "p.md", line: 14, section: "S", run: []string{"four"}, output: "out\n"},
		{page: "p.md", line: 14, section: "S", run: []string{"five"}},
		{page: "p.md", line: 20, section: "S", run: []string{"kubectl get stb -A"}},
		{page: "p.md", line: 22, section: "S", file: "t.tmpl", apply: "## no heading\n"},
	}
	diff(t, want, p.steps())
}
