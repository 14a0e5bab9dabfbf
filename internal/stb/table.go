package stb

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/scopedtoken/scopedtoken-operator/internal/astro/text"
)

// The values of --output.
const (
	asTable = ""
	asWide  = "wide"
	asJSON  = "json"
	asYAML  = "yaml"
)

// addOutput adds --output with these values.
func addOutput(cmd *cobra.Command, to *string, values ...string) {
	cmd.Flags().StringVarP(to, "output", "o", asTable, "output format: "+strings.Join(values, ", "))
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *to == asTable || slices.Contains(values, *to) {
			return nil
		}
		return fmt.Errorf("--output is %q; it may be %s", *to, strings.Join(values, ", "))
	}
}

// column of a table; one that is wide is there with -o wide only.
type column struct {
	name string
	wide bool
}

// printTable prints as kubectl prints its tables.
func printTable(to io.Writer, wide bool, columns []column, rows [][]string) error {
	return printers.NewTablePrinter(printers.PrintOptions{Wide: wide}).PrintObj(tableOf(columns, rows), to)
}

// printRows prints a table without a head, for columns whose names are not words of ours.
func printRows(to io.Writer, rows [][]string) error {
	return printers.NewTablePrinter(printers.PrintOptions{NoHeaders: true}).PrintObj(tableOf(make([]column, len(rows[0])), rows), to)
}

func tableOf(columns []column, rows [][]string) *metav1.Table {
	table := &metav1.Table{}
	for _, c := range columns {
		definition := metav1.TableColumnDefinition{Name: c.name, Type: "string"}
		if c.wide {
			definition.Priority = 1
		}
		table.ColumnDefinitions = append(table.ColumnDefinitions, definition)
	}
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, cell := range row {
			cells[i] = printable(cell)
		}
		table.Rows = append(table.Rows, metav1.TableRow{Cells: cells})
	}
	return table
}

// printable is text from outside as it may stand on one line of a terminal, of the log of a CI system, and of a file that
// somebody reviews: as it is, or in quotes and escaped if it holds what is not seen or would change how the rest is seen, such
// as line breaks, the escapes of a terminal and marks of direction, or what a CI system would do as it is told. What is
// printable already stays as it is.
func printable(s string) string {
	if strings.ContainsFunc(s, text.Hidden) || s != strings.TrimSpace(s) || strings.HasPrefix(s, "::") || commands.MatchString(s) {
		return commands.ReplaceAllString(text.Quote(s), `#\x23$1`)
	}
	return s
}

// commands begin what GitHub Actions, Azure Pipelines and TeamCity take for a command to them, wherever on a line it stands.
var commands = regexp.MustCompile(`##(\[|vso|teamcity)`)

// orNone is a cell, or kubectl's word for an empty one.
func orNone(cell string) string {
	if cell == "" {
		return "<none>"
	}
	return printable(cell)
}

func timeCell(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
