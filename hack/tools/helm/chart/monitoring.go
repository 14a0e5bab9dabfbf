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

// copyMonitoring copies the alerts and the dashboard into the chart.
func copyMonitoring(config, to string) error {
	dashboard, err := os.ReadFile(filepath.Join(config, "grafana", "dashboard.json"))
	if err != nil {
		return err
	}
	if err := write(filepath.Join(to, "dashboard.json"), dashboard); err != nil {
		return err
	}
	return copyAlerts(filepath.Join(config, "prometheus", "rules.yaml"), filepath.Join(to, "alerts.yaml"))
}
