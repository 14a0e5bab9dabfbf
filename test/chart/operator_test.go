package chart

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// manager is the program, built once.
var manager = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "manager")
	build := exec.Command("go", "build", "-o", path, "./cmd/manager")
	build.Dir = env.Root
	out, err := build.CombinedOutput()
	if err != nil {
		return string(out), err
	}
	return path, nil
})

// operator is the program of a Deployment that is installed. There is no node here, so it runs beside the API server: with
// the Deployment's arguments and the rights of its service account, and with nothing else.
type operator struct {
	account         client.ObjectKey
	metrics, probes string
	command         *exec.Cmd
}

// start runs the program until the test ends or stop is called, and waits until it is ready.
func start(t *testing.T, namespace string) *operator {
	t.Helper()
	o, log := launch(t, namespace)
	t.Cleanup(func() {
		o.stop()
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, `"level":"error"`) && !strings.Contains(line, "after stop sequence was engaged") {
				t.Errorf("the operator is at odds with something: %s", line)
			}
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	eventually(t, "the operator gets ready", func() string { return not(http.StatusOK, o.probe("readyz")) })
	return o
}

// launch runs the program, with more flags, until stop is called.
func launch(t *testing.T, namespace string, flags ...string) (*operator, *strings.Builder) {
	t.Helper()
	path, err := manager()
	if err != nil {
		t.Fatalf("build the manager: %v\n%s", err, path)
	}
	var d appsv1.Deployment
	if err := kube.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: release + "-controller-manager"}, &d); err != nil {
		t.Fatal(err)
	}
	o := &operator{
		account: client.ObjectKey{Namespace: namespace, Name: d.Spec.Template.Spec.ServiceAccountName},
		metrics: environment.FreeAddress(), probes: environment.FreeAddress(),
	}
	all := append(arguments(d), "--kubeconfig", o.kubeconfig(t), "--metrics-bind-address", o.metrics, "--health-probe-bind-address", o.probes)
	maySoon(t, o.account)
	o.command = exec.Command(path, append(all, flags...)...)
	log := &strings.Builder{}
	o.command.Stdout, o.command.Stderr = log, log
	if err := o.command.Start(); err != nil {
		t.Fatal(err)
	}
	return o, log
}

// probe is how the program answers the kubelet, 0 if it does not.
func (o *operator) probe(path string) int { return environment.Status("http://"+o.probes+"/"+path, "") }

// stop ends the program in good order.
func (o *operator) stop() {
	_ = o.command.Process.Signal(os.Interrupt) // it may have ended already
	_ = o.command.Wait()
}

// arguments are the container's, as the kubelet would put them.
func arguments(d appsv1.Deployment) []string {
	var all []string
	for _, argument := range d.Spec.Template.Spec.Containers[0].Args {
		all = append(all, strings.ReplaceAll(argument, "$(POD_NAMESPACE)", d.Namespace))
	}
	return all
}

// kubeconfig is a file with the rights of the operator's service account.
func (o *operator) kubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	file := clientcmdapi.NewConfig()
	file.Clusters["c"] = &clientcmdapi.Cluster{Server: env.Config.Host, CertificateAuthorityData: env.Config.CAData}
	file.AuthInfos["a"] = &clientcmdapi.AuthInfo{Token: tokenOf(t, o.account)}
	file.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "a"}
	file.CurrentContext = "x"
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func tokenOf(t *testing.T, account client.ObjectKey) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: account.Name, Namespace: account.Namespace}}
	if err := kube.SubResource("token").Create(t.Context(), owner, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// protocol is what a server settles on with a client that speaks both.
func protocol(t *testing.T, address string) string {
	t.Helper()
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}}
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	settled, _ := connection.(*tls.Conn)
	return settled.ConnectionState().NegotiatedProtocol
}
