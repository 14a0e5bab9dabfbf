package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutation is a fault that is put into a copy of one file of the code. Exploring has to find it.
type mutation struct {
	name     string
	reason   string
	file     string // from the repository's root
	scenario string // where it is found soonest
	old, new string
}

// readMutation reads a mutation: lines "reason:", "file:" and "scenario:", then the text that is replaced after a line
// "--- old", and the text in its place after a line "--- new".
func readMutation(path string) (m mutation, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	m.name = strings.TrimSuffix(filepath.Base(path), ".txt")
	head, rest, found := strings.Cut(string(data), "--- old\n")
	old, replacement, both := strings.Cut(rest, "--- new\n")
	if !found || !both {
		return m, fmt.Errorf("%s: no parts old and new", path)
	}
	m.old, m.new = strings.TrimSuffix(old, "\n"), strings.TrimSuffix(replacement, "\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "reason":
			m.reason = value
		case "file":
			m.file = value
		case "scenario":
			m.scenario = value
		}
	}
	if m.reason == "" || m.file == "" || m.scenario == "" {
		return m, fmt.Errorf("%s: a reason, a file and a scenario are needed", path)
	}
	return m, lines.Err()
}

// readMutations reads all of them, in the order of their names.
func readMutations(root string) (all []mutation, err error) {
	paths, err := filepath.Glob(filepath.Join(root, "test", "explore", "mutations", "*.txt"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	for _, path := range paths {
		m, err := readMutation(path)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// overlay makes the copy with the fault in it, and what the go command needs to build with the copy.
func (m mutation) overlay(root, dir string) (string, error) {
	path := filepath.Join(root, filepath.FromSlash(m.file))
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(data), m.old); n != 1 {
		return "", fmt.Errorf("mutation %s: its text is in %s %d times, not once", m.name, m.file, n)
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(data), m.old, m.new, 1)), 0o600); err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, content, 0o600)
}

// outcome is what became of exploring with a fault in the code.
type outcome struct {
	found  bool
	states string // that were visited before
	cause  string
}

var (
	statesLine    = regexp.MustCompile(`(?m)^explore_states (\d+)$`)
	violationLine = regexp.MustCompile(`(?m)^VIOLATION of (.*)$`)
)

// explore builds the explorer with the fault and runs it.
func (m mutation) explore(root string, seconds float64) (o outcome, err error) {
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(dir)
	overlay, err := m.overlay(root, dir)
	if err != nil {
		return o, err
	}
	program := filepath.Join(dir, "explore")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./test/explore")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return o, fmt.Errorf("mutation %s: build: %w\n%s", m.name, err, out)
	}
	run := exec.Command(program, "-scenario", m.scenario, "-seconds", fmt.Sprint(seconds))
	out, err := run.Output()
	if failed, is := errors.AsType[*exec.ExitError](err); err != nil && (!is || failed.ExitCode() != 1) {
		return o, fmt.Errorf("mutation %s: %w\n%s", m.name, err, out)
	}
	if states := statesLine.FindSubmatch(out); states != nil {
		o.states = string(states[1])
	}
	if cause := violationLine.FindSubmatch(out); cause != nil {
		o.found, o.cause = true, string(cause[1])
	}
	return o, nil
}

// mutate explores with each fault in the code. It reports whether all were found.
func mutate(w io.Writer, root, only string, seconds float64) (bool, error) {
	all, err := readMutations(root)
	if err != nil {
		return false, err
	}
	found, tried := 0, 0
	for _, m := range all {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		tried++
		o, err := m.explore(root, seconds)
		if err != nil {
			return false, err
		}
		if !o.found {
			fmt.Fprintf(w, "MISSED  %-28s %8s states of %s: %s\n", m.name, o.states, m.scenario, m.reason)
			continue
		}
		found++
		fmt.Fprintf(w, "found   %-28s %8s states of %s\n", m.name, o.states, o.cause)
	}
	fmt.Fprintf(w, "explore_mutations %d\nexplore_mutations_found %d\n", tried, found)
	return tried > 0 && found == tried, nil
}

// repository is the root of the repository, which holds go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
