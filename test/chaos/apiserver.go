package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// apiServer is an API server that can be killed and started again on the same port and the same etcd.
type apiServer struct {
	*environment.Environment

	port    string
	command *exec.Cmd // once it was started again
	pid     int
	args    []string
}

func startAPIServer() (*apiServer, error) {
	var server *envtest.APIServer
	env, err := environment.StartWith(environment.Options{APIServer: func(s *envtest.APIServer) {
		server = s
	}})
	if err != nil {
		return nil, err
	}
	a := &apiServer{Environment: env, port: server.Port}
	a.find()
	return a, nil
}

// find looks for the process, which envtest does not give away: the child of ours that serves the port.
func (a *apiServer) find() {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		line, err := os.ReadFile(filepath.Join(folder, "cmdline"))
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if filepath.Base(args[0]) != "kube-apiserver" || !strings.Contains(string(line), "--secure-port="+a.port+"\x00") {
			continue
		}
		a.args = args
		a.pid, _ = strconv.Atoi(filepath.Base(folder))
	}
}

// canRestart is false where processes cannot be looked up.
func (a *apiServer) canRestart() bool { return a.pid > 0 }

// restart kills the API server and starts it again, and waits until it answers.
func (a *apiServer) restart(ctx context.Context) error {
	a.kill()
	command := exec.Command(a.args[0], a.args[1:]...)
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the API server again: %w", err)
	}
	a.command, a.pid = command, command.Process.Pid
	return a.ready(ctx)
}

func (a *apiServer) kill() {
	process, err := os.FindProcess(a.pid)
	if err != nil {
		return
	}
	_ = process.Kill()
	if a.command != nil {
		_ = a.command.Wait()
		return
	}
	for range 500 { // envtest waits for it
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", a.pid)); errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (a *apiServer) ready(ctx context.Context) error {
	client, err := rest.HTTPClientFor(a.Config)
	if err != nil {
		return err
	}
	client.Timeout = 2 * time.Second
	u, _, err := rest.DefaultServerUrlFor(a.Config)
	if err != nil {
		return err
	}
	u.Path = "/readyz"
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		response, err := client.Get(u.String())
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the API server does not come back")
}

// stop ends all of it. Asked to end, the API server would wait a minute for the watches that are still open.
func (a *apiServer) stop() error {
	if a.canRestart() {
		a.kill()
	}
	return a.Stop()
}
