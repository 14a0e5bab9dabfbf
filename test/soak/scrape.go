package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/expfmt"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// scrape writes what Prometheus would read of the operator now, with the operator's time, as the next file of the folder
// that is to have them.
func (w *world) scrape() error {
	if w.scrapes == "" {
		return nil
	}
	families, err := metrics.Registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	var page bytes.Buffer
	at := w.now().UnixMilli()
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "scopedtoken_") {
			continue
		}
		for _, m := range f.GetMetric() {
			m.TimestampMs = &at
		}
		if _, err := expfmt.MetricFamilyToText(&page, f); err != nil {
			return fmt.Errorf("write %s: %w", f.GetName(), err)
		}
	}
	return os.WriteFile(filepath.Join(w.scrapes, fmt.Sprintf("%d.prom", at)), page.Bytes(), 0o600)
}
