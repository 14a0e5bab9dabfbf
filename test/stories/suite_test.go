package stories

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scopedtoken/scopedtoken-operator/api/v1alpha1"
	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

var (
	scheme = runtime.NewScheme()
	admin  *rest.Config
	kube   client.Client
	etcd   string // the URL of the store behind the API server

	kubectlPath string
)

// storyTimeout is how long a step of a story may take: much longer than it does, since machines differ and all of them are busy.
func storyTimeout() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("STORY_TIMEOUT")); err == nil {
		return d
	}
	return time.Minute
}

func TestStories(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(storyTimeout())
	SetDefaultEventuallyPollingInterval(25 * time.Millisecond)
	RunSpecs(t, "Stories")
}

// One API server serves all stories: of this process, or of all of them where Ginkgo runs several side by side.
var _ = SynchronizedBeforeSuite(func(_ context.Context) []byte {
	env, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(env.Stop)
	kubeconfig, err := os.ReadFile(env.Kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	return append([]byte(env.Etcd+"\n"+env.Kubectl+"\n"), kubeconfig...)
}, func(_ context.Context, shared []byte) {
	url, others, _ := bytes.Cut(shared, []byte("\n"))
	path, kubeconfig, _ := bytes.Cut(others, []byte("\n"))
	etcd, kubectlPath = string(url), string(path)
	log.SetLogger(GinkgoLogr)
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	var err error
	admin, err = clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	Expect(err).NotTo(HaveOccurred())
	admin.QPS = -1
	kube, err = client.New(admin, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
})
