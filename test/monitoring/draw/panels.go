package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
)

// panel is one of the dashboard, a row's heading among them.
type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"` // row, stat or timeseries
	GridPos struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	FieldConfig struct {
		Defaults struct {
			Unit string `json:"unit"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []struct {
		Expr   string `json:"expr"`
		Legend string `json:"legendFormat"`
	} `json:"targets"`
}

// line is an answer: one series, with the name that the panel gives it.
type line struct {
	name   string
	points []promql.FPoint
}

// step is how far apart the points of a line are.
const step = 30 * time.Second

// read reads the panels of a dashboard.
func read(file string) ([]panel, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var dashboard struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(content, &dashboard); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return dashboard.Panels, nil
}

// expression is a query as Grafana sends it when every connection is chosen.
func (s *scraped) expression(query string) string {
	rate := model.Duration(max(4*s.interval, time.Minute).Truncate(time.Second)) // as Grafana has $__rate_interval
	return strings.NewReplacer("$__rate_interval", rate.String(), "$kind", ".*", "$namespace", ".*", "$name", ".*").Replace(query)
}

// answer asks for what a panel shows, over the whole run.
func (s *scraped) answer(ctx context.Context, p panel) (all []line, err error) {
	for _, t := range p.Targets {
		query, err := s.engine.NewRangeQuery(ctx, s.db, nil, s.expression(t.Expr), s.from, s.to, step)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Title, err)
		}
		matrix, err := query.Exec(ctx).Matrix()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Title, err)
		}
		for _, series := range matrix {
			all = append(all, line{legend(t.Legend, series), series.Floats})
		}
	}
	return all, nil
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// legend names a series after its labels.
func legend(format string, s promql.Series) string {
	return strings.TrimSpace(placeholder.ReplaceAllStringFunc(format, func(found string) string {
		return s.Metric.Get(placeholder.FindStringSubmatch(found)[1])
	}))
}
