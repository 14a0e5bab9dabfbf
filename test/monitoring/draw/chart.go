package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/promql"
)

// chart is a panel with its answer, ready for the page.
type chart struct {
	panel

	Value  string // of a stat: the last
	Bad    bool   // a stat that is not zero
	Lines  []drawn
	Top    string // what the upper edge stands for
	Height int    // of the drawing, in its own units
}

// drawn is a line of a chart.
type drawn struct {
	Name, Colour string
	Path         string // of SVG, a piece for each part of the line without a gap
}

// width of a drawing, in its own units.
const width = 600

// colours of lines, told apart by people who do not see all of them.
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000"}

// draw draws the answer to what a panel asks.
func draw(p panel, lines []line) chart {
	c := chart{panel: p, Height: 170}
	if p.Type == "stat" {
		if len(lines) > 0 && len(lines[0].points) > 0 {
			last := lines[0].points[len(lines[0].points)-1].F
			c.Value, c.Bad = number(last, ""), last != 0
		}
		return c
	}
	from, to, top := bounds(lines)
	c.Top = number(top, p.FieldConfig.Defaults.Unit)
	for i, l := range lines {
		c.Lines = append(c.Lines, drawn{l.name, colours[i%len(colours)], path(l.points, from, to, top, c.Height)})
	}
	return c
}

// bounds are the first and the last time of some lines, and the value of the upper edge: the highest, rounded up.
func bounds(lines []line) (from, to int64, top float64) {
	from = math.MaxInt64
	for _, l := range lines {
		for _, p := range l.points {
			from, to = min(from, p.T), max(to, p.T)
			if !math.IsNaN(p.F) && !math.IsInf(p.F, 0) {
				top = max(top, p.F)
			}
		}
	}
	return from, to, roundUp(top)
}

// roundUp is the least of 1, 2, 5, 10 and so on that is not below a value; 1 of nothing.
func roundUp(value float64) float64 {
	if value <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, factor := range []float64{1, 2, 5} {
		if value <= factor*power {
			return factor * power
		}
	}
	return 10 * power
}

// path draws points between two times, and between zero and a top. What was not scraped leaves a gap.
func path(points []promql.FPoint, from, to int64, top float64, height int) string {
	var b strings.Builder
	gap := true
	last := int64(0)
	for _, p := range points {
		if math.IsNaN(p.F) || math.IsInf(p.F, 0) {
			gap = true
			continue
		}
		command := "L"
		if gap || p.T-last > 2*step.Milliseconds() {
			command = "M"
		}
		x := width * float64(p.T-from) / float64(max(to-from, 1))
		y := float64(height) * (1 - min(max(p.F/top, 0), 1))
		fmt.Fprintf(&b, "%s%.1f %.1f", command, x, y)
		gap, last = false, p.T
	}
	return b.String()
}

// number writes a value with the unit of its panel.
func number(value float64, unit string) string {
	if unit == "s" && value < 1 {
		return strconv.FormatFloat(value*1000, 'g', 3, 64) + " ms"
	}
	text := strconv.FormatFloat(value, 'g', 4, 64)
	switch unit {
	case "s":
		return text + " s"
	case "d":
		return text + " days"
	case "reqps":
		return text + " req/s"
	}
	return text
}
