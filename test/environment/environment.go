package environment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Options say how an environment differs from the usual one.
type Options struct {
	// WithoutCRDs leaves the operator's kinds out, for tests that install them themselves.
	WithoutCRDs bool
	// APIServer changes the arguments of kube-apiserver before it starts.
	APIServer func(*envtest.APIServer)
}

// Environment is a running API server.
type Environment struct {
	// Config is an administrator's, with no limit on its rate.
	Config *rest.Config
	// Kubectl is the path of kubectl.
	Kubectl string
	// Kubeconfig is the path of a file with what Config holds.
	Kubeconfig string
	// Etcd is the URL of the store, for what nobody can do through the API server.
	Etcd string
	// Root is the folder of the repository.
	Root string

	control *envtest.Environment
	scratch string
}

// Start runs an API server with the operator's kinds.
func Start() (*Environment, error) {
	return StartWith(Options{})
}

// StartWith runs an API server as the options say.
func StartWith(options Options) (*Environment, error) {
	root, err := repository()
	if err != nil {
		return nil, err
	}
	programs, err := findPrograms(root)
	if err != nil {
		return nil, err
	}
	e := &Environment{Root: root, Kubectl: filepath.Join(programs, "kubectl"), control: controlPlane(root, programs, options)}
	if err := e.start(); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

func controlPlane(root, programs string, options Options) *envtest.Environment {
	control := &envtest.Environment{
		BinaryAssetsDirectory: programs,
		UseExistingCluster:    new(bool), // whatever the variable USE_EXISTING_CLUSTER says: never somebody's cluster
		// A machine that is busy takes its time.
		ControlPlaneStartTimeout: 2 * time.Minute,
		ControlPlaneStopTimeout:  2 * time.Minute, // it answers what is under way first, which may be a watch
	}
	if !options.WithoutCRDs {
		control.CRDDirectoryPaths = []string{filepath.Join(root, "config", "crd", "bases")}
		control.ErrorIfCRDPathMissing = true
	}
	if options.APIServer != nil {
		options.APIServer(control.ControlPlane.GetAPIServer())
	}
	return control
}

func (e *Environment) start() error {
	config, err := startPrograms(e.control)
	if err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	config.QPS = -1
	e.Config, e.Etcd = config, e.control.ControlPlane.Etcd.URL.String()
	return e.writeKubeconfig()
}

// startPrograms has the programs collect garbage rarely: a fifth of kube-apiserver's processor time went into that, and tests have
// memory enough.
func startPrograms(control *envtest.Environment) (*rest.Config, error) {
	const name = "GOGC" // read by a program when it begins, and not by this one any more
	before, set := os.LookupEnv(name)
	if err := os.Setenv(name, "400"); err != nil {
		return nil, err
	}
	config, err := control.Start()
	if set {
		return config, errors.Join(err, os.Setenv(name, before))
	}
	return config, errors.Join(err, os.Unsetenv(name))
}

func (e *Environment) writeKubeconfig() error {
	scratch, err := os.MkdirTemp("", "environment-")
	if err != nil {
		return fmt.Errorf("make a folder for the kubeconfig: %w", err)
	}
	e.scratch = scratch
	e.Kubeconfig = filepath.Join(scratch, "kubeconfig")
	return os.WriteFile(e.Kubeconfig, e.control.KubeConfig, 0o600)
}

// Stop ends the programs and removes what they left. It may be called more than once, and on nil.
func (e *Environment) Stop() error {
	if e == nil || e.control == nil {
		return nil
	}
	control := e.control
	e.control = nil
	return errors.Join(control.Stop(), os.RemoveAll(e.scratch))
}
