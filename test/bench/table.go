package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is every scenario that was measured, to be printed as Markdown at the end.
type table struct{ rows []row }

// row is one scenario of a size.
type row struct {
	scenario string
	size     size
	spent    spent
	expected expectation
}

func (t *table) add(scenario string, s size, it spent, e expectation) {
	t.rows = append(t.rows, row{scenario, s, it, e})
}

// columns are those of the table. What grows is compared between sizes.
var columns = []struct {
	title string
	value func(row) float64
	grows bool
}{
	{"s", func(r row) float64 { return r.spent.took.Seconds() }, true},
	{"bound", func(r row) float64 { return r.expected.time.Seconds() }, false},
	{"ratio", row.ratio, false},
	{"Astro GET", func(r row) float64 { return float64(r.spent.calls.gets) }, true},
	{"Astro POST", func(r row) float64 { return float64(r.spent.calls.posts) }, true},
	{"KiB of Astro", func(r row) float64 { return r.spent.calls.kibibytes() }, true},
	{"K8s GET", func(r row) float64 { return float64(r.spent.used.requests["GET"]) }, true},
	{"K8s PATCH", func(r row) float64 { return float64(r.spent.used.requests["PATCH"]) }, true},
	{"K8s POST", func(r row) float64 { return float64(r.spent.used.requests["POST"]) }, true},
	{"CPU s", func(r row) float64 { return r.spent.used.processor }, true},
	{"RSS MiB", func(r row) float64 { return r.spent.used.memory }, true},
	{"peak MiB", func(r row) float64 { return r.spent.used.peak }, true},
}

// ratio is that of the time to its bound, zero if there is none.
func (r row) ratio() float64 {
	if r.expected.time == 0 {
		return 0
	}
	return float64(r.spent.took) / float64(r.expected.time)
}

// print prints the table, and how much more the larger of two sizes takes.
func (t *table) print(f *figures) {
	if len(t.rows) == 0 {
		return
	}
	header := []string{"scenario", "bindings"}
	for _, c := range columns {
		header = append(header, c.title)
	}
	lines := [][]string{header}
	for _, r := range t.rows {
		line := []string{r.scenario, strconv.Itoa(r.size.bindings)}
		for _, c := range columns {
			line = append(line, cell(c.value(r)))
		}
		lines = append(lines, line)
	}
	fmt.Fprintln(f.out)
	printMarkdown(f, lines)
	t.printGrowth(f)
}

// printGrowth compares the two largest sizes: the factor by which each column grows beside that of the bindings.
func (t *table) printGrowth(f *figures) {
	sizes := t.sizes()
	if len(sizes) < 2 {
		return
	}
	from, to := sizes[len(sizes)-2], sizes[len(sizes)-1]
	linear := float64(to.bindings) / float64(from.bindings)
	for _, small := range t.rows {
		i := slices.IndexFunc(t.rows, func(r row) bool { return r.scenario == small.scenario && r.size == to })
		if small.size != from || i < 0 {
			continue
		}
		for _, c := range columns {
			if before := c.value(small); c.grows && before > 0 {
				f.print(figure{
					name:  fmt.Sprintf("growth_%s_%s", small.scenario, strings.ToLower(strings.ReplaceAll(c.title, " ", "_"))),
					value: c.value(t.rows[i]) / before, unit: "times", bound: &linear, notes: []string{fmt.Sprintf("from=%d to=%d", from.bindings, to.bindings)},
				})
			}
		}
	}
}

// sizes are those of the rows, the smallest first.
func (t *table) sizes() []size {
	var sizes []size
	for _, r := range t.rows {
		if !slices.Contains(sizes, r.size) {
			sizes = append(sizes, r.size)
		}
	}
	slices.SortFunc(sizes, func(a, b size) int { return a.bindings - b.bindings })
	return sizes
}

func cell(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
}

func printMarkdown(f *figures, lines [][]string) {
	for i, line := range lines {
		fmt.Fprintln(f.out, "| "+strings.Join(line, " | ")+" |")
		if i == 0 {
			fmt.Fprintln(f.out, strings.Repeat("|---", len(line))+"|")
		}
	}
	fmt.Fprintln(f.out)
}

// suffix is the size in the names of figures.
func (s size) suffix() string { return strconv.Itoa(s.bindings) }
