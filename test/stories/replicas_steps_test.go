package stories

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// program builds the operator as it is shipped, into a folder that goes with the story.
func program(ctx context.Context) string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "manager")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "../../cmd/manager").CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), string(out))
	return path
}

// replica is one process of the operator, of several that elect a leader.
type replica struct {
	command *exec.Cmd
	ended   chan struct{}
	probes  string
}

// replica starts a process for the world, and waits until it is up, leading or not.
func (w *world) replica(program string) *replica {
	GinkgoHelper()
	r := &replica{ended: make(chan struct{}), probes: environment.FreeAddress()}
	r.command = exec.Command(program, "--kubeconfig="+w.kubeconfig(), "--leader-elect", "--operator-namespace="+w.system,
		"--watch-namespaces="+w.namespace, "--allowed-api-hosts="+strings.TrimPrefix(w.sim.URL(), "http://"),
		"--metrics-bind-address=0", "--health-probe-bind-address="+r.probes, "--audit-log="+w.audit.file())
	r.command.Stdout, r.command.Stderr = GinkgoWriter, GinkgoWriter
	Expect(r.command.Start()).To(Succeed())
	go func() {
		_ = r.command.Wait() // how it ended is the story's business
		close(r.ended)
	}()
	DeferCleanup(func() { r.end(os.Kill) })
	Eventually(r.answers).Should(BeTrue(), "the replica is up")
	return r
}

func (r *replica) answers() bool {
	return environment.Status("http://"+r.probes+"/readyz", "") == http.StatusOK
}

// end sends the process a signal and waits until it has ended.
func (r *replica) end(signal os.Signal) {
	_ = r.command.Process.Signal(signal) // it may have ended already
	<-r.ended
}

// leader is who holds the lease of the world's replicas, "" if nobody does.
func (w *world) leader() string {
	GinkgoHelper()
	var leases coordinationv1.LeaseList
	Expect(w.kube.List(w.ctx, &leases, client.InNamespace(w.system))).To(Succeed())
	for _, lease := range leases.Items {
		if lease.Spec.HolderIdentity != nil {
			return *lease.Spec.HolderIdentity
		}
	}
	return ""
}

// kubeconfig is a file with an administrator's access to the world's cluster.
func (w *world) kubeconfig() string {
	GinkgoHelper()
	path := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
	Expect(clientcmd.WriteToFile(kubeconfigOf(w.admin), path)).To(Succeed())
	return path
}

func kubeconfigOf(config *rest.Config) clientcmdapi.Config {
	const name = "stories"
	file := clientcmdapi.NewConfig()
	file.Clusters[name] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData}
	file.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	file.CurrentContext = name
	return *file
}

// figure is a measurement that is printed with the results of the stories.
func figure(name string, d time.Duration) {
	AddReportEntry("figure "+name, d.Round(10*time.Millisecond).String(), ReportEntryVisibilityAlways)
}
