package main

import (
	"regexp"
	"strconv"
	"strings"
)

// sample is one line of what /metrics answers.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

type samples []sample

var (
	sampleLine  = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)`)
	sampleLabel = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

// parseMetrics reads the text format of Prometheus as far as counters and gauges go.
func parseMetrics(text string) samples {
	var all samples
	for line := range strings.Lines(text) {
		found := sampleLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		value, err := strconv.ParseFloat(found[3], 64)
		if err != nil {
			continue
		}
		s := sample{name: found[1], labels: map[string]string{}, value: value}
		for _, label := range sampleLabel.FindAllStringSubmatch(found[2], -1) {
			s.labels[label[1]] = label[2]
		}
		all = append(all, s)
	}
	return all
}

// by adds up the samples of a metric by the values of a label.
func (all samples) by(name, label string) map[string]int {
	sums := map[string]int{}
	for _, s := range all {
		if s.name == name {
			sums[s.labels[label]] += int(s.value)
		}
	}
	return sums
}

// sum adds up the samples of a metric.
func (all samples) sum(name string) (n int) {
	for _, s := range all {
		if s.name == name {
			n += int(s.value)
		}
	}
	return n
}
