package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pods are the operator's, without those that are going.
func (w *world) pods(ctx context.Context) []corev1.Pod {
	GinkgoHelper()
	var list corev1.PodList
	Expect(w.kube.List(ctx, &list, client.InNamespace(system))).To(Succeed())
	var alive []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			alive = append(alive, pod)
		}
	}
	return alive
}

// whole waits until both replicas are ready.
func (w *world) whole(ctx context.Context) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		pods := w.pods(ctx)
		g.Expect(pods).To(HaveLen(2))
		for _, pod := range pods {
			g.Expect(ready(pod)).To(BeTrue(), pod.Name)
		}
	}).Should(Succeed())
}

func ready(pod corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// holder is who holds the lease, "" if nobody does. A name begins with that of the Pod.
func (w *world) holder(ctx context.Context) string {
	var l coordinationv1.Lease
	if err := w.kube.Get(ctx, key(system, lease), &l); err != nil || l.Spec.HolderIdentity == nil {
		return ""
	}
	return *l.Spec.HolderIdentity
}

// leader is the Pod that works.
func (w *world) leader(ctx context.Context) corev1.Pod {
	GinkgoHelper()
	var found corev1.Pod
	Eventually(func(g Gomega) {
		name, _, _ := strings.Cut(w.holder(ctx), "_")
		g.Expect(name).NotTo(BeEmpty(), "nobody holds the lease")
		g.Expect(w.kube.Get(ctx, key(system, name), &found)).To(Succeed())
	}).Should(Succeed())
	return found
}

// succeeded waits until somebody else leads.
func (w *world) succeeded(ctx context.Context, before string) {
	GinkgoHelper()
	Eventually(func() string { return w.holder(ctx) }).ShouldNot(Or(BeEmpty(), Equal(before)))
}

// evict asks for a Pod to go, as `kubectl drain` does.
func (w *world) evict(ctx context.Context, pod corev1.Pod) error {
	return w.kube.SubResource("eviction").Create(ctx, &pod, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
}

// process is the id of the program of a Pod, 0 if its node's processes are not to be seen from here.
func process(pod corev1.Pod) int {
	GinkgoHelper()
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	Expect(id).NotTo(BeEmpty(), "the container of %s has no id", pod.Name)
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	Expect(err).NotTo(HaveOccurred())
	for _, file := range groups {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), id) {
			continue // it has ended, or it is another's
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		Expect(err).NotTo(HaveOccurred())
		if command, err := os.ReadFile(proc(pid, "cmdline")); err == nil && strings.HasPrefix(string(command), "/manager") {
			return pid
		}
	}
	return 0
}

// proc is a file of what the kernel tells of a process.
func proc(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }

// facts are what the kernel says of a process.
func facts(pid int) map[string]string {
	GinkgoHelper()
	text, err := os.ReadFile(proc(pid, "status"))
	Expect(err).NotTo(HaveOccurred())
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		all[name] = strings.Join(strings.Fields(value), " ")
	}
	return all
}
