package apirules

import (
	"context"
	"fmt"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	astrov1alpha1 "github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// namespace is where the tests put what has one.
const namespace = "apirules"

var (
	env     *environment.Environment
	objects dynamic.Interface
	typed   client.Client
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
	if env, err = environment.Start(); err != nil {
		return 0, err
	}
	defer func() {
		if stopped := env.Stop(); err == nil {
			err = stopped
		}
	}()
	if objects, err = dynamic.NewForConfig(env.Config); err != nil {
		return 0, err
	}
	if err = astrov1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return 0, err
	}
	if typed, err = client.New(env.Config, client.Options{Scheme: scheme.Scheme}); err != nil {
		return 0, err
	}
	if err = typed.Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
