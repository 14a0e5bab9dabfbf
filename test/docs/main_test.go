package docs

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var (
	env     *environment.Environment // the API server that the examples are shown to
	cluster *store                   // how it was when it was new
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if env, err = environment.StartWith(environment.Options{WithoutCRDs: true}); err != nil {
		return 0, err
	}
	defer func() {
		if stopped := env.Stop(); err == nil {
			err = stopped
		}
	}()
	if cluster, err = openStore(context.Background(), env.Etcd); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
