package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	scrapes := flag.String("scrapes", "", "the folder of what was scraped: a file a scrape, in Prometheus' text format with timestamps")
	dashboard := flag.String("dashboard", "", "the dashboard, as Grafana exports it")
	out := flag.String("out", "", "the page to write")
	flag.Parse()
	if err := run(context.Background(), *scrapes, *dashboard, *out); err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		os.Exit(1)
	}
}

// run draws the dashboard with what was scraped.
func run(ctx context.Context, scrapes, dashboard, out string) error {
	panels, err := read(dashboard)
	if err != nil {
		return err
	}
	s, err := load(ctx, scrapes)
	if err != nil {
		return err
	}
	defer s.close()
	var charts []chart
	for _, p := range panels {
		lines, err := s.answer(ctx, p)
		if err != nil {
			return err
		}
		charts = append(charts, draw(p, lines))
	}
	return write(out, charts, s.from, s.to)
}
