package stb

import (
	"fmt"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// DefaultHost is the host of Astro's API.
const DefaultHost = "api.astronomer.io"

// session is one run of the program: where it prints, and what the flags say that every command has.
type session struct {
	genericiooptions.IOStreams

	version           string
	kubernetes        *genericclioptions.ConfigFlags
	connection        string
	operatorNamespace string
	hosts             []string

	environ func(string) (string, bool)
	clock   func() time.Time
}

// exit is an error that only sets the exit code: what there is to say was printed.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// must is for what only a mistake in this package makes fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
