package docs

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/scopedtoken/scopedtoken-operator/test/environment"
)

// node stands for the cluster's nodes: it runs the operator's program for every Deployment of it, with the arguments that
// the Deployment has and the rights of its service account, and says in the status whether it is ready. Of several
// replicas it runs one.
type node struct {
	folder, program string
	kubeconfig      string // an administrator's
	environment     []string
	kube            kubernetes.Interface

	mu      sync.Mutex
	running map[types.UID]*process
	cancel  context.CancelFunc
	done    chan struct{}
}

type process struct {
	wanted, probes string
	command        *exec.Cmd
	log            *output
	ended          chan struct{}
}

func newNode(t *testing.T, folder string, a *astro) *node {
	t.Helper()
	n := &node{folder: folder, program: filepath.Join(folder, "manager"), kubeconfig: env.Kubeconfig, running: map[types.UID]*process{}}
	n.environment = append(os.Environ(), "HTTPS_PROXY="+a.proxy, "SSL_CERT_FILE="+a.authority)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", n.program, "./cmd/manager")
	build.Dir = env.Root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the operator: %v\n%s", err, out)
	}
	config := rest.CopyConfig(env.Config)
	var err error
	n.kube, err = kubernetes.NewForConfig(config)
	must(t, err)
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.done = cancel, make(chan struct{})
	go func() {
		defer close(n.done)
		for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
			n.look(ctx)
		}
	}()
}

// stop ends every program, so that nothing works on a cluster that is being reset.
func (n *node) stop() {
	n.cancel()
	<-n.done
	for _, uid := range slices.Collect(maps.Keys(n.running)) {
		n.end(uid)
	}
}

// look runs what is wanted, ends what is not, and tells how it is.
func (n *node) look(ctx context.Context) {
	list, err := n.kube.AppsV1().Deployments("").List(ctx, metav1.ListOptions{LabelSelector: "control-plane=controller-manager"})
	if err != nil {
		return
	}
	wanted := map[types.UID]bool{}
	for _, d := range list.Items {
		if d.DeletionTimestamp == nil && *d.Spec.Replicas > 0 {
			wanted[d.UID] = true
			n.run(&d)
		}
		n.tell(ctx, &d)
	}
	for _, uid := range slices.Collect(maps.Keys(n.running)) {
		if !wanted[uid] {
			n.end(uid)
		}
	}
}

func (n *node) run(d *appsv1.Deployment) {
	template := d.Spec.Template.String()
	if p := n.running[d.UID]; p != nil && p.wanted == template {
		return
	}
	n.end(d.UID)
	p := &process{wanted: template, probes: environment.FreeAddress(), log: &output{}, ended: make(chan struct{})}
	arguments := []string{"--kubeconfig", n.rightsOf(d)}
	for _, a := range d.Spec.Template.Spec.Containers[0].Args {
		arguments = append(arguments, strings.ReplaceAll(a, "$(POD_NAMESPACE)", d.Namespace))
	}
	arguments = append(arguments, "--metrics-bind-address=0", "--health-probe-bind-address="+p.probes)
	p.command = exec.Command(n.program, arguments...)
	p.command.Env = slices.Concat(n.environment, []string{"POD_NAMESPACE=" + d.Namespace})
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if err := p.command.Start(); err != nil {
		return // its Deployment is not ready then, which is what the test waits for
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait()
	}()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running[d.UID] = p
}

// end stops a program in good order, as the kubelet does.
func (n *node) end(uid types.UID) {
	n.mu.Lock()
	p := n.running[uid]
	delete(n.running, uid)
	n.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.command.Process.Signal(os.Interrupt)
	<-p.ended
}

// rightsOf is a kubeconfig of the Deployment's service account.
func (n *node) rightsOf(d *appsv1.Deployment) string {
	config, err := clientcmd.LoadFromFile(n.kubeconfig)
	if err != nil {
		return ""
	}
	for _, auth := range config.AuthInfos {
		auth.Impersonate = "system:serviceaccount:" + d.Namespace + ":" + d.Spec.Template.Spec.ServiceAccountName
	}
	path := filepath.Join(n.folder, "kubeconfig-"+string(d.UID))
	_ = clientcmd.WriteToFile(*config, path)
	return path
}

// tell writes the status that the Deployment's controller would write.
func (n *node) tell(ctx context.Context, d *appsv1.Deployment) {
	count, available := *d.Spec.Replicas, corev1.ConditionTrue
	if p := n.running[d.UID]; count > 0 && !p.ready() {
		count, available = 0, corev1.ConditionFalse
	}
	status := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: count, UpdatedReplicas: count, ReadyReplicas: count, AvailableReplicas: count,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: available, Reason: "Told"},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
	if equality.Semantic.DeepEqual(status, d.Status) {
		return
	}
	d.Status = status
	_, _ = n.kube.AppsV1().Deployments(d.Namespace).UpdateStatus(ctx, d, metav1.UpdateOptions{}) // or the next time
}

func (p *process) ready() bool {
	if p == nil {
		return false
	}
	return environment.Status("http://"+p.probes+"/readyz", "") == http.StatusOK
}

// output is what a program has said. It can be read while the program goes on.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(said []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(said)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// logs are what the programs that run have said.
func (n *node) logs() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all strings.Builder
	for _, p := range n.running {
		all.WriteString(p.log.String())
	}
	return all.String()
}
