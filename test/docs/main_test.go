package docs

import (
	"fmt"
	"os"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// env is the API server that the examples are shown to.
var env *environment.Environment

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if env, err = environment.Start(); err != nil {
		return 0, err
	}
	defer func() {
		if stopped := env.Stop(); err == nil {
			err = stopped
		}
	}()
	return m.Run(), nil
}
