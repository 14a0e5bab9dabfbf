package main

import (
	_ "embed"
	"html/template"
	"os"
	"time"
)

//go:embed page.html.tmpl
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"next": func(i int) int { return i + 1 }}).Parse(source))

// write writes the page of some charts, each where Grafana has it.
func write(file string, charts []chart, from, to time.Time) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	err = page.Execute(f, map[string]any{"Charts": charts, "From": from.UTC().Format("15:04"), "To": to.UTC().Format("15:04")})
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
