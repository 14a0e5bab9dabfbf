package main

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// history is what happened in one schedule, line by line, for whoever has to find out why it failed.
type history struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	names *strings.Replacer
	pairs []string
}

func newHistory() *history { return &history{start: time.Now(), names: strings.NewReplacer()} }

// alias lets an id be printed by a name that a reader can tell from others.
func (h *history) alias(id, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pairs = append(h.pairs, id, name)
	h.names = strings.NewReplacer(h.pairs...)
}

// notef adds a line. who is a word for the one who did it.
func (h *history) notef(who, format string, args ...any) {
	at := time.Since(h.start)
	line := fmt.Sprintf(format, args...)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%8.3f  %-9s %s", at.Seconds(), who, h.names.Replace(line)))
}

// withAliases replaces ids by their aliases.
func (h *history) withAliases(text string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.names.Replace(text)
}

// String is all of it.
func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n") + "\n"
}
