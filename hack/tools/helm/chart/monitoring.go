package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// copyAlerts copies the rules of the PrometheusRule into the chart, as a file of rules that promtool reads as well.
func copyAlerts(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	_, rules, found := bytes.Cut(content, []byte("\nspec:\n"))
	if !found {
		return fmt.Errorf("%s has no spec", from)
	}
	lines := bytes.SplitAfter(rules, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimPrefix(lines[i], []byte("  "))
	}
	return write(to, bytes.Join(lines, nil))
}

// copyMonitoring copies what the chart has of config/prometheus.
func copyMonitoring(from, to string) error {
	return copyAlerts(filepath.Join(from, "rules.yaml"), filepath.Join(to, "alerts.yaml"))
}
