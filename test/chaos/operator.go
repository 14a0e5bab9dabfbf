package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// raced is the exit code of a manager built with -race that has found a data race.
const raced = 66

// operator keeps one manager running: what Kubernetes does for a Pod, whatever ended it.
type operator struct {
	program string
	args    []string
	history *history

	mu      sync.Mutex
	command *exec.Cmd
	wanted  bool
	pause   time.Duration // before the next start
	run     int           // the number of the running process
	kills   int
	crashes []string
	ends    map[int]time.Time // when each process ended
	spent   time.Duration     // of the processor
	log     *logs
	keeper  chan struct{}
}

// start runs the manager until stop.
func (o *operator) start() error {
	o.wanted, o.log, o.keeper, o.ends = true, &logs{}, make(chan struct{}), map[int]time.Time{}
	if err := o.launch(); err != nil {
		return fmt.Errorf("start the operator: %w", err)
	}
	go o.keep()
	return nil
}

func (o *operator) launch() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.wanted {
		return nil
	}
	o.run++
	o.log.mark(o.run)
	o.command = exec.Command(o.program, o.args...)
	o.command.Stdout, o.command.Stderr = o.log, o.log
	o.command.Env = append(os.Environ(), fmt.Sprintf("GORACE=halt_on_error=1 exitcode=%d", raced))
	return o.command.Start()
}

// keep starts the manager again whenever it ends.
func (o *operator) keep() {
	defer close(o.keeper)
	for {
		o.mu.Lock()
		command := o.command
		o.mu.Unlock()
		err := command.Wait()
		o.mu.Lock()
		wanted, pause := o.wanted, o.pause
		o.spent += command.ProcessState.UserTime() + command.ProcessState.SystemTime()
		if wanted {
			o.ends[o.run] = time.Now()
		}
		if wanted && !killed(command) {
			o.history.notef("operator", "ended by itself: %v", err)
			if code := command.ProcessState.ExitCode(); code == 2 || code == raced { // a panic, or a data race
				o.crashes = append(o.crashes, o.log.tail(6000))
			}
			pause = 50 * time.Millisecond
		}
		o.mu.Unlock()
		if !wanted {
			return
		}
		time.Sleep(pause)
		if err := o.launch(); err != nil {
			o.history.notef("operator", "cannot be started: %v", err)
			return
		}
	}
}

func killed(c *exec.Cmd) bool {
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// kill ends the manager without a last word; it starts again after the pause.
func (o *operator) kill(pause time.Duration, why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history.notef("kill", "-9, %s; up again in %s", why, pause)
	o.pause = pause
	o.kills++
	_ = o.command.Process.Kill() // it may have ended already
}

// endedBy says whether a process had ended by then.
func (o *operator) endedBy(process int, then time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ended := o.ends[process]
	return ended && at.Before(then)
}

func (o *operator) processor() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.spent
}

func (o *operator) killCount() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kills
}

// process is the number of the running process.
func (o *operator) process() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.run
}

// stop kills the manager for good.
func (o *operator) stop() {
	o.mu.Lock()
	if !o.wanted {
		o.mu.Unlock()
		return
	}
	o.wanted = false
	_ = o.command.Process.Kill()
	o.mu.Unlock()
	<-o.keeper
}

// logs is what the manager has printed.
type logs struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all.Len() > 16<<20 {
		return len(p), nil
	}
	return l.all.Write(p)
}

func (l *logs) mark(run int) {
	_, _ = fmt.Fprintf(l, "--- process %d, %s\n", run, time.Now().Format("15:04:05.000"))
}

func (l *logs) tail(n int) string {
	all := l.String()
	return all[max(0, len(all)-n):]
}

// String is all of it.
func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
