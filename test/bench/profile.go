package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profileFor takes a profile of the operator's processor time in a scenario for so long, if profiles are asked for and the
// manager serves them. The result waits for the profile and takes one of the memory.
func (w *world) profileFor(scenario string, d time.Duration) (finish func()) {
	if !w.profile {
		return func() {}
	}
	if w.operator.pprof == "" {
		fmt.Fprintln(os.Stderr, "bench: no profile: the manager has no flag --profiles")
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.saveProfile(scenario+".cpu", fmt.Sprintf("profile?seconds=%d", int(d.Seconds()+1)))
	}()
	return func() {
		<-done
		w.saveProfile(scenario+".heap", "heap?gc=1")
	}
}

func (w *world) saveProfile(kind, path string) {
	file := filepath.Join(w.folder, w.name+"."+kind+".prof")
	data, err := get(w.operator.pprof + path)
	if err == nil {
		err = os.WriteFile(file, []byte(data), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no profile:", err)
		return
	}
	fmt.Println("# profile", file)
}
