package main

import (
	"strings"
)

// list is a flag that takes several values, comma-separated or by being given several times. What is given replaces
// the default.
type list struct {
	values *[]string
	check  func(string) error
	given  bool
}

func newList(values *[]string, check func(string) error) *list {
	return &list{values: values, check: check}
}

// String is the value as the help shows it; flag.Value wants it of a zero list as well.
func (l *list) String() string {
	if l.values == nil {
		return ""
	}
	return strings.Join(*l.values, ",")
}

// Set adds the values of one use of the flag.
func (l *list) Set(text string) error {
	if !l.given {
		*l.values, l.given = nil, true
	}
	for value := range strings.SplitSeq(text, ",") {
		value = strings.TrimSpace(value)
		if err := l.check(value); err != nil {
			return err
		}
		*l.values = append(*l.values, value)
	}
	return nil
}
