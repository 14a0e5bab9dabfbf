package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// release is a version of the operator to install: a chart and the tag of its image.
type release struct{ chart, tag string }

// settings are what `make e2e` tells. Each is a variable of the environment.
type settings struct {
	kubeconfig, helm, kubectl string
	repository                string // of the image, without its tag
	previous, current         release
	load                      string // the command that takes an image archive as its last argument
	archives                  []string
	root                      string // of the Git repository
}

func readSettings() settings {
	GinkgoHelper()
	return settings{
		kubeconfig: needed("KUBECONFIG", "the cluster to install on"),
		helm:       needed("HELM", "Helm's program"), kubectl: needed("KUBECTL", "kubectl's program"),
		repository: needed("E2E_REPOSITORY", "the name of the image without its tag"),
		previous:   release{needed("E2E_PREVIOUS_CHART", "chart of the previous version"), needed("E2E_PREVIOUS_TAG", "its image's tag")},
		current:    release{needed("E2E_CHART", "chart of this version"), needed("E2E_TAG", "its image's tag")},
		load:       needed("E2E_LOAD", "command that loads an image archive, its last argument, onto the nodes"),
		archives:   strings.Fields(needed("E2E_ARCHIVES", "the image archives")),
		root:       filepath.Join("..", ".."),
	}
}

// needed is a variable without which nothing can be tested, which is a failure and no reason to skip anything.
func needed(name, what string) string {
	GinkgoHelper()
	value := os.Getenv(name)
	Expect(value).NotTo(BeEmpty(), "%s is not set (%s): run `make e2e`, see CONTRIBUTING.md", name, what)
	return value
}

// loadImages brings the images to the nodes.
func (s settings) loadImages(ctx context.Context) {
	GinkgoHelper()
	for _, archive := range s.archives {
		run(ctx, "bash", "-c", s.load+` "$1"`, "load", archive)
	}
}

// run runs a command and returns what it printed.
func run(ctx context.Context, program string, args ...string) string {
	GinkgoHelper()
	out, err := try(ctx, program, args...)
	Expect(err).NotTo(HaveOccurred(), "%s %s\n%s", program, strings.Join(args, " "), out)
	return out
}

func try(ctx context.Context, program string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, program, args...)
	out, err := command.CombinedOutput()
	GinkgoWriter.Printf("$ %s %s\n%s\n", filepath.Base(program), strings.Join(args, " "), out)
	return string(out), err
}
