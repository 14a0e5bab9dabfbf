package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// Log is where the lines go. Each is written at once and by one call, so that lines of several processes in one file are
// not mixed, and none is lost when the process is killed.
type Log struct {
	mu   sync.Mutex
	to   io.Writer
	torn bool // the last write ended in the middle of a line
}

// The names of the streams of the process.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// NewLog makes a log that writes to w.
func NewLog(w io.Writer) *Log { return &Log{to: w} }

// Open makes a log that writes to a stream of the process, or to the end of a file, which is made if it is not there.
func Open(to string) (*Log, error) {
	switch to {
	case "":
		return nil, errors.New("it goes to stdout, stderr or a file")
	case Stdout:
		return NewLog(os.Stdout), nil
	case Stderr:
		return NewLog(os.Stderr), nil
	}
	file, err := os.OpenFile(to, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // who starts the program names the file
	if err != nil {
		return nil, err
	}
	return NewLog(file), nil
}

// LostError says that entries could not be written, and what they were.
type LostError struct {
	Lines []string
	Err   error
}

// Error implements error.
func (e *LostError) Error() string {
	return fmt.Sprintf("%d line(s) not written: %v", len(e.Lines), e.Err)
}

// Unwrap is what went wrong.
func (e *LostError) Unwrap() error { return e.Err }

// Write writes a line for each entry. Those that cannot be written are in the LostError.
func (l *Log) Write(entries ...Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var lost LostError
	for i := range entries {
		line, err := lineOf(entries[i])
		if err == nil {
			err = l.line(line)
		}
		if err != nil {
			lost.Lines, lost.Err = append(lost.Lines, string(line)), err
		}
	}
	if lost.Err != nil {
		return &lost
	}
	return nil
}

// lineOf is an entry as the log has it: a role of any length in Astro is clipped, and no word of others does anything to a terminal
// that shows the log.
func lineOf(e Entry) ([]byte, error) {
	e.From, e.To = text.Clip(e.From, text.MostRole), text.Clip(e.To, text.MostRole)
	line, err := json.Marshal(&e)
	return []byte(text.JSON(string(line))), err
}

// line writes one line. After one that broke off it begins with a new line, so that no more than that one cannot be read.
func (l *Log) line(entry []byte) error {
	line := slices.Concat(entry, []byte{'\n'})
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := l.to.Write(line)
	if err != nil {
		l.torn = l.torn && n == 0 || n > 0
		return err
	}
	l.torn = false
	return nil
}
