package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// scraped is a run, as Prometheus keeps it.
type scraped struct {
	folder   string
	db       *tsdb.DB
	engine   *promql.Engine
	from, to time.Time // of the first and the last scrape
	interval time.Duration
}

// sample is one value of one scrape.
type sample struct {
	labels labels.Labels
	at     int64 // ms
	value  float64
}

// load reads the scrapes of a folder, whose files are named after their time in milliseconds.
func load(ctx context.Context, folder string) (*scraped, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.prom"))
	if err != nil {
		return nil, err
	}
	if len(files) < 2 {
		return nil, fmt.Errorf("%s has %d scrapes, which make no line", folder, len(files))
	}
	slices.Sort(files)
	temporary, err := os.MkdirTemp("", "draw-")
	if err != nil {
		return nil, err
	}
	db, err := tsdb.Open(temporary, nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(temporary))
	}
	s := &scraped{folder: temporary, db: db, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, LookbackDelta: 2 * time.Minute, Parser: parser.NewParser(parser.Options{}),
	})}
	for _, file := range files {
		if err := s.add(ctx, file); err != nil {
			s.close()
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	s.interval = s.to.Sub(s.from) / time.Duration(len(files)-1)
	return s, nil
}

func (s *scraped) close() {
	_ = s.db.Close()
	_ = os.RemoveAll(s.folder)
}

// add stores one scrape.
func (s *scraped) add(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	samples, err := parse(content)
	if err != nil {
		return err
	}
	to := s.db.Appender(ctx)
	for _, one := range samples {
		if _, err := to.Append(storage.SeriesRef(0), one.labels, one.at, one.value); err != nil {
			return errors.Join(err, to.Rollback())
		}
		at := time.UnixMilli(one.at)
		if s.from.IsZero() || at.Before(s.from) {
			s.from = at
		}
		if at.After(s.to) {
			s.to = at
		}
	}
	return to.Commit()
}

// parse reads the samples of a scrape. One without a time is an error.
func parse(content []byte) (all []sample, err error) {
	p, err := textparse.New(content, "text/plain", labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return nil, err
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		name, at, value := p.Series()
		if at == nil {
			return nil, fmt.Errorf("%s has no time", name)
		}
		one := sample{at: *at, value: value}
		p.Labels(&one.labels)
		all = append(all, one)
	}
}
