// Program draw draws the Grafana dashboard without Grafana: Prometheus' own engine answers the query of each panel from what
// was scraped of a run, and each answer becomes a chart where Grafana would have it. `make dashboard` makes the picture of
// the documents of it.
//
// Read main.go first, then scrapes.go (what was scraped, into Prometheus' storage), panels.go (the dashboard's questions and
// their answers), chart.go (an answer as lines) and page.go (all of them as a page).
package main
