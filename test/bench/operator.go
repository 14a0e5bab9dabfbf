package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// launch is how an operator is started.
type launch struct {
	program, log string
	args         []string
	profile      bool
}

// operator is a running manager.
type operator struct {
	command *exec.Cmd
	log     *os.File
	started time.Time
	exited  chan struct{}
	metrics string // URL
	pprof   string // URL, "" if there is none
}

// startOperator starts the manager and waits until it answers.
func startOperator(ctx context.Context, l launch) (*operator, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	o := &operator{exited: make(chan struct{}), metrics: "http://" + addresses[0] + "/metrics"}
	args := append(slices.Clone(l.args), "--metrics-bind-address="+addresses[0], "--metrics-secure=false", "--health-probe-bind-address=0")
	if l.profile && takes(l.program, "profiles") {
		o.pprof = "http://" + addresses[0] + "/debug/pprof/"
		args = append(args, "--profiles")
	}
	if o.log, err = os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		return nil, err
	}
	o.command = exec.Command(l.program, args...)
	o.command.Stdout, o.command.Stderr = o.log, o.log
	o.started = time.Now()
	if err := o.command.Start(); err != nil {
		return nil, fmt.Errorf("start the operator: %w", err)
	}
	go func() {
		_ = o.command.Wait() // its log says why it ended
		close(o.exited)
	}()
	if err := poll(ctx, seldom, time.Minute, o.answers); err != nil {
		o.stop()
		return nil, fmt.Errorf("the operator does not answer, see %s: %w", l.log, err)
	}
	return o, nil
}

func (o *operator) answers() (bool, error) {
	select {
	case <-o.exited:
		return false, fmt.Errorf("it ended: %s", o.command.ProcessState)
	default:
		_, err := get(o.metrics)
		return err == nil, nil
	}
}

// stop ends the operator in good order, and otherwise.
func (o *operator) stop() {
	if o == nil {
		return
	}
	_ = o.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.exited:
	case <-time.After(30 * time.Second):
		_ = o.command.Process.Kill()
		<-o.exited
	}
	_ = o.log.Close()
}

// takes reports whether the program has a flag.
func takes(program, flag string) bool {
	help, _ := exec.Command(program, "--help").CombinedOutput()
	return bytes.Contains(help, []byte("-"+flag))
}

// freeAddresses are on loopback, and nobody's at the moment.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
	}
	return string(body), err
}
