package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

func main() {
	spec := flag.String("spec", "", "OpenAPI document of Astro's v1 API")
	folder := flag.String("exchanges", "", "folder with the recorded exchanges")
	flag.Parse()
	if err := run(*spec, *folder, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

// run checks every exchange of the folder, and says what was found.
func run(spec, folder string, out io.Writer) error {
	d, err := loadDocument(spec)
	if err != nil {
		return err
	}
	files, err := recordsIn(folder)
	if err != nil {
		return err
	}
	r := newReport()
	if err := checkAll(d, files, r); err != nil {
		return err
	}
	return r.print(d, out)
}

// recordsIn are the files of exchanges in the folder, and in those within it.
func recordsIn(folder string) (files []string, err error) {
	err = filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
		if filepath.Ext(name) == ".jsonl" {
			files = append(files, name)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there are no exchanges in %s: tests record them if ASTROSIM_RECORD names a folder", folder)
	}
	return files, err
}

// checkAll goes through the files side by side.
func checkAll(d *document, files []string, r *report) error {
	var group sync.WaitGroup
	queue := make(chan string)
	failures := make(chan error, len(files))
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for file := range queue {
				failures <- readExchanges(file, func(place string, e *exchange) error { return r.see(d, place, e) })
			}
		})
	}
	for _, file := range files {
		queue <- file
	}
	close(queue)
	group.Wait()
	close(failures)
	var all error
	for err := range failures {
		all = errors.Join(all, err)
	}
	return all
}

// report gathers what is found.
type report struct {
	mu         sync.Mutex
	seen       map[string]bool // exchanges that were checked
	exchanges  int
	byOperator int
	operations map[string]int
	skipped    map[string]int
	deviations map[deviation]int
	first      map[deviation]string
}

func newReport() *report {
	return &report{
		seen: map[string]bool{}, operations: map[string]int{}, skipped: map[string]int{}, deviations: map[deviation]int{}, first: map[deviation]string{},
	}
}

// see checks an exchange, unless one that is the same in everything that is checked was.
func (r *report) see(d *document, place string, e *exchange) error {
	if !r.enter(e) {
		return nil
	}
	v, err := d.check(e)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations[v.operation]++
	if v.skipped != "" {
		r.skipped[v.skipped]++
	}
	for _, found := range v.deviations {
		r.deviations[found]++
		if r.first[found] == "" {
			r.first[found] = place
		}
	}
	return nil
}

func (r *report) enter(e *exchange) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges++
	if e.byOperator() {
		r.byOperator++
	}
	key := e.fingerprint()
	known := r.seen[key]
	r.seen[key] = true
	return !known
}

func (r *report) print(d *document, out io.Writer) error {
	for _, operation := range slices.Sorted(maps.Keys(r.operations)) {
		_, _ = fmt.Fprintf(out, "%7d %s\n", r.operations[operation], operation)
	}
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		_, _ = fmt.Fprintf(out, "%7d answers not checked: %s\n", r.skipped[why], why)
	}
	found := slices.SortedFunc(maps.Keys(r.deviations), func(a, b deviation) int {
		return cmp.Or(cmp.Compare(a.operation, b.operation), cmp.Compare(a.side, b.side), cmp.Compare(a.reason, b.reason))
	})
	for _, f := range found {
		_, _ = fmt.Fprintf(out, "DEVIATION, %d times: %s, %s: %s\n        first in %s\n", r.deviations[f], f.operation, f.side, f.reason, r.first[f])
	}
	_, _ = fmt.Fprintf(out, "%d exchanges, %d of them the operator's, %d distinct; %d operations in the document\n",
		r.exchanges, r.byOperator, len(r.seen), d.operations)
	switch {
	case len(found) > 0:
		return fmt.Errorf("%d deviations from the document", len(found))
	case r.byOperator == 0:
		return errors.New("not one exchange of the operator: that proves nothing of it")
	}
	return nil
}
