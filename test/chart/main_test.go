package chart

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// system is the operator's namespace, release the name with which Helm's names are those of kustomize.
const (
	system  = "scopedtoken-system"
	release = "scopedtoken"
)

var (
	update = flag.Bool("update", false, "write the golden files")

	env      *environment.Environment
	kube     client.Client
	scheme   = runtime.NewScheme()
	scratch  string // for what Helm keeps
	auditLog string // what the API server was asked, and by whom
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if scratch, err = os.MkdirTemp("", "chart-"); err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log.SetLogger(logr.Discard()) // clients have nothing to say
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(apiextensionsv1.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	if env, err = environment.StartWith(environment.Options{WithoutCRDs: true, APIServer: audited}); err != nil {
		return 0, err
	}
	defer func() {
		if stopped := env.Stop(); err == nil {
			err = stopped
		}
	}()
	if kube, err = client.New(env.Config, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(env.Root, "bin", "helm")); err != nil {
		return 0, fmt.Errorf("there is no Helm, run `make bin/helm`: %w", err)
	}
	return m.Run(), nil
}

// audited has the API server write down every request that it has answered.
func audited(server *envtest.APIServer) {
	policy := filepath.Join(scratch, "audit.yaml")
	auditLog = filepath.Join(scratch, "audit.log")
	content := "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
	if err := os.WriteFile(policy, []byte(content), 0o600); err != nil {
		panic(err)
	}
	server.Configure().Append("audit-policy-file", policy).Append("audit-log-path", auditLog).Append("audit-log-mode", "blocking")
}
